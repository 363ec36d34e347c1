package hub

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestEachMemberIsMatchedOnce compares deliveries to many groups with a plain map: in one call, and with a copy for
// each group.
func TestEachMemberIsMatchedOnce(t *testing.T) {
	for _, groups := range []int{1, 2, 7, 100} {
		rnd := rand.New(rand.NewPCG(1, uint64(groups)))
		h, ms := newHub(3, 300)
		names := make([]string, groups)
		for i := range names {
			names[i] = fmt.Sprintf("group %d", i)
			for range rnd.IntN(600 / groups) {
				h.Join(names[i], ms[rnd.IntN(200)])
			}
		}
		h.Bind("alone", ms[0])
		h.Bind("outside", ms[299])
		names = append(names, "nobody", "alone", "outside")
		h.Deliver("call", names...)
		for k := range names {
			h.DeliverMatch("copy", names, k)
		}
		matched := h.Match(names...)
		h.Flush(context.Background())
		for i, m := range ms {
			var want []string
			if slices.ContainsFunc(names, func(name string) bool { return h.Has(name, m) }) {
				want = []string{"call", "copy"}
			}
			m.expect(t, want...)
			if n := len(slices.DeleteFunc(slices.Clone(matched), func(o *member) bool { return o != m })); n != len(want)/2 {
				t.Errorf("%d groups: member %d is listed %d times", groups, i, n)
			}
		}
	}
}

// TestMatchingReleasesTheLock has a member that joins and leaves groups while it is matched.
func TestMatchingReleasesTheLock(t *testing.T) {
	h, ms := newHub(2, 10)
	for _, m := range ms {
		h.Join("a", m)
		h.Join("b", m)
	}
	asked := 0
	ms[3].asked = func() {
		asked++
		h.Join("c", ms[3]) // would block for ever
		h.Leave("b", ms[3])
	}
	h.DeliverMatch("x", []string{"z", "b"}, 1)
	h.Flush(context.Background())
	for _, m := range ms {
		m.expect(t, "x")
	}
	if asked != 1 {
		t.Errorf("a member was asked %d times, want once for each copy", asked)
	}
}

// slots returns the capacity of a group's lists.
func (g *group[M]) slots() int {
	n := cap(g.few) + cap(g.parts)
	for i := range g.parts {
		n += cap(g.parts[i].members)
	}
	return n
}

// TestSmallGroupsDoNotDependOnTheNumberOfShards: there is a shard for each core.
func TestSmallGroupsDoNotDependOnTheNumberOfShards(t *testing.T) {
	for _, size := range []int{1, 5, 31} {
		var slots []int
		for _, shards := range []int{1, 2, 128} {
			h, ms := newHub(shards, 2*size)
			for _, m := range ms {
				h.Join("g", m)
				h.Deliver("x", "g")
			}
			for _, m := range ms[size:] {
				h.Leave("g", m)
			}
			h.Flush(context.Background())
			slots = append(slots, h.groups["g"].slots())
		}
		if most := slices.Max(slots); most > 4*size {
			t.Errorf("a group of %d has %d slots in 1, 2 and 128 shards", size, slots)
		}
	}
}

// TestShrunkenGroupsAreMerged when most members have left.
func TestShrunkenGroupsAreMerged(t *testing.T) {
	h, ms := newHub(4, 1000)
	for _, m := range ms {
		h.Join("g", m)
	}
	if h.groups["g"].parts == nil {
		t.Error("a large group has one list")
	}
	h.Deliver("all", "g")
	for _, m := range ms[3:] {
		h.Leave("g", m)
	}
	h.Deliver("three", "g")
	h.Flush(context.Background())
	if n := h.groups["g"].slots(); n > 16 {
		t.Errorf("a group of 3 that had 1000 has %d slots", n)
	}
	for i, m := range ms {
		if want := []string{"all", "three"}; i < 3 {
			m.expect(t, want...)
		} else {
			m.expect(t, want[:1]...)
		}
	}
}

type silent uint32

func (s silent) Shard() uint32    { return uint32(s) }
func (silent) Deliver(*Run[bool]) {}
func (silent) InAny(Names) bool   { return false }

// BenchmarkDeliver delivers to one group, and to 512 groups of 800 members each.
func BenchmarkDeliver(b *testing.B) {
	for _, n := range []struct{ groups, members int }{{1, 10}, {1, 1000}, {2, 10}, {512, 800}} {
		b.Run(fmt.Sprintf("%dx%d", n.groups, n.members), func(b *testing.B) {
			h := New[silent](2, func(bool) (each, kept int) { return 0, 0 }, func(bool, []silent) {})
			names := make([]string, n.groups)
			for g := range names {
				names[g] = fmt.Sprint("group ", g)
				for m := range n.members {
					h.Join(names[g], silent(g*n.members+m))
				}
			}
			b.ReportAllocs()
			for b.Loop() {
				h.Deliver(true, names...)
			}
			h.Flush(context.Background())
		})
	}
}
