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
	steps   []step  // of the paths of found, in one piece of memory
	full    bool    // there are as many items as are wanted
	bar     finding // if full: the last item worth keeping
}

// step is one element of a path: a name, or an index if key is false. Rank is its place among its siblings.
type step struct {
	name  string
	index int
	rank  int
	key   bool
	last  bool // it is no element: it puts an item behind those of what is below
}

// finding is an item that may be told in the end. Its path and text are made only then.
type finding struct {
	typ       string
	msg, rest string // the text in two parts
	section   int
	path      []step
	below     []any // continues the path
	cause     error // the text hides it
}

func (f *findings) reset(most int) {
	switch {
	case most == 0:
		most = defaultErrors
	case most < 0:
		most = math.MaxInt
	}
	old := *f
	*f = findings{path: old.path[:0], most: most}
	if cap(old.found) <= keepFindings && cap(old.steps) <= keepFindings*4 {
		if len(old.found) > 0 {
			clear(old.found[:cap(old.found)]) // those that were cut off have paths too
			clear(old.steps)
		}
		f.found, f.steps = old.found[:0], old.steps[:0]
	}
}

// keepFindings is how many findings a decoder keeps the memory for.
const keepFindings = 64

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

// fail adds an item at the current path. The text is one that exists already: see wanted for others.
func (f *findings) fail(typ, msg string) { f.add(typ, msg, nil) }

// failBecause adds an item whose text has two parts, which are joined if it is told.
func (f *findings) failBecause(typ, msg, why string) {
	if f.wanted() {
		f.keep(finding{typ: typ, msg: msg, rest: why})
	}
}

// failLast adds an item at the current path that comes behind those of what is below it.
func (f *findings) failLast(typ, msg string) {
	f.path = append(f.path, step{rank: math.MaxInt, last: true})
	f.fail(typ, msg)
	f.pop()
}

func (f *findings) add(typ, msg string, loc []any) {
	if f.wanted() {
		f.keep(finding{typ: typ, msg: msg, below: loc})
	}
}

// wanted counts a failure and reports whether its item is among the first. Only then is its text worth making.
func (f *findings) wanted() bool {
	f.failed++
	return f.isWanted()
}

// isWanted reports whether an item at the current path would be among the first. If it would not, neither would any
// below it.
func (f *findings) isWanted() bool {
	if !f.full {
		return true
	}
	if f.section != f.bar.section {
		return f.section < f.bar.section
	}
	for i, s := range f.path {
		if i >= len(f.bar.path) {
			return false
		}
		if s.rank != f.bar.path[i].rank {
			return s.rank < f.bar.path[i].rank
		}
	}
	return len(f.path) < len(f.bar.path)
}

// isBeyond reports whether no item of the sibling with that rank, below the current path, would be among the first.
func (f *findings) isBeyond(rank int) bool {
	if !f.full {
		return false
	}
	f.path = append(f.path, step{rank: rank})
	wanted := f.isWanted()
	f.pop()
	return !wanted
}

// keep stores an item at the current path. The list may grow to twice what is wanted before it is cut again, so that
// cutting is cheap.
func (f *findings) keep(found finding) {
	n := len(f.found)
	if found.section = f.section; n < cap(f.found) { // the path of one that was cut off is written over
		found.path = f.found[:n+1][n].path[:0]
	}
	if len(f.path) <= cap(found.path) {
		found.path = append(found.path, f.path...)
	} else {
		start := len(f.steps)
		f.steps = append(f.steps, f.path...)
		found.path = f.steps[start:len(f.steps):len(f.steps)]
	}
	f.found = append(f.found, found)
	if n++; n/2 >= f.most || !f.full && n == f.most {
		f.cut()
	}
}

// cut sorts the items and keeps the first of them.
func (f *findings) cut() {
	slices.SortStableFunc(f.found, finding.compare)
	if len(f.found) >= f.most {
		f.found = f.found[:f.most]
		f.bar, f.full = f.found[f.most-1], true
	}
}

func (f finding) compare(other finding) int {
	if c := cmp.Compare(f.section, other.section); c != 0 {
		return c
	}
	return slices.CompareFunc(f.path, other.path, func(a, b step) int { return cmp.Compare(a.rank, b.rank) })
}

// item is what is told of it. Its path is built behind loc, which has room for it.
func (f *finding) item(loc []any) FieldError {
	path := f.path
	if n := len(path); n > 0 && path[n-1].last {
		path = path[:n-1]
	}
	for _, s := range path {
		if s.key {
			loc = append(loc, cutText(s.name))
		} else {
			loc = append(loc, s.index)
		}
	}
	for _, l := range f.below {
		if s, ok := l.(string); ok {
			l = cutText(s)
		}
		loc = append(loc, l)
	}
	return FieldError{Type: f.typ, Loc: loc, Msg: cutMessage(f.msg + f.rest), Cause: f.cause}
}

// Errors are the items collected since Reset, in the order of the fields; nil if there are none.
func (d *Decoder) Errors() ValidationError {
	if len(d.found) == 0 {
		return nil
	}
	d.cut()
	length := 0
	for i := range d.found {
		length += len(d.found[i].path) + len(d.found[i].below)
	}
	items, locs := make(ValidationError, len(d.found)), make([]any, length)
	for i := range d.found {
		items[i] = d.found[i].item(locs[:0])
		n := len(items[i].Loc)
		items[i].Loc, locs = locs[:n:n], locs[n:]
	}
	return items
}
