package schema

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
)

// This file decides what a client is told of an error of the application's own methods: UnmarshalJSON, UnmarshalText and
// Validate.

// failOwn adds what is wrong with a value of type t by its own method. A ValidationError has items of its own. The text of
// another error is told if it was written for people; see isPublic. If not, what is told instead is otherwise.
func (d *Decoder) failOwn(t *Type, err error, otherwise string) {
	if items, ok := errors.AsType[ValidationError](err); ok {
		for _, i := range ownItems(t, items, d.naming) {
			d.add(i.Type, i.Msg, i.Loc)
		}
		return
	}
	if !d.wanted() {
		return
	}
	if text := err.Error(); isPublic(t, err) && isPublicText(t, text) {
		d.keep(finding{typ: "value_error", msg: "Value error, ", rest: text[:min(len(text), maxMessage)]})
		return
	}
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		otherwise = "unexpected " + cutText(wrong.Value)
	}
	d.keep(finding{typ: "value_error", msg: "Value error, ", rest: otherwise, cause: err})
}

// ownItems are the items of a type's own method, with paths in the names of the naming.
func ownItems(t *Type, items ValidationError, n Naming) ValidationError {
	own := make(ValidationError, 0, len(items))
	for _, i := range items {
		if n != AsDeclared {
			i.Loc = t.spell(i.Loc, n)
		}
		if !isPublicText(t, i.Msg) {
			i.Msg = "Value error, invalid value"
		}
		own = append(own, i)
	}
	return own
}

// isPublic reports whether an error may be told to a client: neither it nor one that it wraps is of a type of the standard
// library. Those name Go's functions, types, fields and layouts, such as "json: cannot unmarshal string into Go struct
// field order.total of type int64".
func isPublic(t *Type, err error) bool {
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
		return inner == nil || isPublic(t, inner)
	case interface{ Unwrap() []error }:
		for _, inner := range err.Unwrap() {
			if inner != nil && !isPublic(t, inner) {
				return false
			}
		}
	}
	return true
}

// isStandard reports whether a package is of the standard library.
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

// goWords are what texts of the standard library and of %T have, after what is no part of a word. A regular expression
// for them would take longer than all else that is done for an item.
var goWords = []string{
	"Go struct", "Go value", "Go type", "Go field", "Go int", "Go uint", "Go float", "Go string", "Go bool", "Go map", "Go slice", "Go pointer",
	"json: ", "xml: ", "gob: ", "asn1: ", "math/big: ", "strconv: ", "reflect: ", "netip: ", "encoding/", "time: invalid", "time: unknown",
	"time: missing", "parsing time ", "2006-01-02", "parse \"", "main.",
}

// isPublicText reports whether a text has no name of Go's, nor of the package of the type that it is about.
func isPublicText(t *Type, text string) bool {
	text = text[:min(len(text), maxMessage)] // no more is told
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
	pkg, _, ok := strings.Cut(strings.TrimLeft(t.goType.String(), "*[]"), ".")
	return !ok || strings.Contains(pkg, "[") || !hasMember(text, pkg+".")
}

func isWordByte(c byte) bool { return isLetter(c) || isDigit(c) || c == '_' }

// hasWord reports whether a text has a word that is not the end of a longer one.
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

// hasMember reports whether a package with its period has a name behind it.
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

// isQualified reports whether the period at i stands in a name such as strconv.ParseInt or *big.int.
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

// isCall reports whether a text ends with the name of a function such as ParseAddr.
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

// kindName is what a client is told that a JSON value is.
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
