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
	told    *told
	conn    *chanx.Conn
	name    string
	user    string
	node    *node

	gone bool            // it vanished
	may  map[string]bool // texts that may come at any time, once; or not at all

	// What the server's end has seen; guarded by the cluster's watch.
	opened bool
	closed []int // codes that OnClose was given
	probes []string
}

// told is a test that says what was done when it failed.
type told struct {
	testing.TB
	doing string
}

// Fatalf ends the test.
func (t *told) Fatalf(format string, args ...any) {
	t.TB.Helper()
	t.TB.Fatalf("%s: %s", t.doing, fmt.Sprintf(format, args...))
}

// next takes the next frame in short, passing over completions: the text of a message, with + for is_mine and ! for
// is_current, and (text) of an event that was answered.
func (p *peer) next(doing string) string {
	p.told.TB.Helper()
	p.told.doing = p.name + ": " + doing
	for {
		f := p.parse(p.Next())
		text := f.short()
		if p.may[text] {
			delete(p.may, text)
			continue
		}
		if !strings.HasSuffix(f.action(), "complete") {
			return text
		}
	}
}

// frame is what cases look at, as the nodes of receiverSpells write it: with one discriminator or the other, in camelCase
// or not.
type frame struct {
	Action, Kind string
	Payload      struct{ Text string }
	Mine         bool `json:"is_mine"`
	Current      bool `json:"is_current"`
}

func (p *peer) parse(text string) (f frame) {
	if err := json.Unmarshal([]byte(text), &f); err != nil {
		p.told.Fatalf("got %s: %v", text, err)
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

// connected are those whose connections have not ended.
func (k *cluster) connected() (all []*peer) {
	for _, p := range k.peers {
		if p.Ended() == nil && !p.gone && !p.node.gone {
			all = append(all, p)
		}
	}
	return all
}

// vanish drops the connection without a word.
func (p *peer) vanish() {
	p.gone = true
	p.Abort()
}

// expect receives what each peer is to get next, in one line for each that gets something.
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

// quiet has every node mark, to all connections, that nothing more should come, and wants that nothing else does.
func (k *cluster) quiet(doing string) {
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
			k.t.Errorf("%s: %s got %q, which was not for it, or twice", doing, p.name, got)
		}
	}
}

// awaitProbe waits until each of those has handled a probe.
func (k *cluster) awaitProbe(doing, text string, who ...*peer) {
	k.t.Helper()
	for _, p := range who {
		if !k.within(k.Wait, func() bool { return slices.Contains(p.probes, text) }) {
			k.t.Fatalf("%s: %s did not get the event %q within %v", doing, p.name, text, k.Wait)
		}
	}
}

// probeUntil has nodes send probes to a target, again and again, until each of who has handled one of each node at once, or
// has ended: for what takes effect soon, of which nobody is told.
func (k *cluster) probeUntil(doing string, by []*node, to chanx.Target, who []*peer) {
	k.t.Helper()
	for deadline := time.Now().Add(k.Wait); ; {
		var texts []string
		for _, n := range by {
			k.marks++
			texts = append(texts, fmt.Sprint("probe", k.marks))
			k.perhaps(n.Emit(k.t.Context(), probeEvent{texts[len(texts)-1]}, to))
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
