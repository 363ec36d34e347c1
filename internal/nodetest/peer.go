package nodetest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/chanxtest"
)

// peer is a connection: the client's end, and the server's.
type peer struct {
	*chanxtest.Conn
	cluster *cluster
	tb      *stepTB
	conn    *chanx.Conn
	name    string
	user    string
	node    *node

	gone      bool            // it has dropped its connection
	mayArrive map[string]bool // texts that may arrive at any time, at most once

	// Recorded by the server's end; guarded by the cluster's watch.
	opened bool
	closed []int // codes passed to OnClose
	probes []string
}

// stepTB is a test that adds the current step to its failures.
type stepTB struct {
	testing.TB
	step string
}

// Fatalf ends the test.
func (t *stepTB) Fatalf(format string, args ...any) {
	t.TB.Helper()
	t.TB.Fatalf("%s: %s", t.step, fmt.Sprintf(format, args...))
}

// next returns the next frame in short form, skipping completions: the text of a message, with + for is_mine and ! for
// is_current, or (text) for the message that answers an event.
func (p *peer) next(doing string) string {
	p.tb.TB.Helper()
	p.tb.step = p.name + ": " + doing
	for {
		f := p.parse(p.Next())
		text := f.short()
		if p.mayArrive[text] {
			delete(p.mayArrive, text)
			continue
		}
		if !strings.HasSuffix(f.action(), "complete") {
			return text
		}
	}
}

// frame has the members that cases check. The nodes of receiverEncodes use different discriminators.
type frame struct {
	Action, Kind string
	Payload      struct{ Text string }
	Mine         bool `json:"is_mine"`
	Current      bool `json:"is_current"`
}

func (p *peer) parse(text string) (f frame) {
	if err := json.Unmarshal([]byte(text), &f); err != nil {
		p.tb.Fatalf("got %s: %v", text, err)
	}
	return f
}

func (f *frame) action() string { return f.Action + f.Kind }

func (f *frame) short() string {
	text := f.Payload.Text
	if f.action() == (rangMessage{}).Action() {
		text = "(" + text + ")"
	}
	if f.Mine {
		text += "+"
	}
	if f.Current {
		text += "!"
	}
	return text
}

// connected returns the peers whose connections have not ended.
func (k *cluster) connected() (all []*peer) {
	for _, p := range k.peers {
		if p.Ended() == nil && !p.gone && !p.node.gone {
			all = append(all, p)
		}
	}
	return all
}

// drop ends the connection without a Close frame.
func (p *peer) drop() {
	p.gone = true
	p.Abort()
}

// expect checks the next texts of each peer. A peer's texts are separated by spaces.
func (k *cluster) expect(doing string, want map[*peer]string) {
	k.t.Helper()
	for _, p := range k.peers {
		for text := range strings.FieldsSeq(want[p]) {
			if got := p.next(doing + ": wants " + text); got != text {
				k.t.Errorf("%s: %s got %q, want %q", doing, p.name, got, text)
			}
		}
	}
}

// expectNothingElse sends a mark from every node to all connections, and checks that nothing else arrives before the marks.
func (k *cluster) expectNothingElse(doing string) {
	k.t.Helper()
	var marks []string
	for _, n := range k.running() {
		k.marks++
		marks = append(marks, fmt.Sprintf("mark%d", k.marks))
		k.ok(n.Broadcast(k.t.Context(), saidMessage{marks[len(marks)-1]}, chanx.All()))
	}
	for _, p := range k.connected() {
		for missing := slices.Clone(marks); len(missing) > 0; {
			got := p.next(doing + ": nothing but " + strings.Join(missing, " "))
			if i := slices.Index(missing, got); i >= 0 {
				missing = slices.Delete(missing, i, i+1)
				continue
			}
			k.t.Errorf("%s: %s got %q, which was not for it, or got it twice", doing, p.name, got)
		}
	}
}

// awaitProbe waits until each of the peers has handled a probe.
func (k *cluster) awaitProbe(doing, text string, who ...*peer) {
	k.t.Helper()
	for _, p := range who {
		if !k.within(k.Wait, func() bool { return slices.Contains(p.probes, text) }) {
			k.t.Fatalf("%s: %s did not get the event %q within %v", doing, p.name, text, k.Wait)
		}
	}
}

// probeUntil sends probes from nodes to a target repeatedly, until each of the peers has handled the probes of all nodes of one
// round, or has ended. It waits for changes whose completion is not reported.
func (k *cluster) probeUntil(doing string, by []*node, to chanx.Target, who []*peer) {
	k.t.Helper()
	for deadline := time.Now().Add(k.Wait); ; {
		var texts []string
		for _, n := range by {
			k.marks++
			texts = append(texts, fmt.Sprint("probe", k.marks))
			k.mayBeUnavailable(n.Emit(k.t.Context(), probeEvent{texts[len(texts)-1]}, to))
		}
		missing := func(p *peer) bool {
			return p.Ended() == nil && slices.ContainsFunc(texts, func(text string) bool { return !slices.Contains(p.probes, text) })
		}
		if k.within(20*time.Millisecond, func() bool { return !slices.ContainsFunc(who, missing) }) {
			return
		}
		if time.Now().After(deadline) {
			k.t.Fatalf("%s: within %v not every connection was reached by every node", doing, k.Wait)
		}
	}
}
