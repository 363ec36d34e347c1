package schema

import (
	"fmt"
	"math/big"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// rules are the constraints of one use of a type.
type rules struct {
	minLength, maxLength *int
	shortText, longText  string // texts of their items
	pattern              *regexp.Regexp
	patternText          string
	format               *format
	bounds               []bound // in the order in which they are checked
	enum                 *enum
	minItems, maxItems   *int // of lists; of maps: minProperties, maxProperties
	unique               bool
	elem                 *rules // of the elements
}

// ofElements returns the rules of each element, and whether elements must be unique.
func (r *rules) ofElements() (elem *rules, unique bool) {
	if r == nil {
		return nil, false
	}
	return r.elem, r.unique
}

// bound is a constraint on a number.
type bound struct {
	tag     string
	number  string // shortest decimal form
	item    string // type of its item
	text    string // of its item
	float   float64
	exact   *big.Rat
	whole   int64 // valid if isWhole
	isWhole bool
}

// enum is a set of allowed strings or integers.
type enum struct {
	values []string // as in JSON, strings without quotes
	isText bool
	set    map[string]struct{}
	text   string              // of the item; lists the values
	own    map[string]struct{} // the values in Go, if the type has JSON methods
}

func newEnum(values []string, isText bool) *enum {
	e := &enum{values: values, isText: isText, set: map[string]struct{}{}}
	for _, v := range values {
		e.set[v] = struct{}{}
	}
	e.text = cutMessage(e.message())
	return e
}

func (e *enum) has(v []byte) bool {
	_, ok := e.set[string(v)]
	return ok
}

// message lists the values as "'a', 'b' or 'c'".
func (e *enum) message() string {
	quoted := make([]string, len(e.values))
	for i, v := range e.values {
		quoted[i] = v
		if e.isText {
			quoted[i] = "'" + v + "'"
		}
	}
	last := len(quoted) - 1
	if last == 0 {
		return "Input should be " + quoted[0]
	}
	return "Input should be " + strings.Join(quoted[:last], ", ") + " or " + quoted[last]
}

func isInteger(k reflect.Kind) bool { return k >= reflect.Int && k <= reflect.Uint64 }

// keyText writes a string or an integer without quotes.
func keyText(v reflect.Value) string {
	switch {
	case v.Kind() == reflect.String:
		return v.String()
	case v.CanInt():
		return strconv.FormatInt(v.Int(), 10)
	}
	return strconv.FormatUint(v.Uint(), 10)
}

// constraint is a tag, the kinds it applies to, and how to set it.
type constraint struct {
	tag     string
	applies func(kind) bool
	set     func(r *rules, f *field, t *Type, text string) error
}

func isText(k kind) bool   { return k == kindString || k == kindText }
func isNumber(k kind) bool { return k == kindInt || k == kindUint || k == kindFloat || k == kindNumber }
func isList(k kind) bool   { return k == kindSlice || k == kindArray }
func isMap(k kind) bool    { return k == kindMap }

var constraints = []constraint{
	{"minLength", isText, setLength("minLength", "least", func(r *rules) (**int, *string) { return &r.minLength, &r.shortText })},
	{"maxLength", isText, setLength("maxLength", "most", func(r *rules) (**int, *string) { return &r.maxLength, &r.longText })},
	{"pattern", isText, setPattern},
	{"format", isText, setFormat},
	{"multipleOf", isNumber, setBound("multipleOf")},
	{"maximum", isNumber, setBound("maximum")},
	{"exclusiveMaximum", isNumber, setBound("exclusiveMaximum")},
	{"minimum", isNumber, setBound("minimum")},
	{"exclusiveMinimum", isNumber, setBound("exclusiveMinimum")},
	{"enum", func(k kind) bool { return isText(k) || k == kindInt || k == kindUint }, setEnum},
	{"minItems", isList, setCount("minItems", func(r *rules) **int { return &r.minItems })},
	{"maxItems", isList, setCount("maxItems", func(r *rules) **int { return &r.maxItems })},
	{"uniqueItems", isList, setUnique},
	{"minProperties", isMap, setCount("minProperties", func(r *rules) **int { return &r.minItems })},
	{"maxProperties", isMap, setCount("maxProperties", func(r *rules) **int { return &r.maxItems })},
}

// constrain reads the constraints of a field. A constraint that does not apply to the field's kind applies to its
// elements.
func (f *field) constrain(tag reflect.StructTag) error {
	for _, c := range constraints {
		text, ok := tag.Lookup(c.tag)
		if !ok {
			continue
		}
		at, t := &f.rules, f.Type
		for !c.applies(t.kind) {
			if t.elem == nil {
				return f.wrong(c.tag+":"+strconv.Quote(text), "it does not apply to %s: remove it", f.goType)
			}
			if t.kind != kindPointer {
				at = &ensureRules(at).elem
			}
			t = t.elem.Type
		}
		if err := c.set(ensureRules(at), f, t, text); err != nil {
			return err
		}
	}
	return f.checkRules(f.rules)
}

func ensureRules(at **rules) *rules {
	if *at == nil {
		*at = &rules{}
	}
	return *at
}

// checkRules refuses ranges that no value satisfies.
func (f *field) checkRules(r *rules) error {
	if r == nil {
		return nil
	}
	if r.minLength != nil && r.maxLength != nil && *r.minLength > *r.maxLength {
		return f.wrong("minLength", "it is greater than maxLength: no string passes both")
	}
	if r.minItems != nil && r.maxItems != nil && *r.minItems > *r.maxItems {
		return f.wrong("minItems or minProperties", "it is greater than the maximum: nothing passes both")
	}
	for _, lo := range r.bounds {
		for _, hi := range r.bounds {
			if strings.HasSuffix(lo.tag, "inimum") && strings.HasSuffix(hi.tag, "aximum") && lo.exact.Cmp(hi.exact) > 0 {
				return f.wrong(lo.tag, "it is greater than %s: no number passes both", hi.tag)
			}
		}
	}
	return f.checkRules(r.elem)
}

func setCount(tag string, at func(*rules) **int) func(*rules, *field, *Type, string) error {
	return func(r *rules, f *field, _ *Type, text string) error {
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 {
			return f.wrong(tag+":"+strconv.Quote(text), "it must be a whole number from 0")
		}
		*at(r) = &n
		return nil
	}
}

func setLength(tag, word string, at func(*rules) (**int, *string)) func(*rules, *field, *Type, string) error {
	set := setCount(tag, func(r *rules) **int { n, _ := at(r); return n })
	return func(r *rules, f *field, t *Type, tagText string) error {
		if err := set(r, f, t, tagText); err != nil {
			return err
		}
		n, text := at(r)
		*text = fmt.Sprintf("String should have at %s %d character%s", word, **n, plural(**n))
		return nil
	}
}

func setPattern(r *rules, f *field, _ *Type, text string) (err error) {
	if r.pattern, err = regexp.Compile(text); err != nil {
		return f.wrong("pattern", "%v", err)
	}
	r.patternText = cutMessage("String should match pattern '" + text + "'")
	return nil
}

func setFormat(r *rules, f *field, _ *Type, text string) error {
	if r.format = formats[text]; r.format == nil {
		return f.wrong("format:"+strconv.Quote(text), "it is not known: use one of %s", formatNames())
	}
	return nil
}

func setUnique(r *rules, f *field, _ *Type, text string) (err error) {
	if r.unique, err = strconv.ParseBool(text); err != nil {
		return f.wrong("uniqueItems:"+strconv.Quote(text), "it must be true or false")
	}
	return nil
}

func setBound(tag string) func(*rules, *field, *Type, string) error {
	return func(r *rules, f *field, t *Type, text string) error {
		exact, ok := new(big.Rat).SetString(text)
		float, err := strconv.ParseFloat(text, 64)
		if !ok || err != nil || len(text) > 64 {
			return f.wrong(tag+":"+strconv.Quote(text), "it must be a number")
		}
		if tag == "multipleOf" && (exact.Sign() <= 0 || (t.kind == kindInt || t.kind == kindUint) && !exact.IsInt()) {
			return f.wrong(tag+":"+strconv.Quote(text), "it must be greater than 0, and whole for integers")
		}
		b := bound{tag: tag, number: strconv.FormatFloat(float, 'f', -1, 64), float: float, exact: exact}
		if exact.IsInt() {
			b.number = exact.Num().String()
			b.whole, b.isWhole = exact.Num().Int64(), exact.Num().IsInt64()
		}
		if t.kind == kindNumber { // compared exactly, not as a float64
			digits, _ := exact.FloatPrec()
			b.number = exact.FloatString(digits)
		}
		b.item, b.text = boundItems[tag].typ, boundItems[tag].msg+b.number
		r.bounds = append(r.bounds, b)
		return nil
	}
}

func setEnum(r *rules, f *field, t *Type, text string) error {
	values, passes := strings.Split(text, ","), false
	for i, v := range values {
		fix := ""
		switch {
		case v == "":
			fix = "it has an empty value: remove a comma, or make the field a pointer if it may be left out"
		case v != strings.TrimSpace(v):
			fix = fmt.Sprintf("%q begins or ends with a space: separate values by a comma alone", v)
		case slices.Contains(values[:i], v):
			fix = fmt.Sprintf("it has %q twice: remove one", v)
		}
		if fix != "" {
			return f.wrong("enum:"+strconv.Quote(text), "%s", fix)
		}
		if !isText(t.kind) && !isIntegerOf(t.goType, v) {
			return f.wrong("enum:"+strconv.Quote(text), "%q is not an integer that %s holds, as JSON spells it", v, t.goType)
		}
		passes = passes || t.enum == nil || t.enum.has([]byte(v))
	}
	if !passes {
		return f.wrong("enum:"+strconv.Quote(text), "%s allows none of them", t.goType)
	}
	r.enum = newEnum(values, isText(t.kind))
	return nil
}

// isIntegerOf reports whether a text is an integer without a sign or zero too much that a Go type holds.
func isIntegerOf(t reflect.Type, text string) bool {
	v := reflect.Zero(t)
	if v.CanInt() {
		n, err := strconv.ParseInt(text, 10, 64)
		return err == nil && !v.OverflowInt(n) && strconv.FormatInt(n, 10) == text
	}
	n, err := strconv.ParseUint(text, 10, 64)
	return err == nil && !v.OverflowUint(n) && strconv.FormatUint(n, 10) == text
}

var boundItems = map[string]struct{ typ, msg string }{
	"multipleOf":       {"multiple_of", "Input should be a multiple of "},
	"maximum":          {"less_than_equal", "Input should be less than or equal to "},
	"exclusiveMaximum": {"less_than", "Input should be less than "},
	"minimum":          {"greater_than_equal", "Input should be greater than or equal to "},
	"exclusiveMinimum": {"greater_than", "Input should be greater than "},
}

// allows reports whether a number satisfies the bound. cmp compares it with the bound, multiple says whether it is a
// multiple of it.
func (b *bound) allows(cmp int, multiple bool) bool {
	switch b.tag {
	case "multipleOf":
		return multiple
	case "maximum":
		return cmp <= 0
	case "exclusiveMaximum":
		return cmp < 0
	case "minimum":
		return cmp >= 0
	default:
		return cmp > 0
	}
}

func countMessage(what string, n int, most bool, actual int) string {
	word := "least"
	if most {
		word = "most"
	}
	return fmt.Sprintf("%s should have at %s %d item%s after validation, not %d", what, word, n, plural(n), actual)
}
