package redislayer_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/chanx-go/chanx/layer"
)

// accepted is how many publications an outbox has room for.
const accepted = 1 << 10

// cancelsOnDone is a context that ends when Done is first called: a call that uses it fails instead of waiting.
type cancelsOnDone struct {
	context.Context
	asked atomic.Bool
}

func (i *cancelsOnDone) Done() <-chan struct{} {
	i.asked.Store(true)
	ended := make(chan struct{})
	close(ended)
	return ended
}

func (i *cancelsOnDone) Err() error {
	if i.asked.Load() {
		return context.Canceled
	}
	return nil
}

// hiddenEnd is a context that has ended, but whose Done channel is not closed.
type hiddenEnd struct{ context.Context }

func (hiddenEnd) Done() <-chan struct{} { return nil }
func (hiddenEnd) Err() error            { return context.Canceled }

// notifiesOnDone is a context that calls a function when Done is called.
type notifiesOnDone struct {
	context.Context
	asked func()
}

func (p *notifiesOnDone) Done() <-chan struct{} {
	p.asked()
	return p.Context.Done()
}

// fill publishes numbers from 0 on until a call would have to wait for room. The broker does not read.
func (n *node) fill(subject string, data func(i int) []byte) (count int) {
	n.t.Helper()
	for {
		err := n.Publish(&cancelsOnDone{Context: n.t.Context()}, subject, data(count))
		if errors.Is(err, context.Canceled) {
			return count
		}
		if err != nil {
			n.t.Fatalf("publish: %v", err)
		}
		count++
	}
}

// openUp waits until the link is up. A first Subscribe may return just before that, and a call with a cancelsOnDone context
// would then fail.
func openUp(t *testing.T, l layer.Layer) *node {
	t.Helper()
	n := open(t, l)
	n.subscribe("up")
	if err := n.Publish(hiddenEnd{t.Context()}, "up", nil); !errors.Is(err, context.Canceled) {
		t.Fatalf("publish: %v, want the context's error", err)
	}
	return n
}

func decimal(i int) []byte { return fmt.Append(nil, i) }

// receivesNumbers waits for the numbers below count, and checks that they have arrived in order, each once. Other data may
// have arrived too.
func (n *node) receivesNumbers(subject string, count int) {
	n.t.Helper()
	n.receives(subject, fmt.Sprint(count-1))
	n.expectIncreasing(subject)
	n.mu.Lock()
	defer n.mu.Unlock()
	numbers := 0
	for _, data := range n.got[subject] {
		if strings.Trim(data, "0123456789") == "" {
			numbers++
		}
	}
	if numbers != count {
		n.t.Errorf("received %d numbers on %q, want %d", numbers, subject, count)
	}
}

// expectLoss checks that there is a status after a mark, and that the last one reports a gap with a cause that contains the
// texts.
func (n *node) expectLoss(mark int, up bool, texts ...string) {
	n.t.Helper()
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.statuses) <= mark {
		n.t.Errorf("got no status")
		return
	}
	s := n.statuses[len(n.statuses)-1]
	for _, text := range texts {
		if s.Up != up || !s.Gap || s.Err == nil || !strings.Contains(s.Err.Error(), text) {
			n.t.Errorf("got status %+v, want a gap because of %q", s, text)
		}
	}
}

// TestPublishBlocksWhileTheOutboxIsFull publishes more than the outbox holds while Redis does not read. Accepted publications
// arrive, those whose context ended do not.
func TestPublishBlocksWhileTheOutboxIsFull(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	l := connect(t, s.url(), nil)
	a, b := openUp(t, l), open(t, l)
	b.subscribe("s")
	s.pause(t)
	if n := a.fill("s", decimal); n != accepted {
		t.Errorf("the outbox is full with %d publications, want %d", n, accepted)
	}
	var all sync.WaitGroup
	for range 3000 {
		all.Go(func() {
			if err := a.Publish(&cancelsOnDone{Context: t.Context()}, "s", []byte("given up")); !errors.Is(err, context.Canceled) {
				t.Errorf("publish: %v, want the context's error", err)
			}
		})
	}
	all.Wait()
	s.resume(t)
	a.publish("s", "after")
	b.receives("s", "after")
	b.receivesNumbers("s", accepted)
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.got["s"]) != accepted+1 {
		t.Errorf("received %d publications, want %d", len(b.got["s"]), accepted+1)
	}
	if a.mark() > 0 {
		t.Errorf("the link was lost: %+v", a.statuses)
	}
}

// TestAnOutboxIsLimitedInBytes fills the outbox with large publications, and then publishes one larger than the limit.
func TestAnOutboxIsLimitedInBytes(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	l := connect(t, s.url(), nil)
	a, b := openUp(t, l), open(t, l)
	b.subscribe("s", "t")
	s.pause(t)
	if n := a.fill("s", func(i int) []byte { return fmt.Appendf(nil, "%01048576d", i) }); n != 8 {
		t.Errorf("the outbox is full with %d MiB, want 8", n)
	}
	s.resume(t)
	huge := strings.Repeat("-", 10<<20)
	a.publish("t", huge)
	a.publish("t", "after")
	b.receives("t", "after")
	b.expect("t", huge, "after")
	b.expectIncreasing("s")
}

// TestOrderThroughAFullOutbox has several goroutines publish more than the outbox holds, each to a subject of its own and, in
// turns, to a shared one.
func TestOrderThroughAFullOutbox(t *testing.T) {
	t.Parallel()
	const publishers, each = 8, 1000
	s := startServer(t)
	l := connect(t, s.url(), nil)
	a, b := openUp(t, l), open(t, l)
	b.subscribe("turns")
	own := func(i int) string { return fmt.Sprint("own ", i) }
	for i := range publishers {
		b.subscribe(own(i))
	}
	s.pause(t)
	var all sync.WaitGroup
	var mu sync.Mutex
	next := 0
	for i := range publishers {
		all.Go(func() {
			for k := range each {
				a.publish(own(i), fmt.Sprint(k))
				mu.Lock()
				a.publish("turns", fmt.Sprint(next))
				next++
				mu.Unlock()
			}
		})
	}
	a.fill("probe", decimal)
	s.resume(t)
	all.Wait()
	for i := range publishers {
		b.receivesNumbers(own(i), each)
	}
	b.receivesNumbers("turns", publishers*each)
}

// TestARefusedPublicationIsReported removes a permission and restores it. The accepted publication is reported once; then
// Publish returns the error for this subject, and no error for others.
func TestARefusedPublicationIsReported(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	s.must(t, "ACL", "SETUSER", "app", "on", ">sesame", "resetchannels", "&chanx:*", "-@all", "+@connection", "+@pubsub")
	a := open(t, connect(t, "redis://app:sesame@"+address(s.port), nil))
	b := open(t, connect(t, s.url(), nil))
	b.subscribe("denied", "allowed")
	a.publish("denied", "before")
	b.receives("denied", "before")
	s.must(t, "ACL", "SETUSER", "app", "resetchannels", "&chanx:", "&chanx:allowed")
	a.publish("denied", "refused")
	a.awaits("a status", func() bool { return len(a.statuses) > 0 })
	a.expectLoss(0, true, `publish "denied"`, "NOPERM")
	for range 3 {
		if err := a.Publish(t.Context(), "denied", nil); err == nil || !strings.Contains(err.Error(), "NOPERM") || errors.Is(err, layer.ErrUnavailable) {
			t.Errorf("publish: %v, want NOPERM", err)
		}
		a.publish("allowed", "here")
	}
	s.must(t, "ACL", "SETUSER", "app", "&chanx:*")
	a.publish("denied", "after")
	b.receives("denied", "after")
	a.publish("allowed", "end")
	b.receives("allowed", "end")
	b.expect("denied", "before", "after")
	b.expect("allowed", "here", "here", "here", "end")
	if n := a.mark(); n != 1 {
		t.Errorf("got %d statuses, want one: %+v", n, a.statuses)
	}
}

// TestABusyBrokerRefusesTemporarily runs a long script: Redis answers all clients with BUSY.
func TestABusyBrokerRefusesTemporarily(t *testing.T) {
	t.Parallel()
	s := startServer(t, "--busy-reply-threshold", "1")
	a := open(t, connect(t, s.url(), nil))
	a.subscribe("s")
	a.publish("s", "before")
	a.receives("s", "before") // so Redis has finished with it
	var script sync.WaitGroup
	script.Go(func() { _, _ = s.ask("EVAL", "while true do end", "0") }) // it fails when it is killed
	eventually(t, "the broker is busy", func() bool {
		_, err := s.ask("PUBLISH", "elsewhere", "")
		return err != nil && strings.HasPrefix(err.Error(), "BUSY")
	})
	a.publish("s", "refused")
	a.awaits("a status", func() bool { return len(a.statuses) > 0 })
	a.expectLoss(0, true, `publish "s"`, "BUSY")
	if err := a.Publish(t.Context(), "another", nil); !errors.Is(err, layer.ErrUnavailable) || !strings.Contains(err.Error(), "BUSY") {
		t.Errorf("publish: %v, want ErrUnavailable, and BUSY", err)
	}
	s.must(t, "SCRIPT", "KILL")
	script.Wait()
	a.publish("another", "after")
	if n := a.mark(); n != 1 {
		t.Errorf("got %d statuses, want one: %+v", n, a.statuses)
	}
}

// TestABrokerDiesWithPublicationsInTheOutbox stops a server that has not read the publications.
func TestABrokerDiesWithPublicationsInTheOutbox(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	l := connect(t, s.url(), nil)
	a, b, closing := openUp(t, l), open(t, l), openUp(t, l)
	b.subscribe("s")
	s.pause(t)
	for i := range 3 {
		a.publish("s", fmt.Sprint(i))
		closing.publish("s", fmt.Sprint(i))
	}
	s.stop()
	closing.awaits("down", func() bool { return len(closing.statuses) > 0 })
	mark := closing.mark()
	if err := closing.Close(t.Context()); err != nil {
		t.Error(err)
	}
	closing.expectLoss(mark, false, "3 publications")
	if err := s.start(); err != nil {
		t.Fatal(err)
	}
	a.recovers(0)
	b.recovers(0)
	a.publish("s", "after")
	b.receives("s", "after")
	b.expect("s", "after")
}

// TestCloseSendsWhatWasAccepted closes a link whose outbox is full. The broker reads again later.
func TestCloseSendsWhatWasAccepted(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	l := connect(t, s.url(), nil)
	a, b := openUp(t, l), open(t, l)
	b.subscribe("s")
	s.pause(t)
	count := a.fill("s", decimal)
	waiting, closed := make(chan error), make(chan error)
	for range 2 { // the first in line, and one behind it
		asked := make(chan struct{})
		go func() {
			waiting <- a.Publish(&notifiesOnDone{t.Context(), sync.OnceFunc(func() { close(asked) })}, "s", []byte("too late"))
		}()
		<-asked
	}
	go func() { closed <- a.Close(t.Context()) }()
	for range 2 {
		if err := <-waiting; !errors.Is(err, layer.ErrClosed) {
			t.Errorf("publish: %v, want ErrClosed", err)
		}
	}
	s.resume(t)
	if err := <-closed; err != nil {
		t.Error(err)
	}
	b.receivesNumbers("s", count)
	if a.mark() > 0 {
		t.Errorf("got statuses %+v", a.statuses)
	}
}

// TestCloseReportsUnansweredPublications closes a link whose broker does not read.
func TestCloseReportsUnansweredPublications(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	a := openUp(t, connect(t, s.url(), nil))
	s.pause(t)
	count := a.fill("s", decimal)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := a.Close(ended); err != nil {
		t.Error(err)
	}
	a.expectLoss(0, false, fmt.Sprint(count, " publications"))
	s.resume(t)
}

// TestAConnectionIsLostDuringABatch closes the connection repeatedly while large batches are being written.
func TestAConnectionIsLostDuringABatch(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	p := startProxy(t, address(s.port), "deadly")
	a := open(t, connect(t, p.url(), nil))
	for range 5 {
		mark := a.mark()
		for i := range 200 {
			data := strings.Repeat("-", 1<<16)
			if i == 50 {
				data += "deadly"
			}
			if err := a.Publish(t.Context(), "s", []byte(data)); errors.Is(err, layer.ErrUnavailable) {
				break
			} else if err != nil {
				t.Errorf("publish: %v", err)
			}
		}
		a.recovers(mark)
	}
}
