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

// tapeReason makes of what was recorded what chanx says in its place. It changes nothing where it does not hold: what comes
// must be what all of them together make of the recording, so none explains more than it states.
type tapeReason struct {
	name   string
	design string // words of docs/design.md that name it; none if there are none
	apply  func(x *tapeChange)
}

// key is what a reason is counted as.
func (r *tapeReason) key() string {
	key := "cases played, different: " + r.name
	if r.design == "" {
		key += " (which docs/design.md does not say)"
	}
	return key
}

// tapeUnplayed are the cases without a counterpart, and why they have none.
var tapeUnplayed = map[string]string{
	"event-without-data":             "the layer speaks a language of its own",
	"layer-unknown-type-done":        "the layer speaks a language of its own",
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
	"odd-allow-extra":                "members of a frame that are not known are not kept",
	"group-types-custom":             "a payload beside which fields are carried is an object",
	"group-types-custom-done":        "a payload beside which fields are carried is an object",
	"odd-top":                        "a payload beside which fields are carried is an object",
	"odd-top-defaults":               "a payload beside which fields are carried is an object",
	"odd-top-null-count":             "a payload beside which fields are carried is an object",
	"odd-top-coerced":                "a payload beside which fields are carried is an object",
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

// tapeSums are those of what was recorded, which -update must leave as it is.
var tapeSums = map[string]string{
	"auth":            "7d0a0c67cebc3142",
	"camelize":        "01785ba32e7cf6ee",
	"errors-envelope": "8280cc2dc7c84d55",
	"groups-ordering": "1d40cd0c046642b8",
	"handler-errors":  "d05d4c57de040a41",
	"seed-chat":       "abf21c45f28720f4",
}

// tapeReasons are tried in this order.
var tapeReasons = slices.Concat(tapeWireReasons, tapeInputReasons, tapeDeedReasons, tapeGroupReasons, tapeOrderReasons)

// tapeChange is a turn while it is being explained.
type tapeChange struct {
	c         *tapeCase
	turn      *tapeTurn
	steps     []*tapeTurn // those made at once, turn the last
	told      tapeTold    // as recorded, and as the reasons make it
	ours      tapeTold
	completes bool // completions are on
}

// tapeTold is what clients are told: frames, objects, and texts for all else.
type tapeTold map[string][]any

func newTold(all []tapeNews) tapeTold {
	told := tapeTold{}
	for _, n := range all {
		var frame map[string]any
		text, isFrame := strings.CutPrefix(unrepeat(n.what), "< ")
		if isFrame && json.Unmarshal([]byte(text), &frame) == nil {
			told[n.who] = append(told[n.who], frame)
		} else {
			told[n.who] = append(told[n.who], n.what)
		}
	}
	return told
}

// spelt is one spelling for all that tells the same.
func (t tapeTold) spelt() string {
	maps.DeleteFunc(t, func(_ string, told []any) bool { return len(told) == 0 })
	return mustMarshal(t)
}

// explainTurn names what makes of the recording what came, and reports whether nothing is left over.
func explainTurn(c *tapeCase, i int) (names []string, ok bool) {
	x := &tapeChange{c: c, turn: c.turns[i], told: newTold(c.turns[i].recorded), ours: newTold(c.turns[i].ours)}
	from := i
	for c.turns[from].joined {
		from--
	}
	x.steps = c.turns[from : i+1]
	x.completes = strings.HasPrefix(c.turns[0].rest, "/ws/c/")
	ours, told := x.ours.spelt(), x.told.spelt()
	for _, r := range tapeReasons {
		if told == ours {
			break
		}
		r.apply(x)
		if now := x.told.spelt(); now != told {
			names, told = append(names, r.name), now
		}
	}
	return names, told == ours
}

// TestEachReasonIsOneOfTheDesign looks for the words that a reason quotes.
func TestEachReasonIsOneOfTheDesign(t *testing.T) {
	text, err := os.ReadFile("../../docs/design.md")
	if err != nil {
		t.Fatal(err)
	}
	flat := strings.Join(strings.Fields(string(text)), " ")
	names := map[string]bool{}
	for _, r := range tapeReasons {
		if !strings.Contains(flat, r.design) {
			t.Errorf("%s: docs/design.md does not say %q any more", r.name, r.design)
		}
		if names[r.name] {
			t.Errorf("%s: there are two", r.name)
		}
		names[r.name] = true
	}
}

// frames visits each frame.
func (x *tapeChange) frames(visit func(who string, f map[string]any)) {
	for _, who := range slices.Sorted(maps.Keys(x.told)) {
		for _, told := range x.told[who] {
			if f, ok := told.(map[string]any); ok {
				visit(who, f)
			}
		}
	}
}

// items visits each item of each validation error.
func (x *tapeChange) items(visit func(item map[string]any)) {
	x.frames(func(_ string, f map[string]any) {
		items, _ := f["payload"].([]any)
		for _, item := range items {
			if item, ok := item.(map[string]any); ok && f["action"] == "error" {
				visit(item)
			}
		}
	})
}

// tapeInput is what a client sent.
type tapeInput struct {
	text    string
	isJSON  bool
	object  map[string]any // nil if it is none
	action  string         // its JSON
	payload any
}

// input is the one text that was sent; ok is false if there is none, or more than one.
func (x *tapeChange) input() (in tapeInput, ok bool) {
	if len(x.steps) != 1 || x.turn.verb != ">" {
		return in, false
	}
	return x.turn.input(), true
}

func (u *tapeTurn) input() (in tapeInput) {
	in.text = u.rest
	if strings.HasPrefix(in.text, `"`) {
		if _, err := fmt.Sscanf(in.text, "%q", &in.text); err != nil {
			panic(err)
		}
	}
	in.text = unrepeat(in.text)
	in.isJSON = json.Valid([]byte(in.text))
	var members map[string]json.RawMessage
	if json.Unmarshal([]byte(in.text), &members) != nil || members == nil {
		return in
	}
	in.object, in.action = map[string]any{}, string(members["action"])
	for name, raw := range members {
		var v any
		if json.Unmarshal(raw, &v) == nil { // a number may be beyond float64
			in.object[name] = v
		}
	}
	in.payload = in.object["payload"]
	return in
}

// is reports whether the input has an action.
func (in *tapeInput) is(action string) bool { return in.object["action"] == action }

// answer replaces all that the sender was told, but for its completion, which there is now if completions are on.
func (x *tapeChange) answer(told ...any) {
	if x.completes {
		told = append(told, tapeFrame("complete"))
	}
	x.told[x.turn.who] = told
}

// tapeFrame is a frame without content.
func tapeFrame(action string) any { return map[string]any{"action": action} }

// tapeError is an error frame with items of type, loc and msg.
func tapeError(items ...any) any { return map[string]any{"action": "error", "payload": items} }

func tapeItem(typ string, loc []any, msg string) any {
	return map[string]any{"type": typ, "loc": loc, "msg": msg}
}

// tapeInternal is what is told of an error that is not the client's business.
func tapeInternal() any {
	return map[string]any{"action": "error", "payload": map[string]any{"reason": "internal", "detail": "Failed to process message"}}
}

// answered is the one item that came to the sender, if there is one, and nothing else but a completion.
func (x *tapeChange) answered() (typ, msg string) {
	ours := x.ours[x.turn.who]
	if x.completes && len(ours) > 0 {
		ours = ours[:len(ours)-1]
	}
	if len(ours) != 1 {
		return "", ""
	}
	f, _ := ours[0].(map[string]any)
	items, _ := f["payload"].([]any)
	if len(items) != 1 {
		return "", ""
	}
	item, _ := items[0].(map[string]any)
	typ, _ = item["type"].(string)
	msg, _ = item["msg"].(string)
	return typ, msg
}

// dropped reports whether the recorded connection was lost, and that is all.
func (x *tapeChange) dropped(who string) bool {
	return len(x.told[who]) == 1 && x.told[who][0] == "closed 1006"
}
