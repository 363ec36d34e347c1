package parity_test

import (
	"bufio"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobwas/ws"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/chanxtest"
)

// TestRecordedConversations plays what the original was recorded with, in testdata/recorded,
// where README.md says how it is written. What comes now must be what is kept there, and each difference from the recording
// must have one of the reasons in reasons_test.go.
func TestRecordedConversations(t *testing.T) {
	counts := map[string]int{}
	for _, name := range slices.Sorted(maps.Keys(tapeSums)) {
		t.Run(name, func(t *testing.T) {
			f := readTape(t, name)
			if got, want := f.sum(), tapeSums[name]; got != want {
				t.Fatalf("what was recorded has changed: its sum is %s, want %s", got, want)
			}
			camelize, filtered := name == "camelize", false // some are not asked for
			for _, c := range f.cases {
				counts["cases"]++
				if c.unplayed = tapeUnplayed[c.name]; c.unplayed != "" {
					counts["cases not played: "+c.unplayed]++
					continue
				}
				played := false
				t.Run(c.name, func(t *testing.T) {
					played = true
					synctest.Test(t, func(t *testing.T) { c.play(t, camelize) })
				})
				if !played {
					filtered = true
					continue
				}
				counts["cases played"]++
				c.judge(t, counts)
			}
			if !filtered {
				f.compare(t)
			}
		})
	}
	for _, line := range slices.Sorted(maps.Keys(counts)) {
		t.Logf("%5d %s", counts[line], line)
	}
	for _, r := range tapeReasons {
		if counts["cases played"] == 570 && counts[r.key()] == 0 {
			t.Errorf("%s: it is a reason for nothing", r.name)
		}
	}
}

// judge explains the differences of a case.
func (c *tapeCase) judge(t *testing.T, counts map[string]int) {
	all := map[string]bool{}
	for i, turn := range c.turns {
		turn.because = nil
		if turn.together() {
			continue
		}
		reasons, ok := explainTurn(c, i)
		if !ok {
			t.Errorf("%s, after %q:\nrecorded %s\ngot      %s\nand %s is no reason for it", c.name, turn.step,
				turn.recorded, turn.ours, strings.Join(append(reasons, "nothing"), ", "))
		}
		turn.because = reasons
		for _, r := range reasons {
			all[r] = true
		}
	}
	if len(all) == 0 {
		counts["cases played, equal"]++
		return
	}
	counts["cases played, different"]++
	for _, r := range tapeReasons {
		if all[r.name] {
			counts[r.key()]++
		}
	}
}

// quietWindow is for how long the recording waited for what a step causes.
const quietWindow = time.Second

// tapePlayer plays the steps of one case.
type tapePlayer struct {
	t     *testing.T
	srv   *chanx.Server
	paths map[string]bool
	conns map[string]*chanxtest.Conn
	pipes map[string]net.Conn // to the server, below them
	order []string
	ended map[string]bool

	allowInvalid bool // frames
}

func (c *tapeCase) play(t *testing.T, camelize bool) {
	p := &tapePlayer{
		t: t, srv: chanx.NewServer(&chanx.ServerOptions{Logger: quiet, Camelize: camelize}), paths: map[string]bool{},
		conns: map[string]*chanxtest.Conn{}, pipes: map[string]net.Conn{}, ended: map[string]bool{},
		allowInvalid: strings.HasPrefix(c.name, "error-none"), // it sends an error without a payload
	}
	for _, turn := range c.turns {
		turn.ours = p.step(turn)
		if turn.together() {
			if turn.who != turn.next.who {
				synctest.Wait() // or two connections would be in no order
			}
			continue
		}
		time.Sleep(quietWindow) // in a bubble
		synctest.Wait()
		turn.ours = append(turn.ours, p.collect()...)
	}
	if err := p.srv.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
}

// step does what a client or the outside did. A handshake that is not answered with an upgrade is told at once.
func (p *tapePlayer) step(turn *tapeTurn) []tapeNews {
	switch c := p.conns[turn.who]; turn.verb {
	case "dials":
		return p.dial(turn.who, turn.rest)
	case ">":
		c.SendText(unrepeat(unquote(p.t, turn.rest)))
	case "binary":
		c.SendBinary(unhex(p.t, turn.rest))
	case "bytes":
		p.inject(turn.who, ws.NewTextFrame(unhex(p.t, turn.rest)))
	case "fragments":
		var parts []string
		if err := json.Unmarshal([]byte(turn.rest), &parts); err != nil {
			p.t.Fatal(err)
		}
		for i, text := range parts {
			op := ws.OpContinuation
			if i == 0 {
				op = ws.OpText
			}
			p.inject(turn.who, ws.NewFrame(op, i == len(parts)-1, []byte(text)))
		}
	case "closes":
		c.Close(1000, "")
	case "emits":
		p.emit(turn.rest)
	default:
		p.t.Fatalf("what is %q?", turn.step)
	}
	return nil
}

func unhex(t *testing.T, text string) []byte {
	b, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// dial mounts the consumer of a path when it is needed.
func (p *tapePlayer) dial(who, rest string) []tapeNews {
	path, user, _ := strings.Cut(rest, " ")
	route, _, _ := strings.Cut(path, "?")
	name, completions := strings.CutPrefix(route, "/ws/c/")
	name = strings.TrimPrefix(name, "/ws/")
	way, ok := tapeWays[name]
	if i := strings.LastIndexByte(route, '/'); !ok {
		name = name[:strings.LastIndexByte(name, '/')+1]
		way, ok = tapeWays[name]
		route = route[:i+1] + "{pk}"
	}
	o := &chanxtest.DialOptions{Header: http.Header{"X-User": {user}}, AllowInvalid: p.allowInvalid, Name: who}
	if ok && !p.paths[route] {
		p.paths[route] = true
		p.srv.Handle(route, newTape(way, completions))
	}
	p.order = append(p.order, who)
	p.conns[who] = chanxtest.Dial(p.t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.srv.ServeHTTP(&tapped{w, p, who}, r)
	}), path, o)
	return nil
}

// tapped is a response whose connection, once it is taken over, can be written to from beside its client.
type tapped struct {
	http.ResponseWriter
	player *tapePlayer
	who    string
}

// Hijack puts a pipe between the connection and the server.
func (w *tapped) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, _, err := http.NewResponseController(w.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	ours, theirs := net.Pipe()
	w.player.pipes[w.who] = ours
	pass := func(to, from net.Conn) {
		_, _ = io.Copy(to, from) // either end may close; a pipe's Close has no error
		_ = to.Close()
	}
	go pass(ours, conn)
	go pass(conn, ours)
	return theirs, bufio.NewReadWriter(bufio.NewReader(theirs), bufio.NewWriter(theirs)), nil
}

// inject writes a frame that the client's library would not.
func (p *tapePlayer) inject(who string, f ws.Frame) {
	if _, err := p.pipes[who].Write(maskedFrame(f)); err != nil {
		p.t.Fatal(err)
	}
}

// emit sends an event to a group, some times.
func (p *tapePlayer) emit(rest string) {
	f := strings.SplitN(rest, " ", 4)
	times, err := strconv.Atoi(f[2])
	if err != nil {
		p.t.Fatal(err)
	}
	for range times {
		if err := p.srv.Emit(context.Background(), tapeEvent{f[1], f[3]}, chanx.To(f[0])); err != nil {
			p.t.Error(err)
		}
	}
}

// collect is what has come since the last time, connection by connection.
func (p *tapePlayer) collect() (all []tapeNews) {
	for _, who := range p.order {
		c := p.conns[who]
		for range c.Pending() {
			all = append(all, tapeNews{who, "< " + c.Next()})
		}
		if end := c.Ended(); end != nil && !p.ended[who] {
			p.ended[who] = true
			all = append(all, tapeNews{who, strings.TrimSpace(fmt.Sprintf("closed %d %s", end.Code, closeReason(end)))})
		}
	}
	return all
}
