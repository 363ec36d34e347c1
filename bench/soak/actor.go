//go:build linux

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/chanx-go/chanx/bench/soak/host"
	"github.com/chanx-go/chanx/bench/soak/peer"
)

// ending is how a client ends its connection.
type ending string

const (
	cleanly   ending = "close"              // everything was answered
	hastily   ending = "close, answers due" // messages sent before the Close are answered before the server's Close, except streams
	resetting ending = "reset"
	torn      ending = "reset within a frame"
	halfway   ending = "half-close"
)

// actor is one client with one connection.
type actor struct {
	rand    *rand.Rand
	ledger  *ledger
	peer    *peer.Peer
	groups  []string
	in      map[string]bool
	counts  map[line]int // the number of remarks sent, by line
	stalls  chan time.Duration
	gone    chan struct{} // closed when the reader has ended
	stalled bool
	early   bool // the connection ended before the actor closed it
	ending  ending
}

var errTooSlow = errors.New("closed with 1013 after a stall")

// groupCount and the other constants define one client's share of the load.
const (
	groupCount  = 6
	maxPad      = 3000
	maxPause    = 40 * time.Millisecond
	maxStall    = 1500 * time.Millisecond
	maxPending  = 12
	maxStreams  = 4
	maxItems    = 30
	maxMillis   = 15
	actorsStall = 0.01 // of their steps
)

// perform runs one client from opening its connection to the end.
func perform(ctx context.Context, r *rand.Rand, name string, door host.Door, p *host.Process) (*actor, error) {
	o := peer.Options{Deflate: door.Deflate, Fragments: 1 + r.IntN(8), Pieces: 1 + r.IntN(4)}
	if door.TLS {
		o.TLS = p.Trust
	}
	a := &actor{
		rand: r, ledger: newLedger(name), in: map[string]bool{}, counts: map[line]int{},
		stalls: make(chan time.Duration, 1), gone: make(chan struct{}),
		ending: []ending{cleanly, cleanly, hastily, resetting, torn, halfway}[r.IntN(6)],
	}
	for i := range groupCount {
		a.groups = append(a.groups, fmt.Sprintf("group%d", i))
	}
	var err error
	if a.peer, err = peer.Dial(context.WithoutCancel(ctx), door.Addr, host.MixedPath, o); err != nil {
		return a, err
	}
	defer func() { _ = a.peer.Reset() }() // it may be closed already
	heard := make(chan error, 1)
	go func() {
		defer close(a.gone)
		heard <- a.hear()
	}()
	err = a.act(ctx)
	if err == nil && !a.early {
		err = a.end()
	}
	if err != nil {
		_ = a.peer.Reset() // ends the reader, which returns its own error if it ended before
	}
	return a, a.verdict(err, <-heard)
}

// hear reads and checks frames, with pauses, until the connection ends, and returns the reason.
func (a *actor) hear() error {
	for {
		select {
		case d := <-a.stalls:
			time.Sleep(d)
		default:
		}
		text, err := a.peer.Read()
		if err != nil {
			return err
		}
		if err := a.ledger.take(text); err != nil {
			return fault{err}
		}
	}
}

// fault is a violation, other than the end of a connection.
type fault struct{ error }

// act performs the actor's number of random steps.
func (a *actor) act(ctx context.Context) error {
	for range 20 + a.rand.IntN(150) {
		select {
		case <-a.gone:
			a.early = true
			return nil
		case <-ctx.Done():
			return nil
		case <-time.After(rand.N(maxPause)):
		}
		for range 1 + a.rand.IntN(4)*a.rand.IntN(2) { // one message, or several without a pause
			if err := a.step(); err != nil {
				return a.ended(err)
			}
		}
		if a.ledger.pending() > maxPending {
			if err := a.ledger.awaitAnswers(a.gone, answerTimeout); err != nil {
				return fault{err}
			}
		}
	}
	return nil
}

// ended returns nil for an error of a write after the connection has ended: the reader returns the reason.
func (a *actor) ended(err error) error {
	select {
	case <-a.gone:
		a.early = true
		return nil
	case <-time.After(answerTimeout):
		return fmt.Errorf("write: %w", err)
	}
}

func (a *actor) step() error {
	group := a.groups[a.rand.IntN(groupCount)]
	switch n := a.rand.IntN(100); {
	case a.rand.Float64() < actorsStall:
		a.stalled = true
		select {
		case a.stalls <- time.Duration(a.rand.Int64N(int64(maxStall))):
		default:
		}
		return nil
	case n < 30:
		return a.remark(says, group, "said")
	case n < 40:
		return a.remark(nudges, group, "relayed")
	case n < 58:
		m := host.Ask{N: a.rand.IntN(1000), Millis: a.millis()}
		return a.send("ask", due{kind: asks, n: m.N}, m)
	case n < 66:
		if a.ledger.waiting(counts) >= maxStreams {
			return nil
		}
		m := host.Count{To: a.rand.IntN(maxItems), Millis: a.millis()}
		return a.send("count", due{kind: counts, n: m.To}, m)
	case n < 74:
		if ref, ok := a.ledger.cancel(); ok {
			return a.peer.Write(fmt.Appendf(nil, `{"action":"chanx.cancel","ref":%q}`, ref))
		}
		return nil
	case n < 90:
		return a.move(group)
	case n < 95:
		return a.send("ask", due{kind: mistakes}, map[string]string{"n": "one"})
	}
	return a.send("ping", due{kind: pings}, nil)
}

// millis returns the length of a pause of the server, which is mostly 0.
func (a *actor) millis() int { return a.rand.IntN(maxMillis) * (a.rand.IntN(4) / 3) }

// move joins or leaves the group.
func (a *actor) move(group string) error {
	a.in[group] = !a.in[group]
	if a.in[group] {
		return a.send("enter", due{kind: enters, group: group}, host.Enter{Group: group})
	}
	return a.send("exit", due{kind: exits, group: group}, host.Exit{Group: group})
}

// remark sends the next number to a group, of which the client need not be a member.
func (a *actor) remark(k kind, group, action string) error {
	l := line{action, group, a.ledger.name}
	a.counts[l]++
	pad := strings.Repeat("é<\n", a.rand.IntN(maxPad/3)*(a.rand.IntN(5)/4))
	r := host.Remark{Group: group, From: a.ledger.name, N: a.counts[l], Pad: pad}
	return a.send(string(k), due{kind: k, group: group, n: r.N}, r)
}

func (a *actor) send(action string, d due, payload any) error {
	text, err := json.Marshal(map[string]any{"action": action, "payload": payload, "ref": a.ledger.expect(d)})
	if err != nil {
		return err
	}
	return a.peer.Write(text)
}

// end closes the connection in the way chosen at the beginning.
func (a *actor) end() error {
	switch a.ending {
	case resetting:
		return a.peer.Reset()
	case torn:
		return errors.Join(a.peer.Tear(), a.peer.Reset())
	case halfway:
		return a.peer.HalfClose()
	case cleanly:
		if err := a.ledger.awaitAnswers(a.gone, answerTimeout); err != nil {
			return fault{err}
		}
	}
	return a.peer.Close()
}

// verdict returns an error unless the connection ended as it had to.
func (a *actor) verdict(acted, heard error) error {
	var broken fault
	if errors.As(heard, &broken) {
		return broken.error
	}
	var closed *peer.Closed
	ok := errors.As(heard, &closed)
	switch {
	case ok && closed.Code == 1013 && a.stalled:
		return errTooSlow
	case a.early:
		return fmt.Errorf("the connection ends by itself: %w", heard)
	case acted != nil:
		return fmt.Errorf("%s: %w (%w)", a.ending, acted, heard)
	case a.ending == cleanly || a.ending == hastily:
		if !ok || closed.Code != 1000 {
			return fmt.Errorf("after %s: %w", a.ending, heard)
		}
		if n := a.ledger.pending(); n > 0 && (a.ending == cleanly || n > a.ledger.waiting(counts)) { // a Close ends streams
			return fmt.Errorf("after %s there is no answer to %s", a.ending, a.ledger.open())
		}
	case ok:
		return fmt.Errorf("before %s: %w", a.ending, heard)
	case a.ending == halfway && isTimeout(heard):
		return fmt.Errorf("after %s the server stays: %w", a.ending, heard)
	case a.ending == halfway && !errors.Is(heard, io.EOF) && !errors.Is(heard, io.ErrUnexpectedEOF) && !isReset(heard):
		return fmt.Errorf("after %s: %w", a.ending, heard)
	}
	return nil
}
