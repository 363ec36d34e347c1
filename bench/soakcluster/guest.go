//go:build linux

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/coder/websocket"
)

// guest is a client that reconnects whenever it loses its connection.
type guest struct {
	soak   *soak
	no     int
	user   string
	groups []string

	conns int // connections so far
}

// connection is a guest's connection; a guest has one at a time.
type connection struct {
	*receiver
	guest *guest
	at    *nodeProcess
	ws    *websocket.Conn
	talk  *talk           // for one goroutine
	end   chan struct{}   // closed when the guest leaves
	mine  map[id]*sending // requests without an answer; guarded by the soak's lock
}

// live connects and reconnects until the context ends.
func (g *guest) live(ctx context.Context) {
	for ctx.Err() == nil {
		conn, err := g.connect(ctx)
		if err != nil { // the node has just been killed, and this was faster than its notification
			select {
			case <-ctx.Done():
			case <-time.After(20 * time.Millisecond):
			}
			continue
		}
		err = conn.read(ctx)
		g.soak.lost(conn, err)
	}
}

func (g *guest) connect(ctx context.Context) (*connection, error) {
	node := g.soak.leastBusy()
	if node == nil {
		return nil, errors.New("no node serves")
	}
	g.conns++
	name := fmt.Sprintf("c%d.%d", g.no, g.conns)
	query := url.Values{"name": {name}, "user": {g.user}, "groups": {strings.Join(g.groups, ",")}}
	ctx, cancel := context.WithTimeout(ctx, waitLimit)
	defer cancel()
	ws, _, err := websocket.Dial(ctx, "ws://"+node.addr+"/?"+query.Encode(), nil)
	if err != nil {
		g.soak.released(node)
		return nil, err
	}
	ws.SetReadLimit(1 << 20)
	conn := &connection{
		receiver: &receiver{name: name, node: node.name, user: g.user, groups: g.groups},
		guest:    g, at: node, ws: ws, mine: map[id]*sending{}, end: make(chan struct{}),
		talk: newTalk(name, g.soak.cfg.Seed+uint64(g.no)<<20+uint64(g.conns), g.soak.cfg.Groups, g.soak.cfg.users()),
	}
	g.soak.joined(conn)
	return conn, nil
}

// frame is a frame of the server.
type frame struct {
	Action  string
	Payload json.RawMessage
}

// read reads until the connection ends, and returns the reason.
func (n *connection) read(ctx context.Context) error {
	defer n.ws.CloseNow()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-n.end:
			cancel()
		case <-ctx.Done():
		}
	}()
	for {
		_, data, err := n.ws.Read(ctx)
		at := now()
		if err != nil {
			return err
		}
		if err := n.take(data, at); err != nil {
			return err
		}
	}
}

func (n *connection) take(data []byte, at int64) error {
	var f frame
	if err := json.Unmarshal(data, &f); err != nil {
		return err
	}
	switch f.Action {
	case welcome{}.Action():
		var w welcome
		err := json.Unmarshal(f.Payload, &w)
		n.guest.soak.welcomed(n, w, at)
		return err
	case outcome{}.Action():
		var o outcome
		err := json.Unmarshal(f.Payload, &o)
		n.guest.soak.answered(n, o)
		return err
	case said{}.Action(), rang{}.Action():
		var m mark
		err := json.Unmarshal(f.Payload, &m)
		n.guest.soak.received(n, m, at)
		return err
	}
	return fmt.Errorf("unexpected frame %.200s", data)
}

// say requests the node to send. It ignores a lost connection, which read detects.
func (n *connection) say(marks []mark) {
	ctx, cancel := context.WithTimeout(context.Background(), waitLimit)
	defer cancel()
	for _, m := range marks {
		payload, err := json.Marshal(say{m.Event, m.No, m.To})
		if err == nil {
			err = n.ws.Write(ctx, websocket.MessageText, fmt.Appendf(nil, `{"action":"say","payload":%s}`, payload))
		}
		if err != nil {
			return
		}
	}
}
