package schema

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
)

// This file decides which errors of the application's UnmarshalJSON, UnmarshalText and Validate methods are sent to
// clients.

// failMethod adds items for an error of a method of type t. A ValidationError has items of its own. Another error
// becomes one item with its text if that is safe to send (see isSafeError), else with fallback.
func (d *Decoder) failMethod(t *Type, err error, fallback string) {
	if items, ok := errors.AsType[ValidationError](err); ok {
		for _, i := range methodItems(t, items, d.naming) {
			d.add(i.Type, i.Msg, i.Loc)
		}
		return
	}
	if !d.countFailure() {
		return
	}
	if text := err.Error(); isSafeError(t, err) && isSafeText(t, text) {
		d.keep(finding{typ: "value_error", msg: "Value error, ", rest: text[:min(len(text), maxMessage)]})
		return
	}
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		fallback = "unexpected " + cutText(wrong.Value)
	}
	d.keep(finding{typ: "value_error", msg: "Value error, ", rest: fallback, cause: err})
}

// unsafeItem replaces the text of an item that is not safe to send.
const unsafeItem = "Value error, invalid value"

// methodItems converts the items of a method: paths get the names of the naming, unsafe texts are replaced.
func methodItems(t *Type, items ValidationError, n Naming) ValidationError {
	own := make(ValidationError, 0, len(items))
	for _, i := range items {
		if n != AsDeclared {
			i.Loc = t.renamePath(i.Loc, n)
		}
		if !isSafeText(t, i.Msg) {
			i.Msg = unsafeItem
		}
		own = append(own, i)
	}
	return own
}

// Locate returns items that code of the application made about a value of the type, as they are sent to a client. Like
// those of a Validate method they have declared names and get those of the codec. They are put below the path element
// payload, or stay at the top if they are about a frame field. Items about the payload come first. See
// ValidationError.Bound for the rest.
func (c *Codec) Locate(items ValidationError, payload string, l Limits) ValidationError {
	var inside, beside ValidationError
	for _, item := range methodItems(c.typ, items, c.naming) {
		if c.isOfFrame(item) {
			beside = append(beside, item)
			continue
		}
		item.Loc = append([]any{payload}, item.Loc...)
		inside = append(inside, item)
	}
	return append(inside, beside...).Bound(l)
}

// isOfFrame reports whether an item with the names of the codec is about a frame field.
func (c *Codec) isOfFrame(item FieldError) bool {
	if len(item.Loc) == 0 {
		return false
	}
	name, _ := item.Loc[0].(string)
	_, inPayload := c.typ.byName[c.naming][name]
	_, inFrame := c.typ.frame.byName[c.naming][name]
	return inFrame && !inPayload
}

// isSafeError reports whether neither err nor an error it wraps has a type of the standard library. The texts of those
// name Go functions, types, fields and layouts, such as "json: cannot unmarshal string into Go struct field order.total
// of type int64".
func isSafeError(t *Type, err error) bool {
	typ := reflect.TypeOf(err)
	for typ.Kind() == reflect.Pointer {
		typ = typ.Elem()
	}
	if pkg := typ.PkgPath(); pkg != "errors" && pkg != "fmt" && isStandard(pkg) || isStandard(t.goType.PkgPath()) {
		return false
	}
	switch err := err.(type) {
	case interface{ Unwrap() error }:
		inner := err.Unwrap()
		return inner == nil || isSafeError(t, inner)
	case interface{ Unwrap() []error }:
		for _, inner := range err.Unwrap() {
			if inner != nil && !isSafeError(t, inner) {
				return false
			}
		}
	}
	return true
}

// isStandard reports whether a package belongs to the standard library.
func isStandard(pkg string) bool {
	first, _, _ := strings.Cut(pkg, "/")
	return standard[first]
}

var standard = func() map[string]bool {
	all := map[string]bool{}
	for name := range strings.FieldsSeq(`archive bufio bytes compress container context crypto database debug embed encoding errors
		expvar flag fmt go hash html image index internal io iter log maps math mime net os path plugin reflect regexp runtime
		slices sort strconv strings sync syscall testing text time unicode unique vendor`) {
		all[name] = true
	}
	return all
}()

// goWords occur in texts of the standard library and of %T, at the beginning of a word. A regular expression for them
// would take longer than everything else done for an item.
var goWords = []string{
	"Go struct", "Go value", "Go type", "Go field", "Go int", "Go uint", "Go float", "Go string", "Go bool", "Go map", "Go slice", "Go pointer",
	"json: ", "xml: ", "gob: ", "asn1: ", "math/big: ", "strconv: ", "reflect: ", "netip: ", "encoding/", "time: invalid", "time: unknown",
	"time: missing", "parsing time ", "2006-01-02", "parse \"", "main.",
}

// isSafeText reports whether a text contains neither a Go name nor the package name of t, which may be nil.
func isSafeText(t *Type, text string) bool {
	text = text[:min(len(text), maxMessage)] // no more is sent
	for _, word := range goWords {
		if hasWord(text, word) {
			return false
		}
	}
	for i := 1; i+1 < len(text); i++ {
		if text[i] == '.' && isQualified(text, i) || text[i] == '(' && isCall(text[:i]) {
			return false
		}
	}
	if t == nil {
		return true
	}
	pkg, _, ok := strings.Cut(strings.TrimLeft(t.goType.String(), "*[]"), ".")
	return !ok || strings.Contains(pkg, "[") || !hasMember(text, pkg+".")
}

func isWordByte(c byte) bool { return isLetter(c) || isDigit(c) || c == '_' }

// hasWord reports whether a text contains word, not as the end of a longer word.
func hasWord(text, word string) bool {
	for from := 0; ; {
		i := strings.Index(text[from:], word)
		if i < 0 {
			return false
		}
		if i += from; i == 0 || !isWordByte(text[i-1]) {
			return true
		}
		from = i + 1
	}
}

// hasMember reports whether a text contains pkg, which ends with a period, followed by a name.
func hasMember(text, pkg string) bool {
	for {
		_, after, found := strings.Cut(text, pkg)
		if !found {
			return false
		}
		if text = after; after != "" && (isLetter(after[0]) || after[0] == '_') {
			return true
		}
	}
}

// isQualified reports whether the period at i belongs to a name such as strconv.ParseInt or *big.int.
func isQualified(text string, i int) bool {
	start := i
	for start > 0 && isWordByte(text[start-1]) {
		start--
	}
	if start == i || text[start] < 'a' || text[start] > 'z' {
		return false
	}
	next := text[i+1]
	return next >= 'A' && next <= 'Z' || start > 0 && text[start-1] == '*' && isWordByte(next)
}

// isCall reports whether a text ends with a function name such as ParseAddr.
func isCall(text string) bool {
	start := len(text)
	for start > 0 && isWordByte(text[start-1]) {
		start--
	}
	for _, verb := range []string{"Parse", "Unmarshal", "Marshal", "Decode", "Scan"} {
		if strings.HasPrefix(text[start:], verb) {
			return true
		}
	}
	return false
}

// kindName returns the name of a JSON kind for clients.
func kindName(c byte) string {
	switch c {
	case '{':
		return "object"
	case '[':
		return "list"
	case '"':
		return "string"
	case 't', 'f':
		return "boolean"
	case 'n':
		return "null"
	}
	return "number"
}
