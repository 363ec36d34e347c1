package parity_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
)

// reason explains one deliberate difference from the original: apply changes what was recorded into what chanx answers
// instead, and changes nothing where the reason does not hold. After all reasons have been applied, the result must equal
// what chanx answered, so a reason cannot explain more than it states.
type reason struct {
	name   string
	design string // a quotation of docs/design.md that states the difference; empty if the page does not mention it
	apply  func(x *comparison)
}

// key is the line under which the test counts the cases of a reason.
func (r *reason) key() string {
	key := "cases played, different: " + r.name
	if r.design == "" {
		key += " (which docs/design.md does not say)"
	}
	return key
}

// notPlayed are the cases that chanx has no counterpart for, and why.
var notPlayed = map[string]string{
	"event-without-data":             "messages of the channel layer have another format",
	"layer-unknown-type-done":        "messages of the channel layer have another format",
	"build":                          "a Go value has all its fields, and each has its type",
	"build-done":                     "a Go value has all its fields, and each has its type",
	"bad-group":                      "a Go value has all its fields, and each has its type",
	"bad-group-self-done":            "a Go value has all its fields, and each has its type",
	"cancel":                         "Go has no exceptions beside errors and panics",
	"cancel-done":                    "Go has no exceptions beside errors and panics",
	"exit":                           "Go has no exceptions beside errors and panics",
	"odd-seven":                      "an action is a string",
	"odd-seven-text":                 "an action is a string",
	"odd-seven-true":                 "an action is a string",
	"odd-allow-extra":                "unknown members of a frame are not kept",
	"group-types-custom":             "only beside a payload that is an object can a frame have fields of a message",
	"group-types-custom-done":        "only beside a payload that is an object can a frame have fields of a message",
	"odd-top":                        "only beside a payload that is an object can a frame have fields of a message",
	"odd-top-defaults":               "only beside a payload that is an object can a frame have fields of a message",
	"odd-top-null-count":             "only beside a payload that is an object can a frame have fields of a message",
	"odd-top-coerced":                "only beside a payload that is an object can a frame have fields of a message",
	"post-as-alice":                  "a handshake is a GET",
	"post-as-bob":                    "a handshake is a GET",
	"post-as-crash":                  "a handshake is a GET",
	"post-as-get-as-None":            "a handshake is a GET",
	"post-as-get-as-bob":             "a handshake is a GET",
	"post-as-get-as-nobody":          "a handshake is a GET",
	"options-as-None":                "a handshake is a GET",
	"options-as-alice":               "a handshake is a GET",
	"options-as-nobody":              "a handshake is a GET",
	"options-as-crash":               "a handshake is a GET",
	"slow-refusal-frames-sent-early": "nothing can be sent before the handshake is answered",
}

// checksums are of the recorded part of each file, which -update must not change.
var checksums = map[string]string{
	"auth":            "7d0a0c67cebc3142",
	"camelize":        "01785ba32e7cf6ee",
	"errors-envelope": "8280cc2dc7c84d55",
	"groups-ordering": "1d40cd0c046642b8",
	"handler-errors":  "d05d4c57de040a41",
	"seed-chat":       "abf21c45f28720f4",
}

// allReasons are applied in this order.
var allReasons = slices.Concat(frameReasons, inputReasons, handlerReasons, groupReasons, orderReasons)

// comparison is a step of a case whose differences are being explained.
type comparison struct {
	c         *recordedCase
	step      *step
	steps     []*step // those that were made at once; step is the last of them
	want      outputs // as recorded; the reasons change it
	got       outputs
	completes bool // completions are on
}

// outputs is what each client receives: a map for a frame that is a JSON object, a string for anything else.
type outputs map[string][]any

func newOutputs(all []received) outputs {
	o := outputs{}
	for _, r := range all {
		var frame map[string]any
		text, isFrame := strings.CutPrefix(expandRepeats(r.text), "< ")
		if isFrame && json.Unmarshal([]byte(text), &frame) == nil {
			o[r.client] = append(o[r.client], frame)
		} else {
			o[r.client] = append(o[r.client], r.text)
		}
	}
	return o
}

// encode returns equal texts for equal outputs.
func (o outputs) encode() string {
	maps.DeleteFunc(o, func(_ string, all []any) bool { return len(all) == 0 })
	return mustMarshal(o)
}

// explain returns the names of the reasons that change something at step i, and reports whether they explain every
// difference.
func explain(c *recordedCase, i int) (names []string, ok bool) {
	x := &comparison{c: c, step: c.steps[i], want: newOutputs(c.steps[i].recorded), got: newOutputs(c.steps[i].got)}
	from := i
	for c.steps[from].pipelined {
		from--
	}
	x.steps = c.steps[from : i+1]
	x.completes = strings.HasPrefix(c.steps[0].args, "/ws/c/")
	got, want := x.got.encode(), x.want.encode()
	for _, r := range allReasons {
		if want == got {
			break
		}
		r.apply(x)
		if changed := x.want.encode(); changed != want {
			names, want = append(names, r.name), changed
		}
	}
	return names, want == got
}

// TestReasonsQuoteTheDesign checks that docs/design.md still has the quotation of each reason.
func TestReasonsQuoteTheDesign(t *testing.T) {
	text, err := os.ReadFile("../../docs/design.md")
	if err != nil {
		t.Fatal(err)
	}
	flat := strings.Join(strings.Fields(string(text)), " ")
	names := map[string]bool{}
	for _, r := range allReasons {
		if !strings.Contains(flat, r.design) {
			t.Errorf("%s: docs/design.md does not say %q any more", r.name, r.design)
		}
		if names[r.name] {
			t.Errorf("%s: two reasons have this name", r.name)
		}
		names[r.name] = true
	}
}

// frames calls visit for each frame.
func (x *comparison) frames(visit func(client string, f map[string]any)) {
	for _, client := range slices.Sorted(maps.Keys(x.want)) {
		for _, want := range x.want[client] {
			if f, ok := want.(map[string]any); ok {
				visit(client, f)
			}
		}
	}
}

// items calls visit for each item of each validation error.
func (x *comparison) items(visit func(item map[string]any)) {
	x.frames(func(_ string, f map[string]any) {
		items, _ := f["payload"].([]any)
		for _, item := range items {
			if item, ok := item.(map[string]any); ok && f["action"] == "error" {
				visit(item)
			}
		}
	})
}

// input is a text message of a client.
type input struct {
	text    string
	isJSON  bool
	object  map[string]any // nil if the text is not a JSON object
	action  string         // as JSON
	payload any
}

// input returns the text message of the step; ok is false if the step is something else or was made at once with others.
func (x *comparison) input() (in input, ok bool) {
	if len(x.steps) != 1 || x.step.verb != ">" {
		return in, false
	}
	return x.step.input(), true
}

// input returns the text message that the step sends.
func (s *step) input() (in input) {
	in.text = s.args
	if strings.HasPrefix(in.text, `"`) {
		if _, err := fmt.Sscanf(in.text, "%q", &in.text); err != nil {
			panic(err)
		}
	}
	in.text = expandRepeats(in.text)
	in.isJSON = json.Valid([]byte(in.text))
	var members map[string]json.RawMessage
	if json.Unmarshal([]byte(in.text), &members) != nil || members == nil {
		return in
	}
	in.object, in.action = map[string]any{}, string(members["action"])
	for name, raw := range members {
		var v any
		if json.Unmarshal(raw, &v) == nil { // fails for a number beyond float64
			in.object[name] = v
		}
	}
	in.payload = in.object["payload"]
	return in
}

// is reports whether the input has this action.
func (in *input) is(action string) bool { return in.object["action"] == action }

// answer replaces all that the sender receives. If completions are on, a complete follows.
func (x *comparison) answer(want ...any) {
	if x.completes {
		want = append(want, bareFrame("complete"))
	}
	x.want[x.step.client] = want
}

// bareFrame is a frame without payload.
func bareFrame(action string) any { return map[string]any{"action": action} }

// validationError is an error frame with items, which errorItem returns.
func validationError(items ...any) any { return map[string]any{"action": "error", "payload": items} }

func errorItem(typ string, loc []any, msg string) any {
	return map[string]any{"type": typ, "loc": loc, "msg": msg}
}

// internalError is the error frame for an error whose text is not sent to the client.
func internalError() any {
	return map[string]any{"action": "error", "payload": map[string]any{"reason": "internal", "detail": "Failed to process message"}}
}

// soleItem returns the type and message of the one error item that chanx sent to the sender. They are empty if it sent
// anything else, apart from a completion.
func (x *comparison) soleItem() (typ, msg string) {
	got := x.got[x.step.client]
	if x.completes && len(got) > 0 {
		got = got[:len(got)-1]
	}
	if len(got) != 1 {
		return "", ""
	}
	f, _ := got[0].(map[string]any)
	items, _ := f["payload"].([]any)
	if len(items) != 1 {
		return "", ""
	}
	item, _ := items[0].(map[string]any)
	typ, _ = item["type"].(string)
	msg, _ = item["msg"].(string)
	return typ, msg
}

// isOnlyLost reports whether the original dropped the connection and sent nothing.
func (x *comparison) isOnlyLost(client string) bool {
	return len(x.want[client]) == 1 && x.want[client][0] == "closed 1006"
}
