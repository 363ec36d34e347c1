package schema

import (
	"encoding/json"
	"errors"
	"reflect"
	"regexp"
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

// goText finds what texts of the standard library and of %T have: "Go struct field", "*big.Int", "strconv.ParseInt",
// "ParseAddr(", "json: ", "time: invalid duration", "parsing time", layouts of package time.
var goText = regexp.MustCompile(`\bGo (struct|value|type|field|[a-z]*int|float|string|bool|map|slice|pointer)|\*[a-z]\w*\.\w|\b[a-z]\w*\.[A-Z]\w|` +
	`\b(Parse|Unmarshal|Marshal|Decode|Scan)[A-Z]?\w*\(|\b(json|xml|gob|asn1|math/big|strconv|reflect|netip): |\bencoding/|` +
	`\btime: (invalid|unknown|missing)|\bparsing time |2006-01-02|\bparse "|\bmain\.[a-zA-Z_]`)

// isPublicText reports whether a text has no name of Go's, nor of the package of the type that it is about.
func isPublicText(t *Type, text string) bool {
	text = text[:min(len(text), 2*maxMessage)] // no more is told
	if goText.MatchString(text) {
		return false
	}
	pkg, _, ok := strings.Cut(strings.TrimLeft(t.goType.String(), "*[]"), ".")
	if !ok || strings.Contains(pkg, "[") {
		return true
	}
	for rest := text; ; {
		_, after, found := strings.Cut(rest, pkg+".")
		if !found {
			return true
		}
		if c := strings.ToLower(after + " ")[0]; c >= 'a' && c <= 'z' || c == '_' {
			return false
		}
		rest = after
	}
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
