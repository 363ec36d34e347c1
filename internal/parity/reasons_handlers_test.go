package parity_test

import (
	"encoding/json"
	"net/url"
	"reflect"
	"slices"
	"sort"
	"strings"
)

// handlerReasons are about what handlers do.
var handlerReasons = []reason{
	{
		"the items of a handler's ValidationError are about the payload", "its items, like those of an invalid frame",
		func(x *comparison) {
			if in, ok := x.input(); ok && in.is("do") && in.payload == "validation" {
				x.items(func(item map[string]any) { item["loc"] = append([]any{"payload"}, item["loc"].([]any)...) })
			}
		},
	},
	{
		"NaN and Infinity cannot be sent", "",
		func(x *comparison) {
			if in, ok := x.input(); ok && in.is("do") && in.payload == "nan" {
				x.answer(internalError())
			}
		},
	},
	{
		"bytes are base64", "`[]byte` | base64",
		func(x *comparison) {
			x.frames(func(_ string, f map[string]any) {
				if p, ok := f["payload"].(map[string]any); ok && p["raw"] == "abc" {
					p["raw"] = "YWJj"
				}
			})
		},
	},
	{
		"an error of an event handler is sent to the client", "Any other error, and a panic, is logged, and the client gets",
		func(x *comparison) {
			e, ok := x.event()
			if !ok || e.name != "boom" && !strings.Contains(e.payload, `"level": "raise"`) {
				return
			}
			for _, client := range x.members(e.group) {
				want := x.want[client]
				at := len(want)
				if x.completes {
					at--
				}
				x.want[client] = slices.Insert(want, at, internalError())
			}
		},
	},
	{
		"an event that is not handled has no completion", "each handled event",
		func(x *comparison) {
			e, ok := x.event()
			for _, client := range x.members(e.group) {
				if ok && !e.isHandled(x.path(client)) && reflect.DeepEqual(x.want[client], []any{bareFrame("event_complete")}) {
					x.want[client] = nil
				}
			}
		},
	},
	{
		"broadcasting an undeclared message is an error for the sender",
		"Otherwise `Send` and `Broadcast` return an error that names the missing line",
		func(x *comparison) {
			in, ok := x.input()
			foreign := in.is("do") && in.payload == "foreign-group" || in.is("ping") && strings.HasSuffix(x.path(x.step.client), "no-event")
			if ok && foreign {
				clear(x.want) // the original drops connections here
				x.answer(internalError())
			}
		},
	},
	{
		"group names have up to 200 bytes and may contain spaces", "a group's name 1 to 200 bytes, no control characters",
		func(x *comparison) {
			in, _ := x.input()
			name, _ := in.payload.(string)
			isLong := in.is("join") && len(name) > 0 && len(name) <= 200
			want := x.want[x.step.client]
			switch {
			case strings.Contains(x.step.args, "hook=badgroup"): // OnOpen joins the group "bad name!"
				x.want[x.step.client] = want[:1]
			case len(want) > 0 && mustMarshal(want[0]) == mustMarshal(internalError()) && (isLong || in.is("do") && name == "bad-name"):
				x.answer()
			}
		},
	},
	{
		"messages received before a Close frame are handled", "After a Close frame, what was received before it still runs",
		func(x *comparison) {
			if client := x.step.client; x.step.verb == "closes" && len(x.steps) > 1 {
				x.want[client] = append(x.inTurn(x.steps[:len(x.steps)-1]), x.want[client]...)
			}
		},
	},
	{
		"frames of one connection are handled in order", "Frames of one connection are handled in order",
		func(x *comparison) {
			client, answers := x.step.client, x.inTurn(x.steps)
			others := func(s *step) bool { return s.client != client || s.verb != ">" }
			if len(x.steps) == 1 || len(answers) == 0 || slices.ContainsFunc(x.steps, others) {
				return
			}
			closedFirst := reflect.DeepEqual(answers[len(answers)-1:], x.want[client])
			if closedFirst || sameInAnyOrder(answers, x.want[client]) {
				x.want[client] = answers
			}
		},
	},
}

// inTurn returns what the sender of the steps receives if they are handled one by one. It is nil if a step is none of the
// messages below.
func (x *comparison) inTurn(steps []*step) (want []any) {
	for _, s := range steps {
		switch in := s.input(); {
		case in.is("sleep"):
			want = append(want, map[string]any{"action": "tagged", "payload": in.payload.(map[string]any)["tag"]})
		case in.is("ping"):
			want = append(want, bareFrame("pong"))
		case len(in.object) == 0:
			want = append(want, validationError(errorItem("union_tag_not_found", []any{}, "Unable to extract tag using discriminator 'action'")))
		case in.is("do") && in.payload == "close-code":
			return append(want, "closed 4321")
		default:
			return nil
		}
		if x.completes {
			want = append(want, bareFrame("complete"))
		}
	}
	return want
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

// recordedEvent is an event that the application emitted outside a connection.
type recordedEvent struct{ group, name, payload string }

func (x *comparison) event() (e recordedEvent, ok bool) {
	if x.step.verb != "emits" {
		return e, false
	}
	f := strings.SplitN(x.step.args, " ", 4)
	return recordedEvent{f[0], f[1], f[3]}, true
}

// isHandled reports whether the event is valid and the consumer of the path handles it.
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

// path returns the path of a client's connection, without /ws/ and query.
func (x *comparison) path(client string) string {
	route, _, _ := strings.Cut(x.lastDial(client).args, "?")
	route, _, _ = strings.Cut(route, " ")
	return strings.TrimPrefix(route, "/ws/")
}

// lastDial returns the step in which a client last connected.
func (x *comparison) lastDial(client string) *step {
	last := &step{}
	for _, s := range x.c.steps {
		if s.client == client && s.verb == "dials" {
			last = s
		}
		if s == x.step {
			break
		}
	}
	return last
}

// groups returns the groups of a client before the step, in the order of joining.
func (x *comparison) groups(client string) (all []string) {
	for _, s := range x.c.steps {
		if s == x.steps[0] {
			break
		}
		if s.client != client {
			continue
		}
		in := input{}
		if s.verb == ">" {
			in = s.input()
		}
		name, _ := in.payload.(string)
		switch {
		case s.verb == "dials":
			all = groupsOf(s.args)
		case s.verb == "closes":
			all = nil
		case in.is("join"):
			all = append(all, name)
		case in.is("leave"):
			all = slices.DeleteFunc(all, func(g string) bool { return g == name })
		}
	}
	return all
}

// groupsOf returns the groups that a connection joins when it opens; args are those of its dials step.
func groupsOf(args string) (all []string) {
	path, _, _ := strings.Cut(args, " ")
	s, err := url.Parse(path)
	if err != nil {
		panic(err)
	}
	if groups := s.Query().Get("groups"); groups != "" {
		all = strings.Split(groups, ",")
	}
	if strings.HasSuffix(s.Path, "/order-static") {
		all = append(all, "static_room")
	}
	return all
}

// clients returns the clients that have connected before the step.
func (x *comparison) clients() (all []string) {
	for _, s := range x.c.steps {
		if s == x.steps[0] {
			break
		}
		if s.verb == "dials" && !slices.Contains(all, s.client) {
			all = append(all, s.client)
		}
	}
	return all
}

// members returns the clients in a group.
func (x *comparison) members(group string) (all []string) {
	for _, client := range x.clients() {
		if slices.Contains(x.groups(client), group) {
			all = append(all, client)
		}
	}
	return all
}
