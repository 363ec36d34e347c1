package schema_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/chanx-go/chanx/schema"
)

// difference is one place of a payload where the answers of the original and of chanx differ; a nil item means none.
type difference struct {
	declaration    string
	loc            []any
	input          any // the value at loc: nil, bool, json.Number, string, []any, map[string]any
	present        bool
	recorded, ours *schema.FieldError
}

// reason is an intended difference.
type reason struct {
	name  string
	holds func(difference) bool
}

// reasons are checked in order.
var reasons = []reason{
	{"no class names in texts", differInClassName},
	{"an enum's item is literal_error", func(d difference) bool {
		return d.both("enum", "literal_error") && d.recorded.Msg == d.ours.Msg
	}},
	{"no coercion", isUncoerced},
	{"no coercion of keys", func(d difference) bool {
		return d.loc[len(d.loc)-1] == "[key]" && d.oursIs("int_type") && (d.recorded == nil || d.recorded.Type == "int_parsing")
	}},
	{"no strict mode: 1.0 is an integer", func(d difference) bool {
		n, isNumber := d.input.(json.Number)
		return isNumber && d.recordedIs("int_type") &&
			(d.ours == nil && isWhole(n) || d.oursIs("int_from_float") && !isWhole(n))
	}},
	{"no strict mode: a time is a string", func(d difference) bool {
		return d.declaration == "strict_datetime" && d.kind() == "string" && d.both("datetime_type", "datetime_parsing")
	}},
	{"beyond int64", func(d difference) bool {
		n, isNumber := d.input.(json.Number)
		return isNumber && d.oursIs("int_parsing_size") && isWhole(n) && !fitsInt64(n)
	}},
	{"beyond float64", func(d difference) bool {
		n, isNumber := d.input.(json.Number)
		return isNumber && d.oursIs("finite_number") && !fitsFloat64(n)
	}},
	{"a pointer may be absent", func(d difference) bool {
		return d.declaration == "opt_int_required" && !d.present && d.recordedIs("missing") && d.ours == nil
	}},
	{"an absent map is empty", func(d difference) bool {
		return d.declaration == "direct_bare" && !d.present && d.recordedIs("missing") && d.ours == nil
	}},
	{"texts of a format are our own", differInParser},
	{"a stricter format", isOutsideFormat},
	{"a laxer format", func(d difference) bool { return d.ours == nil && slices.Contains(laxlyRead, d.input) }},
	{"bytes are base64 (RFC 4648, section 4)", func(d difference) bool {
		return d.oursIs("bytes_invalid_encoding") && d.kind() == "string" &&
			(d.recorded == nil || d.recorded.Type == "base64_decode")
	}},
	{"a tag that is no string is shown as JSON", differInTag},
	{"no assertions", func(d difference) bool {
		_, recorded, _ := strings.Cut(d.text(d.recorded), ", ")
		_, ours, _ := strings.Cut(d.text(d.ours), ", ")
		return d.both("assertion_error", "value_error") && recorded == ours
	}},
	{"a tuple is a list", func(d difference) bool { return d.both("tuple_type", "list_type") }},
}

// laxlyRead are texts that the original refuses: for a host that cannot be or must not be used, for the year 0.
var laxlyRead = []any{"0000-01-01", "http://1.2.3.4.5", "http://1.2.3.256", "http://example.com:99999", "http://xn--a", "a@b.test"}

func (d difference) recordedIs(typ string) bool { return d.recorded != nil && d.recorded.Type == typ }
func (d difference) oursIs(typ string) bool     { return d.ours != nil && d.ours.Type == typ }
func (d difference) both(recorded, ours string) bool {
	return d.recordedIs(recorded) && d.oursIs(ours)
}

func (d difference) text(item *schema.FieldError) string {
	if item == nil {
		return ""
	}
	return item.Msg
}

// kind names the JSON kind of the input.
func (d difference) kind() string {
	switch d.input.(type) {
	case bool:
		return "bool"
	case json.Number:
		return "number"
	case string:
		return "string"
	case []any:
		return "array"
	case map[string]any:
		return "object"
	}
	return "null"
}

func differInClassName(d difference) bool {
	return d.both("model_type", "model_type") && d.ours.Msg == "Input should be a valid dictionary" &&
		regexp.MustCompile(`^`+d.ours.Msg+` or instance of [A-Z]\w+$`).MatchString(d.recorded.Msg)
}

// kindOfItem maps the type of an item to the JSON kind it requires.
var kindOfItem = map[string]string{
	"int_type": "number", "float_type": "number", "bool_type": "bool", "string_type": "string", "list_type": "array",
	"datetime_type": "string", "date_type": "string", "time_type": "string", "time_delta_type": "string",
	"uuid_type": "string", "url_type": "string", "ip_v4_address": "string",
}

// isUncoerced reports a value of another kind that the original converted, or tried to convert, to the right kind.
func isUncoerced(d difference) bool {
	if d.ours == nil || !d.present || d.recordedIs(d.ours.Type) {
		return false
	}
	if wanted, known := kindOfItem[d.ours.Type]; known {
		return d.kind() != wanted
	}
	ofIntegers := regexp.MustCompile(`^Input should be \d`).MatchString(d.ours.Msg)
	return d.oursIs("literal_error") && d.recorded == nil && ofIntegers && d.kind() != "number"
}

func isWhole(n json.Number) bool {
	x, ok := new(big.Rat).SetString(n.String())
	return ok && x.IsInt()
}

func fitsInt64(n json.Number) bool {
	x, ok := new(big.Rat).SetString(n.String())
	return ok && x.IsInt() && x.Num().IsInt64()
}

func fitsFloat64(n json.Number) bool {
	_, err := strconv.ParseFloat(n.String(), 64)
	return err == nil
}

// format describes the items for a format, of the original and ours, and the form of its texts.
type format struct {
	recorded []string
	ours     string
	prefix   string
	grammar  *regexp.Regexp
}

var formats = []format{
	{
		[]string{"datetime_parsing", "datetime_from_date_parsing"},
		"datetime_parsing", "Input should be a valid datetime, ",
		regexp.MustCompile(`^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$`), // RFC 3339, section 5.6
	},
	{
		[]string{"date_parsing", "date_from_datetime_parsing", "date_from_datetime_inexact"},
		"date_parsing",
		"Input should be a valid date in the format YYYY-MM-DD, ", regexp.MustCompile(`^\d{4}-\d\d-\d\d$`),
	},
	{
		[]string{"time_parsing"},
		"time_parsing", "Input should be in a valid time format, ",
		regexp.MustCompile(`^\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$`),
	},
	{
		[]string{"time_delta_parsing"},
		"time_delta_parsing", "Input should be a valid timedelta, ",
		regexp.MustCompile(`^-?P([\d.]+W)?([\d.]+D)?(T([\d.]+H)?([\d.]+M)?([\d.]+S)?)?$`), // ISO 8601, without years and months
	},
	{
		[]string{"uuid_parsing"},
		"uuid_parsing", "Input should be a valid UUID, ",
		regexp.MustCompile(`^[\da-fA-F]{8}(-[\da-fA-F]{4}){3}-[\da-fA-F]{12}$`), // RFC 9562, section 4
	},
	{
		[]string{"url_parsing"},
		"url_parsing", "Input should be a valid URL, ",
		regexp.MustCompile(`^[A-Za-z][A-Za-z\d+.-]*:(//[!-.0-9:-\[\]-~][!-\[\]-~]*|[!-.0-\[\]-~][!-\[\]-~]*)$`), // RFC 3986, appendix A: ASCII; RFC 9110: a host
	},
	{
		[]string{"value_error"},
		"value_error", "value is not a valid email address: ",
		regexp.MustCompile(`^[!-;=?-~]+@[!-;=?-~]+$`), // RFC 5321, section 4.1.2
	},
}

// differInParser reports a text that both refuse with different messages.
func differInParser(d difference) bool {
	return slices.ContainsFunc(formats, func(f format) bool {
		return d.kind() == "string" && d.recorded != nil && slices.Contains(f.recorded, d.recorded.Type) &&
			d.oursIs(f.ours) && strings.HasPrefix(d.ours.Msg, f.prefix) && len(d.ours.Msg) > len(f.prefix)
	})
}

// isOutsideFormat reports a text that the original accepts although its format does not allow it.
func isOutsideFormat(d difference) bool {
	return slices.ContainsFunc(formats, func(f format) bool {
		text, isText := d.input.(string)
		return isText && d.recorded == nil && d.oursIs(f.ours) && strings.HasPrefix(d.ours.Msg, f.prefix) &&
			!f.grammar.MatchString(text)
	})
}

func differInTag(d difference) bool {
	object, isObject := d.input.(map[string]any)
	if !isObject || !d.both("union_tag_invalid", "union_tag_invalid") {
		return false
	}
	_, recorded, _ := strings.Cut(d.recorded.Msg, "' found using ")
	tag, ours, _ := strings.Cut(d.ours.Msg, "' found using ")
	var shown any
	err := json.Unmarshal([]byte(strings.TrimPrefix(tag, "Input tag '")), &shown)
	_, isText := object["kind"].(string)
	return err == nil && !isText && recorded == ours && string(mustJSON(shown)) == string(mustJSON(object["kind"]))
}

var (
	notANumber    = regexp.MustCompile(`[:,\[] ?-?(NaN|Infinity)`)
	halfSurrogate = regexp.MustCompile(`\\ud[89ab]..("|[^\\])`)
)

// explain names the reasons why our items differ from the recorded ones, or returns "" if no reason explains one of the
// differences.
func explain(declaration string, c *example, ours []schema.FieldError) string {
	if len(ours) == 1 && ours[0].Type == "json_invalid" {
		switch {
		case notANumber.MatchString(c.Payload):
			return "NaN and Infinity are no JSON"
		case halfSurrogate.MatchString(c.Payload):
			return "half a surrogate pair is no JSON"
		}
		return ""
	}
	if string(mustJSON(withoutTags(c))) == string(mustJSON(ours)) {
		return "a path has what was sent, and no tag of a union"
	}
	names := map[string]bool{}
	for _, d := range differences(declaration, c, ours) {
		at := slices.IndexFunc(reasons, func(r reason) bool { return r.holds(d) })
		if at < 0 {
			return ""
		}
		names[reasons[at].name] = true
	}
	return strings.Join(slices.Sorted(maps.Keys(names)), "; ")
}

// withoutTags returns the recorded items without the tags of unions in their paths.
func withoutTags(c *example) (all []schema.FieldError) {
	for _, item := range c.Items {
		at, _ := lookUp(c.Payload, nil)
		loc := slices.Clone(item.Loc[:min(1, len(item.Loc))])
		for _, step := range item.Loc[len(loc):] {
			object, _ := at.(map[string]any)
			name, _ := step.(string)
			if _, has := object[name]; !has && name != "" && object["kind"] == name {
				continue
			}
			at = object[name]
			loc = append(loc, step)
		}
		item.Loc = loc
		all = append(all, item)
	}
	return all
}

// differences pairs the items by path.
func differences(declaration string, c *example, ours []schema.FieldError) (all []difference) {
	places := map[string]*difference{}
	at := func(loc []any) *difference {
		key := string(mustJSON(loc))
		if places[key] == nil {
			places[key] = &difference{declaration: declaration, loc: loc}
		}
		return places[key]
	}
	for i := range c.Items {
		at(c.Items[i].Loc).recorded = &c.Items[i]
	}
	for i := range ours {
		at(ours[i].Loc).ours = &ours[i]
	}
	for _, d := range places {
		d.input, d.present = lookUp(c.Payload, d.loc[1:])
		if d.recorded == nil || d.ours == nil || d.recorded.Type != d.ours.Type || d.recorded.Msg != d.ours.Msg {
			all = append(all, *d)
		}
	}
	return all
}

// lookUp returns the value at a path.
func lookUp(payload string, path []any) (value any, found bool) {
	decoder := json.NewDecoder(strings.NewReader(payload))
	decoder.UseNumber()
	if decoder.Decode(&value) != nil {
		return nil, false
	}
	for _, step := range path {
		switch inside := value.(type) {
		case map[string]any:
			value, found = inside[fmt.Sprint(step)]
		case []any:
			i, err := strconv.Atoi(fmt.Sprint(step))
			if found = err == nil && i < len(inside); found {
				value = inside[i]
			}
		default:
			found = false
		}
		if !found {
			return nil, false
		}
	}
	return value, true
}
