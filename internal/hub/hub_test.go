package hub

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// member stores what it gets; calls counts the Deliver calls.
type member struct {
	hub   *Hub[*member, string]
	n     uint32
	asked func()        // by InAny
	exits bool          // Deliver ends the goroutine
	hold  chan struct{} // if set, Deliver receives from it twice: when it begins and before it returns
	mu    sync.Mutex
	got   []string
	calls int
	busy  bool
	memos []any // found in runs
}

func (m *member) Shard() uint32 { return m.n }

func (m *member) InAny(names Names) bool {
	if m.asked != nil {
		m.asked()
	}
	m.hub.mu.RLock()
	defer m.hub.mu.RUnlock()
	for _, all := range []iter.Seq[string]{maps.Keys(m.hub.groups), maps.Keys(m.hub.single)} {
		for name := range all {
			if names.Has(name[:len(name)/2], name[len(name)/2:]) && m.hub.has(name, m) {
				return true
			}
		}
	}
	return false
}

func (m *member) Deliver(run *Run[string]) {
	if m.hold != nil {
		<-m.hold
		<-m.hold
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.busy {
		panic("two calls of Deliver overlap")
	}
	m.got = append(m.got, run.Items...)
	m.memos = append(m.memos, run.Memo)
	run.Memo = fmt.Sprintf("%d for %d", len(run.Items), run.Members)
	m.calls++
	if m.exits {
		runtime.Goexit() // after unlocking
	}
}

func (m *member) expect(t *testing.T, want ...string) {
	t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	if !slices.Equal(m.got, want) {
		t.Errorf("member %d got %q, want %q", m.n, m.got, want)
	}
	m.got = nil
}

func newHub(shards, members int) (*Hub[*member, string], []*member) {
	h := New[*member](shards, func(s string) (each, kept int) { return len(s), len(s) }, func(string, []*member) {})
	ms := make([]*member, members)
	for i := range ms {
		ms[i] = &member{hub: h, n: uint32(i)}
	}
	return h, ms
}

func TestMembersAreCountedOnceAndEmptyGroupsDeleted(t *testing.T) {
	h, m := newHub(2, 2)
	steps := []struct {
		do    func(string, *member)
		m     *member
		is    bool
		count int
		name  string
	}{
		{h.Join, m[0], true, 1, "first joins"},
		{h.Join, m[0], true, 1, "joins again"},
		{h.Join, m[1], true, 2, "second joins"},
		{h.Leave, m[0], false, 1, "first leaves"},
		{h.Leave, m[0], false, 1, "leaves again"},
		{h.Leave, m[1], false, 0, "last leaves"},
		{h.Leave, m[1], false, 0, "unknown group"},
	}
	for _, s := range steps {
		if s.do("g", s.m); h.Has("g", s.m) != s.is || h.Count("g") != s.count {
			t.Errorf("%s: a member: %v, of %d, want %v of %d", s.name, h.Has("g", s.m), h.Count("g"), s.is, s.count)
		}
	}
	if len(h.groups) != 0 {
		t.Errorf("%d empty groups are left", len(h.groups))
	}
}

func TestDeliverReachesMembersOnceEach(t *testing.T) {
	h, m := newHub(2, 4)
	h.Join("a", m[0])
	h.Join("a", m[1])
	h.Join("b", m[1])
	h.Join("b", m[2])
	h.Deliver("x", "a", "b", "nobody")
	h.Deliver("y", "b")
	h.Flush(context.Background())
	m[0].expect(t, "x")
	m[1].expect(t, "x", "y")
	m[2].expect(t, "x", "y")
	m[3].expect(t)

	h.DeliverMatch("z", []string{"a", "b"}, 1)
	h.Flush(context.Background())
	m[0].expect(t)
	m[1].expect(t)
	m[2].expect(t, "z")
}

func TestBindMakesGroupsOfOne(t *testing.T) {
	h, m := newHub(2, 3)
	h.Join("g", m[0])
	h.Join("g", m[1])
	h.Bind("one", m[1])
	h.Bind("two", m[2])
	h.Deliver("x", "one", "g", "two", "nobody")
	h.DeliverMatch("y", []string{"g", "one"}, 1)
	h.DeliverMatch("z", []string{"two", "one"}, 1)
	h.Flush(context.Background())
	m[0].expect(t, "x")
	m[1].expect(t, "x", "z")
	m[2].expect(t, "x")
	if !h.Has("one", m[1]) || h.Has("one", m[0]) {
		t.Error("Has is wrong about a bound member")
	}
	if got := h.Match("one", "g", "two"); !slices.Equal(got, []*member{m[1], m[0], m[2]}) {
		t.Errorf("Match lists %d members", len(got))
	}
	h.Unbind("one")
	h.Deliver("late", "one")
	h.Flush(context.Background())
	m[1].expect(t)
}

func TestDeliverGoesToTheMembersAtTheCall(t *testing.T) {
	h, m := newHub(1, 40)
	gate := &member{n: 100, hold: make(chan struct{})}
	h.Join("gate", gate)
	for _, m := range m[:39] {
		h.Join("g", m)
	}
	h.Deliver("stop", "gate") // blocks the only worker
	h.Deliver("1", "g")
	h.Leave("g", m[0])
	h.Leave("g", m[38])
	h.Join("g", m[39])
	h.Deliver("2", "g")
	close(gate.hold)
	h.Flush(context.Background())
	m[0].expect(t, "1")
	m[38].expect(t, "1")
	m[1].expect(t, "1", "2")
	m[37].expect(t, "1", "2")
	m[39].expect(t, "2")
}

func TestABurstIsOneCall(t *testing.T) {
	h, m := newHub(1, 2)
	gate := &member{n: 100, hold: make(chan struct{})}
	h.Join("gate", gate)
	h.Join("g", m[0])
	h.Join("g", m[1])
	h.Deliver("stop", "gate")
	gate.hold <- struct{}{} // the only worker is now inside
	var want []string
	for i := range 16 {
		want = append(want, fmt.Sprint(i))
		h.Deliver(fmt.Sprint(i), "g")
	}
	close(gate.hold)
	h.Flush(context.Background())
	if m[0].calls != 1 || m[1].calls != 1 {
		t.Errorf("%d and %d calls for a burst, want 1 each", m[0].calls, m[1].calls)
	}
	m[0].expect(t, want...)
}

// TestMembersThatEndTheWorker get their deliveries once, and all others get theirs.
func TestMembersThatEndTheWorker(t *testing.T) {
	h, ms := newHub(2, 6)
	for i, m := range ms {
		h.Join("g", m)
		m.exits = i%3 != 0
	}
	var want []string
	for i := range 20 {
		want = append(want, fmt.Sprint(i))
		h.Deliver(fmt.Sprint(i), "g")
	}
	h.Flush(context.Background())
	h.Deliver("later", "g")
	h.Flush(context.Background())
	for _, m := range ms {
		m.expect(t, append(want, "later")...)
	}
}

// TestMemoBelongsToOneRun and is passed from member to member, even if one ends the worker.
func TestMemoBelongsToOneRun(t *testing.T) {
	h, ms, gate := blockedHub(3)
	ms[1].exits = true
	h.Deliver("a", "g")
	h.Deliver("b", "g")
	h.Join("g", gate)
	h.Deliver("c", "g")
	close(gate.hold)
	h.Flush(context.Background())
	for i, m := range ms {
		want := []any{"2 for 3", "1 for 4"}
		if i == 0 {
			want = []any{nil, nil}
		}
		if !slices.Equal(m.memos, want) {
			t.Errorf("member %d found %v, want %v", i, m.memos, want)
		}
	}
}

// TestAgainstModel compares random changes with a plain map. The sizes cross indexFrom in both directions.
func TestAgainstModel(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	h, ms := newHub(3, 200)
	model := map[*member]bool{}
	want := map[*member][]string{}
	for step := range 5000 {
		m := ms[rnd.IntN(len(ms))]
		switch joins := step/500%2 == 0; {
		case rnd.IntN(50) == 0:
			h.Deliver(fmt.Sprint(step), "g")
			for m := range model {
				want[m] = append(want[m], fmt.Sprint(step))
			}
		case joins == (rnd.IntN(4) > 0):
			h.Join("g", m)
			model[m] = true
		default:
			h.Leave("g", m)
			delete(model, m)
		}
		if h.Count("g") != len(model) || h.Has("g", m) != model[m] {
			t.Fatalf("step %d: count %d, want %d", step, h.Count("g"), len(model))
		}
	}
	h.Flush(context.Background())
	for _, m := range ms {
		m.expect(t, want[m]...)
	}
}

// TestOrderUnderConcurrency has several senders, and members that come and go. A member that stays gets the numbers of
// every sender in order and without gaps.
func TestOrderUnderConcurrency(t *testing.T) {
	const senders, each = 4, 300
	h, ms := newHub(2, 64)
	constant := ms[:8]
	for _, m := range constant {
		h.Join("g", m)
	}
	var wg sync.WaitGroup
	for s := range senders {
		wg.Go(func() {
			for i := range each {
				h.Deliver(fmt.Sprintf("%d %d", s, i), "g", "other")
			}
		})
		wg.Go(func() {
			for i := range each {
				m := ms[8+(s*each+i)%56]
				h.Join("g", m)
				h.Join("other", m)
				h.Leave("g", m)
				h.Leave("other", m)
			}
		})
	}
	wg.Wait()
	h.Flush(context.Background())
	for _, m := range constant {
		next := make([]int, senders)
		for _, d := range m.got {
			var s, i int
			if _, err := fmt.Sscanf(d, "%d %d", &s, &i); err != nil || i != next[s] {
				t.Fatalf("member %d got %q, want number %d (%v)", m.n, d, next[s], err)
			}
			next[s]++
		}
		if !slices.Equal(next, slices.Repeat([]int{each}, senders)) {
			t.Errorf("member %d got %v of each sender, want %d", m.n, next, each)
		}
	}
}

func TestGroupsAreCountedByTheirNames(t *testing.T) {
	h, m := newHub(2, 2)
	a, b := m[0], m[1]
	for _, name := range []string{"g/a", "g/b", "u/a"} {
		h.Join(name, a)
		h.Join(name, b)
	}
	h.Leave("g/b", a)
	for prefix, want := range map[string]int{"g/": 2, "u/": 1, "": 3, "g/b": 1, "x": 0} {
		if got := h.Groups(prefix); got != want {
			t.Errorf("%d groups begin with %q, want %d", got, prefix, want)
		}
	}
	if h.Leave("g/b", b); h.Groups("g/") != 1 {
		t.Errorf("a group without members is counted: %d", h.Groups("g/"))
	}
}
