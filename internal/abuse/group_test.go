//go:build abuse

package abuse_test

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/layer"
	"github.com/chanx-go/chanx/layer/memlayer"
)

// ledger is a layer that records the current subscriptions.
type ledger struct {
	layer.Layer
	mu       sync.Mutex
	subjects map[string]bool
}

func newLedger() *ledger { return &ledger{Layer: memlayer.New(), subjects: map[string]bool{}} }

func (l *ledger) Open(r layer.Receiver) layer.Link { return &entry{l.Layer.Open(r), l} }

// entry is a link of a ledger.
type entry struct {
	layer.Link
	ledger *ledger
}

func (e *entry) Subscribe(ctx context.Context, subject string) error {
	e.ledger.mu.Lock()
	e.ledger.subjects[subject] = true
	e.ledger.mu.Unlock()
	return e.Link.Subscribe(ctx, subject)
}

func (e *entry) Unsubscribe(ctx context.Context, subject string) error {
	e.ledger.mu.Lock()
	delete(e.ledger.subjects, subject)
	e.ledger.mu.Unlock()
	return e.Link.Unsubscribe(ctx, subject)
}

// groups are the subscribed groups.
func (l *ledger) groups() (all []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, subject := range slices.Sorted(maps.Keys(l.subjects)) {
		if strings.HasPrefix(subject, "g/") {
			all = append(all, subject)
		}
	}
	return all
}

// TestGroupChurn: clients join and leave 20,000 groups in all, some of them shared. Half of the clients vanish without
// a Close frame. Afterwards no trace of the groups is left: in the counts, in the layer, for a broadcast.
func TestGroupChurn(t *testing.T) {
	const raiders, rounds, each = 10, 100, 20
	const layerCalls = 128 // goroutines in which a server calls its layer at most
	book := newLedger()
	f := build(t, plan{
		ServerOptions: chanx.ServerOptions{Layer: book, Limits: chanx.Limits{SubscriptionLinger: -1}},
		goroutines:    usualGoroutines + (layerCalls+raiders-1)/raiders,
	})
	name := func(i, round, k int) string {
		if k%4 == 0 {
			return fmt.Sprintf("shared %d %d", round, k)
		}
		return fmt.Sprintf("own %d %d %d", i, round, k)
	}
	begin := time.Now()
	f.during(ends{1000: raiders / 2, 1006: raiders / 2}, func() {
		f.crowd(raiders, func(i int) error {
			r, err := f.enter("/ws")
			if err != nil {
				return err
			}
			var b bytes.Buffer
			for round := range rounds {
				all := list(each, func(k int) string { return `"` + name(i, round, k) + `"` })
				b.Write(text(message("visit", `{"Join":[`+all+`],"Leave":[]}`)))
				b.Write(text(message("visit", `{"Join":[`+all+`],"Leave":[`+all+`]}`)))
			}
			last := list(each, func(k int) string { return `"` + name(i, rounds, k) + `"` })
			b.Write(text(`{"action":"visit","ref":"last","payload":{"Join":[` + last + `],"Leave":[]}}`))
			if err := r.say(b.Bytes()); err != nil {
				return err
			}
			if _, got, err := r.next(); err != nil || got != `{"action":"complete","ref":"last"}` {
				return fmt.Errorf("got %s, %w", got, err)
			}
			if i%2 == 0 {
				return r.Close()
			}
			return r.leave()
		})
		took := time.Since(begin)
		t.Logf("%d joins in %v: %.0f a second", raiders*rounds*each, took, raiders*rounds*each/took.Seconds())
	})
	heard := f.seen.sees().sent["said"]
	for i := range raiders {
		for round := range rounds + 1 {
			for k := range each {
				group := name(i, round, k)
				if n := f.srv.Count(group); n != 0 {
					t.Fatalf("%s has %d members", group, n)
				}
				if err := f.srv.Broadcast(t.Context(), said{group}, chanx.To(group)); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	if left := book.groups(); !slices.Equal(left, []string{"g/" + square}) {
		t.Errorf("still subscribed: %.3q and others, %d in all", left, len(left))
	}
	if err := f.srv.Broadcast(t.Context(), said{"after all"}, chanx.To(square)); err != nil { // it arrives after the others
		t.Fatal(err)
	}
	eventually(t, "the last broadcast has arrived", func() bool { return f.seen.sees().sent["said"] > heard })
	if n := f.seen.sees().sent["said"]; n != heard+1 {
		t.Errorf("%d broadcasts to empty groups were received", n-heard-1)
	}
}

// TestMoreGroupsThanMaxGroups: a client is in at most MaxGroups groups, by whatever means it joins more.
func TestMoreGroupsThanMaxGroups(t *testing.T) {
	const most = 128
	book := newLedger()
	f := build(t, plan{ServerOptions: chanx.ServerOptions{Layer: book}})
	r, err := f.enter("/ws") // and in the square
	if err != nil {
		t.Fatal(err)
	}
	visit := func(n int, name func(i int) string) string {
		m := `{"action":"visit","ref":"1","payload":{"Leave":[],"Join":[` + list(n, name) + `]}}`
		got, err := r.asked(m)
		if err != nil || len(got) != 1 {
			t.Fatalf("got %q, %v", got, err)
		}
		return got[0]
	}
	numbered := func(i int) string { return fmt.Sprintf(`"%d"`, i) }
	const done = `{"action":"complete","ref":"1"}`
	for _, k := range []struct {
		what, got, want string
	}{
		{"too many at once", visit(most, numbered), failed},
		{"one name over and over", visit(5000, func(int) string { return `"0"` }), done},
		{"as many as may be", visit(most-1, numbered), done},
		{"the same again", visit(most-1, numbered), done},
		{"one more", visit(1, func(int) string { return `"one more"` }), failed},
	} {
		if k.got != k.want {
			t.Errorf("%s: got %s, want %s", k.what, k.got, k.want)
		}
	}
	if left := book.groups(); len(left) != most {
		t.Errorf("%d groups are subscribed, want %d", len(left), most)
	}
	if err := r.leave(); err != nil {
		t.Error(err)
	}
}
