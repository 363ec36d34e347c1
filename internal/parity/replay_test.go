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

// TestRecordedConversations replays the steps of testdata/recorded; README.md there describes the format. The answers of
// chanx must be those in the files, and one of the reasons in reasons_*_test.go must explain each difference from what the
// original answered.
func TestRecordedConversations(t *testing.T) {
	counts := map[string]int{}
	for _, name := range slices.Sorted(maps.Keys(checksums)) {
		t.Run(name, func(t *testing.T) {
			f := readRecording(t, name)
			if got, want := f.checksum(), checksums[name]; got != want {
				t.Fatalf("the recorded part has changed: its checksum is %s, want %s", got, want)
			}
			camelize, filtered := name == "camelize", false // filtered: -run selects only some cases
			for _, c := range f.cases {
				counts["cases"]++
				if c.notPlayed = notPlayed[c.name]; c.notPlayed != "" {
					counts["cases not played: "+c.notPlayed]++
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
				c.explainDifferences(t, counts)
			}
			if !filtered {
				f.compareWithFile(t)
			}
		})
	}
	for _, line := range slices.Sorted(maps.Keys(counts)) {
		t.Logf("%5d %s", counts[line], line)
	}
	for _, r := range allReasons {
		if counts["cases played"] == 570 && counts[r.key()] == 0 {
			t.Errorf("the reason %q explains no difference", r.name)
		}
	}
}

// explainDifferences finds the reasons for the differences of a case, and fails the test if they do not explain all of them.
func (c *recordedCase) explainDifferences(t *testing.T, counts map[string]int) {
	all := map[string]bool{}
	for i, step := range c.steps {
		step.reasons = nil
		if step.nextPipelined() {
			continue
		}
		reasons, ok := explain(c, i)
		if !ok {
			t.Errorf("%s, after %q:\nrecorded %s\ngot      %s\nand these reasons do not explain it: %s", c.name, step.text,
				step.recorded, step.got, strings.Join(reasons, ", "))
		}
		step.reasons = reasons
		for _, r := range reasons {
			all[r] = true
		}
	}
	if len(all) == 0 {
		counts["cases played, equal"]++
		return
	}
	counts["cases played, different"]++
	for _, r := range allReasons {
		if all[r.name] {
			counts[r.key()]++
		}
	}
}

// quietPeriod is how long the recording waited for the effects of a step.
const quietPeriod = time.Second

// player plays the steps of one case.
type player struct {
	t     *testing.T
	srv   *chanx.Server
	paths map[string]bool // that are mounted
	conns map[string]*chanxtest.Conn
	pipes map[string]net.Conn // lead to the server, below the conns
	order []string            // of dialling
	ended map[string]bool

	allowInvalid bool // allows frames that are not valid
}

func (c *recordedCase) play(t *testing.T, camelize bool) {
	p := &player{
		t: t, srv: chanx.NewServer(&chanx.ServerOptions{Logger: quiet, Camelize: camelize}), paths: map[string]bool{},
		conns: map[string]*chanxtest.Conn{}, pipes: map[string]net.Conn{}, ended: map[string]bool{},
		allowInvalid: strings.HasPrefix(c.name, "error-none"), // it sends an error without a payload
	}
	for _, step := range c.steps {
		step.got = nil
		p.perform(step)
		if step.nextPipelined() {
			if step.client != step.next.client {
				synctest.Wait() // two connections have no order otherwise
			}
			continue
		}
		time.Sleep(quietPeriod) // in a bubble
		synctest.Wait()
		step.got = append(step.got, p.collect()...)
	}
	if err := p.srv.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
}

// perform makes one step of a client or of the application.
func (p *player) perform(step *step) {
	switch c := p.conns[step.client]; step.verb {
	case "dials":
		p.dial(step.client, step.args)
	case ">":
		c.SendText(expandRepeats(unquote(p.t, step.args)))
	case "binary":
		c.SendBinary(unhex(p.t, step.args))
	case "bytes":
		p.inject(step.client, ws.NewTextFrame(unhex(p.t, step.args)))
	case "fragments":
		var parts []string
		if err := json.Unmarshal([]byte(step.args), &parts); err != nil {
			p.t.Fatal(err)
		}
		for i, text := range parts {
			op := ws.OpContinuation
			if i == 0 {
				op = ws.OpText
			}
			p.inject(step.client, ws.NewFrame(op, i == len(parts)-1, []byte(text)))
		}
	case "closes":
		c.Close(1000, "")
	case "emits":
		p.emit(step.args)
	default:
		p.t.Fatalf("unknown step %q", step.text)
	}
}

func unhex(t *testing.T, text string) []byte {
	b, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// dial mounts the consumer of the path first if it is not mounted yet.
func (p *player) dial(client, args string) {
	path, user, _ := strings.Cut(args, " ")
	route, _, _ := strings.Cut(path, "?")
	name, completions := strings.CutPrefix(route, "/ws/c/")
	name = strings.TrimPrefix(name, "/ws/")
	e, ok := endpoints[name]
	if i := strings.LastIndexByte(route, '/'); !ok {
		name = name[:strings.LastIndexByte(name, '/')+1]
		e, ok = endpoints[name]
		route = route[:i+1] + "{pk}"
	}
	o := &chanxtest.DialOptions{Header: http.Header{"X-User": {user}}, AllowInvalid: p.allowInvalid, Name: client}
	if ok && !p.paths[route] {
		p.paths[route] = true
		p.srv.Handle(route, newConsumer(e, completions))
	}
	p.order = append(p.order, client)
	p.conns[client] = chanxtest.Dial(p.t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.srv.ServeHTTP(&pipedWriter{w, p, client}, r)
	}), path, o)
}

// pipedWriter is a ResponseWriter that lets the player write into a connection beside its client, once it is hijacked.
type pipedWriter struct {
	http.ResponseWriter
	player *player
	client string
}

// Hijack puts a pipe between the connection and the server.
func (w *pipedWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, _, err := http.NewResponseController(w.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	outer, inner := net.Pipe()
	w.player.pipes[w.client] = outer
	copyBytes := func(to, from net.Conn) {
		_, _ = io.Copy(to, from) // either end may close; a pipe's Close has no error
		_ = to.Close()
	}
	go copyBytes(outer, conn)
	go copyBytes(conn, outer)
	return inner, bufio.NewReadWriter(bufio.NewReader(inner), bufio.NewWriter(inner)), nil
}

// inject writes a frame that the WebSocket library of the client does not write.
func (p *player) inject(client string, f ws.Frame) {
	if _, err := p.pipes[client].Write(maskedFrame(f)); err != nil {
		p.t.Fatal(err)
	}
}

// emit sends an event to a group, as often as the step says.
func (p *player) emit(args string) {
	f := strings.SplitN(args, " ", 4)
	times, err := strconv.Atoi(f[2])
	if err != nil {
		p.t.Fatal(err)
	}
	for range times {
		if err := p.srv.Emit(context.Background(), externalEvent{f[1], f[3]}, chanx.To(f[0])); err != nil {
			p.t.Error(err)
		}
	}
}

// collect returns what the clients have received since the last call, client by client.
func (p *player) collect() (all []received) {
	for _, client := range p.order {
		c := p.conns[client]
		for range c.Pending() {
			all = append(all, received{client, "< " + c.Next()})
		}
		if end := c.Ended(); end != nil && !p.ended[client] {
			p.ended[client] = true
			all = append(all, received{client, strings.TrimSpace(fmt.Sprintf("closed %d %s", end.Code, closeReason(end)))})
		}
	}
	return all
}
