package schema

import (
	"cmp"
	"fmt"
	"math"
	"reflect"
	"slices"
)

// findings collects the mistakes in a value. Members come in any order, but their items are reported in the order of
// the fields. So each item has a rank, and only the first items by rank are kept, up to limit.
type findings struct {
	path    []step
	section int // counts what is decoded or reported at the top level; items of a later section rank behind
	failed  int // number of failures, including those whose items are not kept
	limit   int // items to report
	found   []finding
	steps   []step  // backs the paths of found
	full    bool    // found has as many items as are reported
	cutoff  finding // if full: the last item to report
}

// step is one element of a path: a name if key is true, else an index. Rank is its position among its siblings.
type step struct {
	name  string
	index int
	rank  int
	key   bool
	last  bool // not an element: ranks an item behind the items below the path
}

// finding is an item that may be reported. Its path and text are built only then.
type finding struct {
	typ       string
	msg, rest string // the text in two parts
	section   int
	path      []step
	below     []any // further elements of the path
	cause     error // not sent; see FieldError.Cause
}

func (f *findings) reset(limit int) {
	switch {
	case limit == 0:
		limit = defaultErrors
	case limit < 0:
		limit = math.MaxInt
	}
	old := *f
	*f = findings{path: old.path[:0], limit: limit}
	if cap(old.found) <= keepFindings && cap(old.steps) <= keepFindings*4 {
		if len(old.found) > 0 {
			clear(old.found[:cap(old.found)]) // items that were cut off hold paths too
			clear(old.steps)
		}
		f.found, f.steps = old.found[:0], old.steps[:0]
	}
}

// keepFindings limits the memory that a decoder keeps for its next text, in findings.
const keepFindings = 64

func (f *findings) push(name string, rank int) {
	f.path = append(f.path, step{name: name, rank: rank, key: true})
}

func (f *findings) pushIndex(i int) { f.path = append(f.path, step{index: i, rank: i}) }
func (f *findings) pop()            { f.path = f.path[:len(f.path)-1] }

// Fail adds an item with a path from the top level, behind everything decoded before. Strings in the path are cut at 64
// code points.
func (d *Decoder) Fail(typ, msg string, loc ...any) {
	d.section++
	d.add(typ, msg, loc)
}

// fail adds an item at the current path. To build a text only for items that are kept, call countFailure first.
func (f *findings) fail(typ, msg string) { f.add(typ, msg, nil) }

// failBecause adds an item whose text has two parts. They are joined only if the item is reported.
func (f *findings) failBecause(typ, msg, problem string) {
	if f.countFailure() {
		f.keep(finding{typ: typ, msg: msg, rest: problem})
	}
}

// failLast adds an item at the current path that ranks behind the items below that path.
func (f *findings) failLast(typ, msg string) {
	f.path = append(f.path, step{rank: math.MaxInt, last: true})
	f.fail(typ, msg)
	f.pop()
}

func (f *findings) add(typ, msg string, loc []any) {
	if f.countFailure() {
		f.keep(finding{typ: typ, msg: msg, below: loc})
	}
}

// countFailure counts a failure and reports whether its item would be kept.
func (f *findings) countFailure() bool {
	f.failed++
	return f.wouldKeep()
}

// wouldKeep reports whether an item at the current path would be kept. If not, items below that path would not be kept
// either.
func (f *findings) wouldKeep() bool {
	if !f.full {
		return true
	}
	if f.section != f.cutoff.section {
		return f.section < f.cutoff.section
	}
	for i, s := range f.path {
		if i >= len(f.cutoff.path) {
			return false
		}
		if s.rank != f.cutoff.path[i].rank {
			return s.rank < f.cutoff.path[i].rank
		}
	}
	return len(f.path) < len(f.cutoff.path)
}

// pastCutoff reports whether no item below the child with that rank would be kept.
func (f *findings) pastCutoff(rank int) bool {
	if !f.full {
		return false
	}
	f.path = append(f.path, step{rank: rank})
	wanted := f.wouldKeep()
	f.pop()
	return !wanted
}

// keep stores an item at the current path. The list may grow to twice its size before it is cut, which keeps cutting
// cheap.
func (f *findings) keep(found finding) {
	n := len(f.found)
	if found.section = f.section; n < cap(f.found) { // reuse the path of an item that was cut off
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
	if n++; n/2 >= f.limit || !f.full && n == f.limit {
		f.cut()
	}
}

// cut sorts the items and keeps the first ones.
func (f *findings) cut() {
	slices.SortStableFunc(f.found, finding.compare)
	if len(f.found) >= f.limit {
		f.found = f.found[:f.limit]
		f.cutoff, f.full = f.found[f.limit-1], true
	}
}

func (f finding) compare(other finding) int {
	if c := cmp.Compare(f.section, other.section); c != 0 {
		return c
	}
	return slices.CompareFunc(f.path, other.path, func(a, b step) int { return cmp.Compare(a.rank, b.rank) })
}

// item builds the reported item. It appends the path to loc, which has enough capacity.
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
		loc = append(loc, pathElement(l))
	}
	return FieldError{Type: f.typ, Loc: loc, Msg: cutMessage(f.msg + f.rest), Cause: f.cause}
}

// pathElement returns an element of a path that code of the application made as an integer or a text. encoding/json has
// decoded an integer as float64. A value that is neither, nor has a String method, becomes "?": it may print an address.
func pathElement(l any) any {
	switch v := reflect.ValueOf(l); {
	case v.CanInt():
		return int(v.Int())
	case v.CanUint():
		return v.Uint()
	case v.CanFloat() && v.Float() == math.Trunc(v.Float()):
		return int(v.Float())
	case v.Kind() == reflect.String:
		return cutText(v.String())
	}
	if s, ok := l.(fmt.Stringer); ok {
		return cutText(fmt.Sprint(s))
	}
	return "?"
}

// Errors returns the items collected since Reset, in the order of the fields, or nil if there are none.
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
