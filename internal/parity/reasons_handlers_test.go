package parity_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"reflect"
	"slices"
	"sort"
	"strings"
)

// tapeDeedReasons are about what handlers do.
var tapeDeedReasons = []tapeReason{
	{
		"only an Error of a handler says what is wrong", "Any other error, and a panic, is logged",
		func(x *tapeChange) {
			if in, ok := x.input(); ok && in.is("do") && in.payload == "validation" {
				x.answer(tapeInternal())
			}
		},
	},
	{
		"NaN and Infinity cannot be sent", "",
		func(x *tapeChange) {
			if in, ok := x.input(); ok && in.is("do") && in.payload == "nan" {
				x.answer(tapeInternal())
			}
		},
	},
	{
		"bytes are base64", "`[]byte` base64",
		func(x *tapeChange) {
			x.frames(func(_ string, f map[string]any) {
				if p, ok := f["payload"].(map[string]any); ok && p["raw"] == "abc" {
					p["raw"] = "YWJj"
				}
			})
		},
	},
	{
		"an error of an event's handler is told", "Any other error, and a panic, is logged, and the client is told",
		func(x *tapeChange) {
			e, ok := x.event()
			if !ok || e.name != "boom" && !strings.Contains(e.payload, `"level": "raise"`) {
				return
			}
			for _, who := range x.members(e.group) {
				told := x.told[who]
				at := len(told)
				if x.completes {
					at--
				}
				x.told[who] = slices.Insert(told, at, tapeInternal())
			}
		},
	},
	{
		"an event that is not handled is not completed", "each handled event",
		func(x *tapeChange) {
			e, ok := x.event()
			for _, who := range x.members(e.group) {
				if ok && !e.isHandled(x.path(who)) && reflect.DeepEqual(x.told[who], []any{tapeFrame("event_complete")}) {
					x.told[who] = nil
				}
			}
		},
	},
	{
		"to broadcast what is not declared is an error of the sender",
		"Otherwise `Send` and `Broadcast` return an error that names the missing line",
		func(x *tapeChange) {
			in, ok := x.input()
			foreign := in.is("do") && in.payload == "foreign-group" || in.is("ping") && strings.HasSuffix(x.path(x.turn.who), "no-event")
			if ok && foreign {
				clear(x.told) // nobody is lost
				x.answer(tapeInternal())
			}
		},
	},
	{
		"names of groups have up to 200 bytes, and spaces", "a group's name 1 to 200 bytes, no control characters",
		func(x *tapeChange) {
			in, _ := x.input()
			name, _ := in.payload.(string)
			isLong := in.is("join") && len(name) > 0 && len(name) <= 200
			told := x.told[x.turn.who]
			switch {
			case strings.Contains(x.turn.rest, "hook=badgroup"): // its name is that of do
				x.told[x.turn.who] = told[:1]
			case len(told) > 0 && mustMarshal(told[0]) == mustMarshal(tapeInternal()) && (isLong || in.is("do") && name == "bad-name"):
				x.answer()
			}
		},
	},
	{
		"what was received before a Close frame is handled", "After a Close frame, what was received before it still runs",
		func(x *tapeChange) {
			if who := x.turn.who; x.turn.verb == "closes" && len(x.steps) > 1 {
				x.told[who] = append(x.inTurn(x.steps[:len(x.steps)-1]), x.told[who]...)
			}
		},
	},
	{
		"frames of one connection are handled in order", "Frames of one connection are handled in order",
		func(x *tapeChange) {
			who, answers := x.turn.who, x.inTurn(x.steps)
			others := func(u *tapeTurn) bool { return u.who != who || u.verb != ">" }
			if len(x.steps) == 1 || len(answers) == 0 || slices.ContainsFunc(x.steps, others) {
				return
			}
			closedFirst := reflect.DeepEqual(answers[len(answers)-1:], x.told[who])
			if closedFirst || sameInAnyOrder(answers, x.told[who]) {
				x.told[who] = answers
			}
		},
	},
}

// inTurn is what the sender of some steps is told if they are handled one by one; nil if it is none of these.
func (x *tapeChange) inTurn(steps []*tapeTurn) (told []any) {
	for _, u := range steps {
		switch in := u.input(); {
		case in.is("sleep"):
			told = append(told, map[string]any{"action": "tagged", "payload": in.payload.(map[string]any)["tag"]})
		case in.is("ping"):
			told = append(told, tapeFrame("pong"))
		case len(in.object) == 0:
			told = append(told, tapeError(tapeItem("union_tag_not_found", []any{}, "Unable to extract tag using discriminator 'action'")))
		case in.is("do") && in.payload == "close-code":
			return append(told, "closed 4321")
		default:
			return nil
		}
		if x.completes {
			told = append(told, tapeFrame("complete"))
		}
	}
	return told
}

func sameInAnyOrder(a, b []any) bool {
	texts := func(all []any) (texts []string) {
		for _, v := range all {
			texts = append(texts, mustMarshal(v))
		}
		sort.Strings(texts)
		return texts
	}
	return slices.Equal(texts(a), texts(b))
}

// recordedEvent is one that came from outside.
type recordedEvent struct{ group, name, payload string }

func (x *tapeChange) event() (e recordedEvent, ok bool) {
	if x.turn.verb != "emits" {
		return e, false
	}
	f := strings.SplitN(x.turn.rest, " ", 4)
	return recordedEvent{f[0], f[1], f[3]}, true
}

// isHandled reports whether the consumer of a path handles the event, and whether it is valid.
func (e recordedEvent) isHandled(path string) bool {
	var payload struct{ Content *string }
	if err := json.Unmarshal([]byte(e.payload), &payload); err != nil {
		panic(err)
	}
	switch strings.TrimPrefix(path, "c/") {
	case "work":
		return e.name == "boom" || e.name == "notify" && payload.Content != nil
	case "seed/relay":
		return e.name == "notify" && payload.Content != nil
	}
	return false
}

// path is where a client has connected to, below /ws.
func (x *tapeChange) path(who string) string {
	route, _, _ := strings.Cut(x.dialled(who).rest, "?")
	route, _, _ = strings.Cut(route, " ")
	return strings.TrimPrefix(route, "/ws/")
}

// dialled is the last time that a client connected.
func (x *tapeChange) dialled(who string) *tapeTurn {
	last := &tapeTurn{}
	for _, u := range x.c.turns {
		if u.who == who && u.verb == "dials" {
			last = u
		}
		if u == x.turn {
			break
		}
	}
	return last
}

// groups are those that a client is in before the turn, in the order of joining.
func (x *tapeChange) groups(who string) (all []string) {
	for _, u := range x.c.turns {
		if u == x.steps[0] {
			break
		}
		if u.who != who {
			continue
		}
		in := tapeInput{}
		if u.verb == ">" {
			in = u.input()
		}
		name, _ := in.payload.(string)
		switch {
		case u.verb == "dials":
			all = groupsOf(u.rest)
		case u.verb == "closes":
			all = nil
		case in.is("join"):
			all = append(all, name)
		case in.is("leave"):
			all = slices.DeleteFunc(all, func(g string) bool { return g == name })
		}
	}
	return all
}

// groupsOf are those that a connection to a path joins.
func groupsOf(rest string) (all []string) {
	path, _, _ := strings.Cut(rest, " ")
	u, err := url.Parse(path)
	if err != nil {
		panic(err)
	}
	if groups := u.Query().Get("groups"); groups != "" {
		all = strings.Split(groups, ",")
	}
	if strings.HasSuffix(u.Path, "/order-static") {
		all = append(all, "static_room")
	}
	return all
}

// clients are those who have connected before the turn.
func (x *tapeChange) clients() (all []string) {
	for _, u := range x.c.turns {
		if u == x.steps[0] {
			break
		}
		if u.verb == "dials" && !slices.Contains(all, u.who) {
			all = append(all, u.who)
		}
	}
	return all
}

// members are the clients in a group.
func (x *tapeChange) members(group string) (all []string) {
	for _, who := range x.clients() {
		if slices.Contains(x.groups(who), group) {
			all = append(all, who)
		}
	}
	return all
}

// keysText writes a value as the original's consumer does, with the keys in order.
func keysText(v any) string {
	var parts []string
	switch v := v.(type) {
	case map[string]any:
		keys := make([]string, 0, len(v))
		for k := range v {
			keys = append(keys, k)
		}
		sort.Strings(keys)
		for _, k := range keys {
			parts = append(parts, fmt.Sprintf("%+q: %s", k, keysText(v[k])))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	case []any:
		for _, e := range v {
			parts = append(parts, keysText(e))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case string:
		return fmt.Sprintf("%+q", v)
	}
	return fmt.Sprint(v)
}
