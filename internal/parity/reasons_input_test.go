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

// Quotations of docs/design.md.
const (
	badInputAnswered = "Bad JSON, non-objects and binary messages get an error frame; the original closes the connection"
	badInputList     = "not JSON, empty, duplicate member, too deep, binary"
)

// inputReasons are about which messages are valid.
var inputReasons = []reason{
	{
		"a number may have any number of digits", "",
		func(x *comparison) {
			if in, ok := x.input(); ok && strings.Contains(in.text, strings.Repeat("9", 4301)) && in.is("ping") && x.isOnlyLost(x.step.client) {
				x.answer(bareFrame("ping"))
			}
		},
	},
	{
		"JSON that is nested too deep is answered with an error", badInputList,
		func(x *comparison) {
			if in, ok := x.input(); ok && depthOf(in.text) > 32 {
				x.answerInvalidJSON("nested deeper than 32 levels")
			}
		},
	},
	{
		"invalid JSON is answered with an error, in chanx's own words", badInputAnswered,
		func(x *comparison) {
			if in, ok := x.input(); ok && !in.isJSON && x.isOnlyLost(x.step.client) {
				x.answerInvalidJSON("")
			}
		},
	},
	{
		"a binary message is answered with an error", badInputAnswered,
		func(x *comparison) {
			if x.step.verb == "binary" && x.isOnlyLost(x.step.client) {
				x.answer(validationError(errorItem("json_invalid", []any{}, "Invalid JSON: binary messages are not accepted")))
			}
		},
	},
	{
		"JSON that is not an object is answered with an error", badInputAnswered,
		func(x *comparison) {
			if in, ok := x.input(); ok && in.isJSON && in.object == nil && x.isOnlyLost(x.step.client) {
				x.answer(validationError(errorItem("model_attributes_type", []any{}, "Input should be a valid dictionary or object to extract fields from")))
			}
		},
	},
	{
		"NaN and Infinity are not JSON", badInputList,
		func(x *comparison) {
			if in, ok := x.input(); ok && !in.isJSON && hasNaN.MatchString(in.text) {
				x.answerInvalidJSON("unexpected '")
			}
		},
	},
	{
		"half a surrogate pair is not valid text", badInputList,
		func(x *comparison) {
			if in, ok := x.input(); ok && hasHalfSurrogate.MatchString(in.text) {
				x.answerInvalidJSON("invalid escape in string")
			}
		},
	},
	{
		"a duplicate member is an error", badInputList,
		func(x *comparison) {
			if in, ok := x.input(); ok && hasDuplicate(in.text) {
				x.answerInvalidJSON("duplicate member ")
			}
		},
	},
	{
		"ping is always known", "`chanx.Ping` is answered with `chanx.Pong` unless the consumer registers it",
		answerPing,
	},
	{
		"an action that is not a string is answered with an error", "unknown action, or not a string",
		func(x *comparison) {
			in, ok := x.input()
			isComposite := strings.HasPrefix(in.action, "[") || strings.HasPrefix(in.action, "{")
			if typ, msg := x.soleItem(); ok && isComposite && x.isOnlyLost(x.step.client) && typ == "union_tag_invalid" {
				tags := knownTags.FindStringSubmatch(msg)[4] // other cases check the list of known actions
				x.answer(validationError(errorItem(typ, []any{},
					"Input tag '"+in.action+"' found using 'action' does not match any of the expected tags: "+tags)))
			}
		},
	},
	{
		"an action that is not a string is shown as JSON", "",
		func(x *comparison) {
			if in, ok := x.input(); ok && in.object != nil && in.action != "" && in.action[0] != '"' {
				x.changeTag(func(string) string { return in.action })
			}
		},
	},
	{
		"an error shows at most 64 characters of an action", "",
		func(x *comparison) {
			x.changeTag(func(tag string) string {
				if points := []rune(tag); len(points) > 64 {
					return string(points[:64])
				}
				return tag
			})
		},
	},
	{
		"a type without content accepts any object", "it accepts an absent payload, null and any object",
		func(x *comparison) {
			in, ok := x.input()
			if _, isObject := in.payload.(map[string]any); ok && isObject && in.is("ping") {
				x.answer(bareFrame("ping"))
			}
		},
	},
	{
		"unknown members are ignored", "Other members are ignored",
		func(x *comparison) {
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
		func(x *comparison) {
			in, ok := x.input()
			payload, _ := in.payload.(map[string]any)
			for _, name := range []string{"raw", "is_member"} { // both are of type bool
				if _, isText := payload[name].(string); ok && isText {
					x.refuseCoercion(name)
				}
			}
		},
	},
	{
		"a member has one name", "are camelCase both ways and in `loc`",
		func(x *comparison) {
			in, ok := x.input()
			if ok && strings.HasPrefix(x.c.steps[0].args, "/ws/camel") {
				x.ignoreOtherSpelling(in)
			}
		},
	},
	{
		"keys of maps are not changed", "keys of maps, values and actions stay as they are",
		func(x *comparison) {
			in, ok := x.input()
			if ok && (in.is("camel_map") || in.is("camel_out")) {
				x.keepKeys(in)
			}
		},
	},
}

// answerInvalidJSON expects the error json_invalid. Its text must begin with begins; the rest is taken from what chanx sent.
func (x *comparison) answerInvalidJSON(begins string) {
	if typ, msg := x.soleItem(); typ == "json_invalid" && strings.HasPrefix(msg, "Invalid JSON: "+begins) {
		x.answer(validationError(errorItem(typ, []any{}, msg)))
	}
}

// changeTag changes the action that error texts show.
func (x *comparison) changeTag(change func(string) string) {
	x.items(func(item map[string]any) {
		if m := knownTags.FindStringSubmatch(item["msg"].(string)); m != nil {
			item["msg"] = m[1] + change(m[2]) + m[3] + m[4]
		}
	})
}

// answerPing adds ping to the actions that a consumer knows, and expects an answer to it.
func answerPing(x *comparison) {
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
		x.answer(bareFrame("pong"))
	} else {
		x.answer(validationError(errorItem("none_required", []any{"payload"}, "Input should be None")))
	}
}

// refuseCoercion expects an error for a string in place of a bool, and none of the effects of the message.
func (x *comparison) refuseCoercion(name string) {
	item := errorItem("bool_type", []any{"payload", name}, "Input should be a valid boolean")
	parsing := false
	x.items(func(i map[string]any) {
		if i["type"] == "bool_parsing" && reflect.DeepEqual(i["loc"], []any{"payload", name}) {
			i["type"], i["msg"] = "bool_type", "Input should be a valid boolean"
			parsing = true
		}
	})
	if !parsing {
		clear(x.want)
		x.answer(validationError(item))
	}
}

// depthOf returns how deep brackets are nested outside strings.
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
		isName bool // whether the next token is a name
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

// ignoreOtherSpelling answers as if members whose names are not camelCase were absent.
func (x *comparison) ignoreOtherSpelling(in input) {
	payload, isObject := in.payload.(map[string]any)
	_, upper := in.object["Action"]
	_, user := payload["userName"]
	switch {
	case upper:
		x.answer(validationError(errorItem("union_tag_not_found", []any{}, "Unable to extract tag using discriminator 'action'")))
	case !in.is("camel_message") || !isObject:
	case !user && payload["user_name"] != nil:
		x.answer(validationError(errorItem("missing", []any{"payload", "userName"}, "Field required")))
	case user:
		x.frames(func(_ string, f map[string]any) {
			if p, ok := f["payload"].(map[string]any); ok && f["action"] == "camel_message" {
				p["userName"], p["line1"] = payload["userName"], payload["line1"]
			}
		})
	}
}

// keepKeys replaces recorded keys by those that were sent if they differ only in case and separators.
func (x *comparison) keepKeys(in input) {
	sent := in.payload
	if list, ok := sent.([]any); ok {
		all := map[string]any{}
		for _, key := range list {
			all[key.(string)] = 1.0
		}
		sent = all
	}
	x.frames(func(_ string, f map[string]any) {
		p := f["payload"].(map[string]any)
		if f["action"] == "camel_map" && reflect.DeepEqual(foldKeys(p), foldKeys(sent)) {
			f["payload"] = sent
		}
		if text, ok := p["keys"].(string); ok && f["action"] == "notification" {
			var keys any
			if json.Unmarshal([]byte(text), &keys) == nil && reflect.DeepEqual(foldKeys(keys), foldKeys(sent)) {
				p["keys"] = formatSorted(sent)
			}
		}
	})
}

var separators = regexp.MustCompile(`[-_\s]`)

// foldKeys returns a value with its keys in lower case and without separators.
func foldKeys(v any) any {
	switch v := v.(type) {
	case []any:
		var all []any
		for _, e := range v {
			all = append(all, foldKeys(e))
		}
		return all
	case map[string]any:
		all := map[string]any{}
		for k, e := range v {
			all[strings.ToLower(separators.ReplaceAllString(k, ""))] = foldKeys(e)
		}
		return all
	}
	return fmt.Sprint(v)
}
