//go:build linux

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/layer"
)

// nodeRole runs a chanx server that also sends on its own.
type nodeRole struct {
	Name       string
	Layer, URL string
	Rate       float64 // messages and events a second
	Groups     int
	Users      int
	Seed       uint64
}

// nodeReport is a report of a node: one of the fields is set.
type nodeReport struct {
	Addr   string       // its address
	Status *status      // a status of its layer
	Sent   *sending     // a call of its own
	Stats  *chanx.Stats // every second, and at the end
	Quiet  bool         // it sends no more
}

// status is a layer.Status with its time.
type status struct {
	At      int64
	Up, Gap bool
}

const quietOrder = "quiet"

// lastPause separates the last messages to each group, so that they do not test speed.
const lastPause = 50 * time.Millisecond

// node is the state of a nodeRole.
type node struct {
	role nodeRole
	srv  *chanx.Server
	wake chan struct{} // wakes the sender when the layer goes down, so that it makes a call then

	mu     sync.Mutex
	report reporter
}

func (n *node) tell(r nodeReport) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.report.tell(r)
}

func (r *nodeRole) run() error {
	ctx, cancel := context.WithTimeout(context.Background(), waitLimit)
	defer cancel()
	l, err := connect(ctx, r.Layer, r.URL)
	if err != nil {
		return err
	}
	defer l.Close()
	n := &node{role: *r, wake: make(chan struct{}, 1), report: newReporter()}
	n.srv = chanx.NewServer(&chanx.ServerOptions{
		Layer: witness{l, n},
		// The test itself takes the layer down and kills connections, so the log would only repeat that; Stats counts drops.
		Logger: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError})),
	})
	n.srv.Handle("/", newConsumer())
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return err
	}
	web := &http.Server{Handler: n.srv, ReadHeaderTimeout: time.Minute}
	failed := make(chan error, 2)
	go func() { failed <- web.Serve(listener) }()
	go func() { failed <- n.live() }()
	n.tell(nodeReport{Addr: listener.Addr().String()})
	err = <-failed
	ending, cancel := context.WithTimeout(context.Background(), waitLimit)
	defer cancel()
	return errors.Join(err, n.srv.Shutdown(ending), web.Close())
}

// live sends and reports until the orders end.
func (n *node) live() error {
	orders := make(chan string)
	go func() {
		defer close(orders)
		for s := bufio.NewScanner(os.Stdin); s.Scan(); {
			orders <- s.Text()
		}
	}()
	quiet, silent := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(silent)
		n.speak(quiet)
	}()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case text, ok := <-orders:
			switch {
			case !ok:
				return nil
			case text != quietOrder:
				return fmt.Errorf("unknown order %q", text)
			}
			close(quiet)
			<-silent
			n.tell(nodeReport{Quiet: true})
		case <-tick.C:
			n.tellStats()
		}
	}
}

func (n *node) tellStats() {
	s := n.srv.Stats()
	n.tell(nodeReport{Stats: &s})
}

// speak sends in small bursts. At the end it sends a last message and a last event to all.
func (n *node) speak(quiet <-chan struct{}) {
	talk := newTalk(n.role.Name, n.role.Seed, n.role.Groups, n.role.Users)
	for {
		select {
		case <-quiet:
			for i := range n.role.Groups {
				n.send(talk.number(false, group(i)))
				n.send(talk.number(true, group(i)))
				time.Sleep(lastPause)
			}
			n.tellStats()
			return
		case <-n.wake:
		case <-time.After(talk.pause(n.role.Rate)):
		}
		for range burst {
			n.send(talk.next())
		}
	}
}

func (n *node) send(m mark) {
	m.At = now()
	var err error
	if m.Event {
		err = n.srv.Emit(context.Background(), ring{m}, targets(m.To)...)
	} else {
		err = n.srv.Broadcast(context.Background(), said{m}, targets(m.To)...)
	}
	n.tell(nodeReport{Sent: &sending{mark: m, Node: n.role.Name, Done: now(), Error: errorText(err)}})
}

func errorText(err error) string {
	switch {
	case err == nil:
		return ""
	case errors.Is(err, layer.ErrUnavailable):
		return unavailable
	default:
		return err.Error()
	}
}

// witness is a layer that reports the statuses of its link.
type witness struct {
	layer.Layer
	node *node
}

// Open forwards a status after reporting it.
func (w witness) Open(r layer.Receiver) layer.Link {
	pass := r.Status
	r.Status = func(s layer.Status) {
		w.node.tell(nodeReport{Status: &status{now(), s.Up, s.Gap}})
		if !s.Up {
			select {
			case w.node.wake <- struct{}{}:
			default:
			}
		}
		pass(s)
	}
	return w.Layer.Open(r)
}

// visitor is a connection of a client, which identifies itself in the URL.
type visitor struct {
	*chanx.Conn
	name   string
	groups []string
}

func newConsumer() *chanx.Consumer[visitor] {
	c := chanx.NewConsumer(openVisitor, &chanx.ConsumerOptions{
		Authenticator: chanx.AuthenticatorFunc(func(r *http.Request) (chanx.Identity, error) {
			return chanx.Identity{UserID: r.FormValue("user")}, nil
		}),
		AuthenticationMessage: chanx.Disabled,
	})
	c.OnOpen((*visitor).opened)
	chanx.OnRequest(c, (*visitor).say)
	chanx.OnEvent(c, (*visitor).ring)
	chanx.Broadcasts[said](c)
	chanx.Sends[rang](c)
	chanx.Sends[welcome](c)
	return c
}

func openVisitor(c *chanx.Conn, r *http.Request) (*visitor, error) {
	return &visitor{Conn: c, name: r.FormValue("name"), groups: strings.Split(r.FormValue("groups"), ",")}, nil
}

func (v *visitor) opened(ctx context.Context) error {
	err := v.Join(ctx, v.groups...)
	down := errors.Is(err, layer.ErrUnavailable)
	if err != nil && !down {
		return err
	}
	return v.Send(ctx, welcome{down})
}

func (v *visitor) say(ctx context.Context, s say) (outcome, error) {
	m := mark{From: v.name, Event: s.Event, No: s.No, To: s.To, At: now()}
	var err error
	if s.Event {
		err = v.Emit(ctx, ring{m}, targets(s.To)...)
	} else {
		var to []chanx.BroadcastOption
		for _, t := range targets(s.To) {
			to = append(to, t)
		}
		err = v.Broadcast(ctx, said{m}, to...)
	}
	return outcome{m, now(), errorText(err)}, nil
}

func (v *visitor) ring(ctx context.Context, r ring) error { return v.Send(ctx, rang(r)) }
