package parity_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"strings"
)

var (
	hasNaN           = regexp.MustCompile(`[\[ ](NaN|-?Infinity)[],}]`)
	hasHalfSurrogate = regexp.MustCompile(`\\u(d[89ab]..("|[^\\]|\\u[^d])|d[c-f]..\\ud[89ab])`)
	knownTags        = regexp.MustCompile(`(?s)(^Input tag ')(.*)(' found using 'action' does not match any of the expected tags: )('.*')$`)
)

// Words of docs/design.md.
const (
	toldBadInput = "Bad JSON, non-objects and binary messages get an error frame; the original closes the connection"
	badInput     = "not JSON, empty, duplicate member, too deep, binary"
)

// tapeInputReasons are about what is valid.
var tapeInputReasons = []tapeReason{
	{
		"a number may have any number of digits", "",
		func(x *tapeChange) {
			if in, ok := x.input(); ok && strings.Contains(in.text, strings.Repeat("9", 4301)) && in.is("ping") && x.dropped(x.turn.who) {
				x.answer(tapeFrame("ping"))
			}
		},
	},
	{
		"what is nested too deep is told", badInput,
		func(x *tapeChange) {
			if in, ok := x.input(); ok && depthOf(in.text) > 32 {
				x.answerJSON("nested deeper than 32 levels")
			}
		},
	},
	{
		"bad JSON is told, in words of our own", toldBadInput,
		func(x *tapeChange) {
			if in, ok := x.input(); ok && !in.isJSON && x.dropped(x.turn.who) {
				x.answerJSON("")
			}
		},
	},
	{
		"binary messages are told", toldBadInput,
		func(x *tapeChange) {
			if x.turn.verb == "binary" && x.dropped(x.turn.who) {
				x.answer(tapeError(tapeItem("json_invalid", []any{}, "Invalid JSON: binary messages are not accepted")))
			}
		},
	},
	{
		"what is no object is told", toldBadInput,
		func(x *tapeChange) {
			if in, ok := x.input(); ok && in.isJSON && in.object == nil && x.dropped(x.turn.who) {
				x.answer(tapeError(tapeItem("model_attributes_type", []any{}, "Input should be a valid dictionary or object to extract fields from")))
			}
		},
	},
	{
		"NaN and Infinity are no JSON", badInput,
		func(x *tapeChange) {
			if in, ok := x.input(); ok && !in.isJSON && hasNaN.MatchString(in.text) {
				x.answerJSON("unexpected '")
			}
		},
	},
	{
		"half a surrogate pair is no text", badInput,
		func(x *tapeChange) {
			if in, ok := x.input(); ok && hasHalfSurrogate.MatchString(in.text) {
				x.answerJSON("invalid escape in string")
			}
		},
	},
	{
		"a member comes once", badInput,
		func(x *tapeChange) {
			if in, ok := x.input(); ok && hasDuplicate(in.text) {
				x.answerJSON("duplicate member ")
			}
		},
	},
	{
		"ping is always known", "`chanx.Ping` is answered with `chanx.Pong` unless the consumer registers it",
		alwaysKnowsPing,
	},
	{
		"an action that is no string is told", "unknown action, or no string",
		func(x *tapeChange) {
			in, ok := x.input()
			isComposite := strings.HasPrefix(in.action, "[") || strings.HasPrefix(in.action, "{")
			if typ, msg := x.answered(); ok && isComposite && x.dropped(x.turn.who) && typ == "union_tag_invalid" {
				tags := knownTags.FindStringSubmatch(msg)[4] // which they are, is shown by other cases
				x.answer(tapeError(tapeItem(typ, []any{},
					"Input tag '"+in.action+"' found using 'action' does not match any of the expected tags: "+tags)))
			}
		},
	},
	{
		"an action that is no string is shown as JSON", "",
		func(x *tapeChange) {
			if in, ok := x.input(); ok && in.object != nil && in.action != "" && in.action[0] != '"' {
				x.retag(func(string) string { return in.action })
			}
		},
	},
	{
		"an action is shown to its 64th character", "",
		func(x *tapeChange) {
			x.retag(func(tag string) string {
				if points := []rune(tag); len(points) > 64 {
					return string(points[:64])
				}
				return tag
			})
		},
	},
	{
		"a type without content takes any object", "it accepts an absent payload, null and any object",
		func(x *tapeChange) {
			in, ok := x.input()
			if _, isObject := in.payload.(map[string]any); ok && isObject && in.is("ping") {
				x.answer(tapeFrame("ping"))
			}
		},
	},
	{
		"members that are not known are ignored", "Other members are ignored",
		func(x *tapeChange) {
			x.frames(func(_ string, f map[string]any) {
				items, ok := f["payload"].([]any)
				if !ok || f["action"] != "error" {
					return
				}
				var kept []any
				for _, item := range items {
					item := item.(map[string]any)
					if item["type"] != "extra_forbidden" || len(item["loc"].([]any)) != 1 {
						kept = append(kept, item)
					}
				}
				f["payload"] = kept
			})
		},
	},
	{
		"values are not coerced", "Values are not coerced",
		func(x *tapeChange) {
			in, ok := x.input()
			payload, _ := in.payload.(map[string]any)
			for _, name := range []string{"raw", "is_member"} { // both are of type bool
				if _, isText := payload[name].(string); ok && isText {
					x.uncoerce(name)
				}
			}
		},
	},
	{
		"a member has one spelling", "are camelCase both ways and in `loc`",
		func(x *tapeChange) {
			in, ok := x.input()
			if ok && strings.HasPrefix(x.c.turns[0].rest, "/ws/camel") {
				x.respellTape(in)
			}
		},
	},
	{
		"keys of maps stay as they are", "keys of maps, values and actions stay as they are",
		func(x *tapeChange) {
			in, ok := x.input()
			if ok && (in.is("camel_map") || in.is("camel_out")) {
				x.keepKeys(in)
			}
		},
	},
}

// answerJSON is for input that is no JSON: how the text goes on is our own.
func (x *tapeChange) answerJSON(begins string) {
	if typ, msg := x.answered(); typ == "json_invalid" && strings.HasPrefix(msg, "Invalid JSON: "+begins) {
		x.answer(tapeError(tapeItem(typ, []any{}, msg)))
	}
}

// retag changes the tag that texts show.
func (x *tapeChange) retag(change func(string) string) {
	x.items(func(item map[string]any) {
		if m := knownTags.FindStringSubmatch(item["msg"].(string)); m != nil {
			item["msg"] = m[1] + change(m[2]) + m[3] + m[4]
		}
	})
}

// alwaysKnowsPing adds ping to the actions that a consumer knows, and answers it.
func alwaysKnowsPing(x *tapeChange) {
	in, ok := x.input()
	refused := false
	x.items(func(item map[string]any) {
		m := knownTags.FindStringSubmatch(item["msg"].(string))
		if m != nil && !strings.HasSuffix(m[4], "'ping'") {
			item["msg"] = item["msg"].(string) + ", 'ping'"
			refused = true
		}
	})
	if !ok || !refused || !in.is("ping") {
		return
	}
	_, isObject := in.payload.(map[string]any)
	if in.payload == nil || isObject {
		x.answer(tapeFrame("pong"))
	} else {
		x.answer(tapeError(tapeItem("none_required", []any{"payload"}, "Input should be None")))
	}
}

// uncoerce refuses a text for a bool, and nobody is told what would have come of it.
func (x *tapeChange) uncoerce(name string) {
	item := tapeItem("bool_type", []any{"payload", name}, "Input should be a valid boolean")
	parsing := false
	x.items(func(i map[string]any) {
		if i["type"] == "bool_parsing" && reflect.DeepEqual(i["loc"], []any{"payload", name}) {
			i["type"], i["msg"] = "bool_type", "Input should be a valid boolean"
			parsing = true
		}
	})
	if !parsing {
		clear(x.told)
		x.answer(tapeError(item))
	}
}

// depthOf counts how deep brackets are nested outside of strings.
func depthOf(text string) (deepest int) {
	depth, inString := 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case inString && c == '\\':
			i++
		case c == '"':
			inString = !inString
		case inString:
		case c == '[' || c == '{':
			depth++
			deepest = max(deepest, depth)
		case c == ']' || c == '}':
			depth--
		}
	}
	return deepest
}

// hasDuplicate reports whether an object, at any depth, has a member twice.
func hasDuplicate(text string) bool {
	d := json.NewDecoder(strings.NewReader(text))
	type object struct {
		names  map[string]bool
		isName bool // is what comes next
	}
	var open []*object
	for {
		token, err := d.Token()
		if err != nil {
			return false
		}
		top := &object{}
		if len(open) > 0 {
			top = open[len(open)-1]
		}
		switch token := token.(type) {
		case json.Delim:
			if token == '}' || token == ']' {
				open = open[:len(open)-1]
				continue
			}
			top.isName = top.names != nil
			open = append(open, &object{isName: token == '{'})
			if token == '{' {
				open[len(open)-1].names = map[string]bool{}
			}
		default:
			name, isText := token.(string)
			if top.isName && isText {
				if top.names[name] {
					return true
				}
				top.names[name], top.isName = true, false
			} else {
				top.isName = top.names != nil
			}
		}
	}
}

// respellTape answers as if members in the other spelling were not there.
func (x *tapeChange) respellTape(in tapeInput) {
	payload, isObject := in.payload.(map[string]any)
	_, upper := in.object["Action"]
	_, user := payload["userName"]
	switch {
	case upper:
		x.answer(tapeError(tapeItem("union_tag_not_found", []any{}, "Unable to extract tag using discriminator 'action'")))
	case !in.is("camel_message") || !isObject:
	case !user && payload["user_name"] != nil:
		x.answer(tapeError(tapeItem("missing", []any{"payload", "userName"}, "Field required")))
	case user:
		x.frames(func(_ string, f map[string]any) {
			if p, ok := f["payload"].(map[string]any); ok && f["action"] == "camel_message" {
				p["userName"], p["line1"] = payload["userName"], payload["line1"]
			}
		})
	}
}

// keepKeys puts the keys that were sent in place of those that were recorded, if only their spelling differs.
func (x *tapeChange) keepKeys(in tapeInput) {
	want := in.payload
	if list, ok := want.([]any); ok {
		all := map[string]any{}
		for _, key := range list {
			all[key.(string)] = 1.0
		}
		want = all
	}
	x.frames(func(_ string, f map[string]any) {
		p := f["payload"].(map[string]any)
		if f["action"] == "camel_map" && reflect.DeepEqual(looseKeys(p), looseKeys(want)) {
			f["payload"] = want
		}
		if text, ok := p["keys"].(string); ok && f["action"] == "notification" {
			var told any
			if json.Unmarshal([]byte(text), &told) == nil && reflect.DeepEqual(looseKeys(told), looseKeys(want)) {
				p["keys"] = keysText(want)
			}
		}
	})
}

var separators = regexp.MustCompile(`[-_\s]`)

// looseKeys is a value with its keys in no case, and without what separates words.
func looseKeys(v any) any {
	switch v := v.(type) {
	case []any:
		var all []any
		for _, e := range v {
			all = append(all, looseKeys(e))
		}
		return all
	case map[string]any:
		all := map[string]any{}
		for k, e := range v {
			all[strings.ToLower(separators.ReplaceAllString(k, ""))] = looseKeys(e)
		}
		return all
	}
	return fmt.Sprint(v)
}
