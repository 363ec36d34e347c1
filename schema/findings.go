package schema

import (
	"cmp"
	"math"
	"slices"
)

// findings collects what is wrong with a value. Members come in any order, their items go out in the order of the
// fields: each item has a rank, and only as many as are wanted, the first by rank, are kept.
type findings struct {
	path    []step
	section int // of the text: what is decoded or reported at the top, one after the other
	failed  int // counts also the items that are not kept
	most    int
	found   []finding
	bar     []int // rank of the last item worth keeping; nil while there is room
}

// step is one element of a path: a name, or an index if key is false. Rank is its place among its siblings.
type step struct {
	name  string
	index int
	rank  int
	key   bool
}

type finding struct {
	item FieldError
	rank []int
}

func (f *findings) reset(most int) {
	switch {
	case most == 0:
		most = defaultErrors
	case most < 0:
		most = math.MaxInt
	}
	*f = findings{path: f.path[:0], most: most}
}

func (f *findings) push(name string, rank int) {
	f.path = append(f.path, step{name: name, rank: rank, key: true})
}

func (f *findings) pushIndex(i int) { f.path = append(f.path, step{index: i, rank: i}) }
func (f *findings) pop()            { f.path = f.path[:len(f.path)-1] }

// Fail adds an item at a path from the top, behind all that was decoded before. Strings of it are cut at 64 code points.
func (d *Decoder) Fail(typ, msg string, loc ...any) {
	d.section++
	d.add(typ, msg, loc)
}

// fail adds an item at the current path.
func (f *findings) fail(typ, msg string) { f.add(typ, msg, nil) }

// failLast adds an item at the current path that comes behind those of what is below it.
func (f *findings) failLast(typ, msg string) {
	f.path = append(f.path, step{rank: math.MaxInt})
	if f.wanted() {
		f.keep(typ, msg, f.loc(f.path[:len(f.path)-1], nil))
	}
	f.pop()
}

func (f *findings) add(typ, msg string, loc []any) {
	if f.wanted() {
		f.keep(typ, msg, f.loc(f.path, loc))
	}
}

// wanted counts a failure and reports whether its item is among the first.
func (f *findings) wanted() bool {
	f.failed++
	if f.bar == nil {
		return true
	}
	if c := cmp.Compare(f.section, f.bar[0]); c != 0 {
		return c < 0
	}
	for i, s := range f.path {
		if i+1 >= len(f.bar) {
			return false
		}
		if c := cmp.Compare(s.rank, f.bar[i+1]); c != 0 {
			return c < 0
		}
	}
	return len(f.path)+1 < len(f.bar)
}

func (f *findings) loc(path []step, below []any) []any {
	loc := make([]any, 0, len(path)+len(below))
	for _, s := range path {
		if s.key {
			loc = append(loc, cutText(s.name))
		} else {
			loc = append(loc, s.index)
		}
	}
	for _, l := range below {
		if s, ok := l.(string); ok {
			l = cutText(s)
		}
		loc = append(loc, l)
	}
	return loc
}

// keep stores an item. The list may grow to twice what is wanted before it is cut, so that cutting is cheap.
func (f *findings) keep(typ, msg string, loc []any) {
	rank := make([]int, 1, len(f.path)+1)
	rank[0] = f.section
	for _, s := range f.path {
		rank = append(rank, s.rank)
	}
	f.found = append(f.found, finding{FieldError{typ, loc, msg}, rank})
	if len(f.found)/2 >= f.most {
		f.cut()
	}
}

// cut sorts the items and keeps the first of them.
func (f *findings) cut() {
	slices.SortStableFunc(f.found, func(a, b finding) int { return slices.Compare(a.rank, b.rank) })
	if len(f.found) > f.most {
		f.found = f.found[:f.most]
		f.bar = f.found[f.most-1].rank
	}
}

// Errors are the items collected since Reset, in the order of the fields; nil if there are none.
func (d *Decoder) Errors() ValidationError {
	if len(d.found) == 0 {
		return nil
	}
	d.cut()
	items := make(ValidationError, len(d.found))
	for i, found := range d.found {
		items[i] = found.item
	}
	return items
}
