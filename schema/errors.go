package schema

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"unicode/utf8"
)

// FieldError is one mistake in a value. Msg has at most 1 KiB; a longer text is cut and ends with "...".
type FieldError struct {
	Type string `json:"type"` // a stable identifier, such as "missing"
	Loc  []any  `json:"loc"`  // the path to the mistake: strings and integers
	Msg  string `json:"msg"`  // for people

	// Cause is the error of a type's own method if its text may contain internals of the program, else nil. It is not
	// sent.
	Cause error `json:"-"`
}

// ValidationError lists the mistakes in a value, in the order of its fields. An empty one means success.
type ValidationError []FieldError

// Error returns a line for each item.
func (v ValidationError) Error() string {
	var b strings.Builder
	for i, f := range v {
		if i > 0 {
			b.WriteByte('\n')
		}
		for j, l := range f.Loc {
			if j > 0 {
				b.WriteByte('.')
			}
			fmt.Fprint(&b, l)
		}
		if len(f.Loc) > 0 {
			b.WriteString(": ")
		}
		b.WriteString(f.Msg)
	}
	return b.String()
}

// Bound returns the items as they are sent to a client if code of the application made them: at most l.MaxErrors, with
// paths and texts cut as those of decoded values. A text that contains names of Go is replaced.
func (v ValidationError) Bound(l Limits) ValidationError {
	var f findings
	f.reset(l.MaxErrors)
	sent := make(ValidationError, min(len(v), f.limit))
	for i := range sent {
		item := finding{typ: cutMessage(v[i].Type), msg: v[i].Msg, below: v[i].Loc}
		if !isSafeText(nil, item.msg) {
			item.msg = unsafeItem
		}
		sent[i] = item.item(make([]any, 0, len(item.below)))
	}
	return sent
}

// AppendJSON appends the items to b as JSON. The result is that of encoding/json, but cheaper. The error reports a path
// element that JSON cannot express.
func (v ValidationError) AppendJSON(b []byte) (_ []byte, err error) {
	if v == nil {
		return append(b, "null"...), nil
	}
	b = append(b, '[')
	for i, f := range v {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendText(append(b, `{"type":`...), f.Type)
		if b, err = f.appendLoc(append(b, `,"loc":`...)); err != nil {
			return b, err
		}
		b = append(appendText(append(b, `,"msg":`...), f.Msg), '}')
	}
	return append(b, ']'), nil
}

func (f *FieldError) appendLoc(b []byte) (_ []byte, err error) {
	if f.Loc == nil {
		return append(b, "null"...), nil
	}
	b = append(b, '[')
	for i, l := range f.Loc {
		if i > 0 {
			b = append(b, ',')
		}
		if n, ok := l.(int); ok {
			b = strconv.AppendInt(b, int64(n), 10)
		} else if b, err = appendAny(b, l); err != nil {
			return b, err
		}
	}
	return append(b, ']'), nil
}

// TypeError reports a Go type that cannot be compiled: a mistake in the program.
type TypeError struct {
	Type  reflect.Type
	Field string // "" if the whole type is wrong
	Tag   string // the tag and its text; "" if no tag is wrong
	Path  string // from the type given to Compile, such as Order.Lines[].Price; "" if Type is that type
	Msg   string // what is wrong and how to fix it

	NoUnion bool // Type is an interface that Options.Unions lacks
}

// Error names the type, the field, the tag, the path and the fix.
func (e *TypeError) Error() string {
	where := e.Type.String()
	if e.Field != "" {
		where += "." + e.Field
	}
	if e.Tag != "" {
		where += " " + e.Tag
	}
	if e.Path != "" {
		where += " at " + e.Path
	}
	return "schema: compile " + where + ": " + e.Msg
}

// maxText limits how much of an input an error quotes, in code points.
const maxText = 64

func cutText(s string) string { return cutAt(s, maxText) }

// maxMessage is the longest text of an item, in bytes. The list of the values of an enum may be longer.
const maxMessage = 1 << 10

func cutMessage(s string) string {
	const dots = "..." // ASCII is encoded fastest
	if len(s) <= maxMessage {
		return s
	}
	end := maxMessage - len(dots)
	for !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + dots
}

// cutAt shortens s to at most so many code points.
func cutAt(s string, most int) string {
	if len(s) <= most {
		return s
	}
	n := 0
	for i := range s {
		if n == most {
			return s[:i]
		}
		n++
	}
	return s
}

func plural(n int) string {
	if n == 1 {
		return ""
	}
	return "s"
}
