package parity_test

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/chanx-go/chanx/schema"
)

var isClassName = regexp.MustCompile(` or instance of [A-Z]\w+$`)

// tapeWireReasons are about how a frame is written.
var tapeWireReasons = []tapeReason{
	{
		"payloads without content are left out", "Payloads without content are left out",
		func(x *tapeChange) {
			x.frames(func(_ string, f map[string]any) {
				payload, has := f["payload"]
				if has && payload == nil && f["action"] != "error" {
					delete(f, "payload")
				}
			})
		},
	},
	{
		"loc has no element for the message's type", "`loc` of an error has no element for the message's type",
		func(x *tapeChange) {
			in, _ := x.input()
			x.items(func(item map[string]any) {
				if loc := item["loc"].([]any); len(loc) > 0 && in.object != nil && loc[0] == in.object["action"] {
					item["loc"] = loc[1:]
				}
			})
		},
	},
	{
		"no name of a class is shown", "No name of a class or a Go type is shown",
		func(x *tapeChange) {
			x.items(func(item map[string]any) {
				if item["type"] == "model_type" {
					item["msg"] = isClassName.ReplaceAllString(item["msg"].(string), "")
				}
			})
		},
	},
	{
		"loc is spelt as on the wire", "are camelCase both ways and in `loc`",
		func(x *tapeChange) {
			if strings.HasPrefix(x.c.turns[0].rest, "/ws/camel") {
				x.items(func(item map[string]any) {
					for i, step := range item["loc"].([]any) {
						if name, ok := step.(string); ok {
							item["loc"].([]any)[i] = schema.Camel(name)
						}
					}
				})
			}
		},
	},
	{
		"an error of a handler has a reason", `{"reason":"internal","detail":"Failed to process message"}`,
		func(x *tapeChange) {
			x.frames(func(_ string, f map[string]any) {
				if p, ok := f["payload"].(map[string]any); ok && f["action"] == "error" && p["detail"] == "Failed to process message" {
					p["reason"] = "internal"
				}
			})
		},
	},
	{
		"raw JSON is sent as Raw", "Raw JSON is sent as `Raw`",
		func(x *tapeChange) {
			x.frames(func(_ string, f map[string]any) {
				if _, has := f["action"]; !has {
					f["action"], f["payload"] = "raw", map[string]any{"message": f["message"]}
					delete(f, "message")
				}
			})
		},
	},
	{
		"event completions have an action of their own", "Event completions have an action of their own",
		func(x *tapeChange) {
			if x.turn.verb == "emits" {
				x.frames(func(_ string, f map[string]any) {
					if f["action"] == "complete" {
						f["action"] = "event_complete"
					}
				})
			}
		},
	},
	{
		"refusals are always told", "So a refusal is answered with 101, told, and closed",
		func(x *tapeChange) {
			why := map[string]string{
				"": "401 Authentication credentials were not provided.", "nobody": "401 Unknown user", "crash": "500 Internal server error",
			}
			path, user, _ := strings.Cut(x.turn.rest, " ")
			if path == "/ws/auth/required-quiet" && len(x.told[x.turn.who]) == 1 && x.told[x.turn.who][0] == "closed 1000" {
				x.refuse(why[user])
			}
		},
	},
	{
		"an unexpected error of an opening is told", "An unexpected error is told as 500 `Internal server error` and closed with 1011",
		func(x *tapeChange) {
			if x.turn.verb == "dials" && x.dropped(x.turn.who) {
				x.refuse("500 Internal server error")
			}
		},
	},
	{
		"routes are net/http patterns", "Routes are net/http patterns",
		func(x *tapeChange) {
			if told := x.told[x.turn.who]; x.turn.verb != "dials" || len(told) != 1 || told[0] != "HTTP 500" {
				return
			}
			switch x.turn.rest {
			case "/ws/no/such/route":
				x.refuse("404 nothing is served at this path")
			case "/ws/auth/room/x": // open asks for the user first
				x.refuse("401 Authentication credentials were not provided.")
			case "/ws/auth/room/x carol":
				x.refuse("404 pk must be a whole number of 64 bits")
			}
		},
	},
	{
		"an authentication message has no data but a detail", `"data":{"detail":"members only"}`,
		func(x *tapeChange) {
			x.frames(func(_ string, f map[string]any) {
				if p, ok := f["payload"].(map[string]any); ok && f["action"] == "authentication" {
					p["data"] = tapeDetail(p["data"].(map[string]any))
				}
			})
		},
	},
	{
		"refusals have close codes", "Refusals have close codes",
		func(x *tapeChange) {
			told := x.told[x.turn.who]
			if x.turn.verb != "dials" || len(told) != 2 || told[1] != "closed 1000" {
				return
			}
			p, _ := told[0].(map[string]any)["payload"].(map[string]any)
			status, ok := p["status_code"].(float64)
			if !ok {
				status = p["statusCode"].(float64)
			}
			told[1] = refusalEnd(int(status), p["data"].(map[string]any)["detail"].(string))
		},
	},
	{
		"an error of OnOpen is told", "An error of `OnOpen` is told like any handler's, then the connection closes with 1011",
		func(x *tapeChange) {
			if told := x.told[x.turn.who]; x.turn.verb == "dials" && len(told) == 2 && told[1] == "closed 1006" {
				x.told[x.turn.who] = []any{told[0], tapeInternal(), "closed 1011 open failed"}
			}
		},
	},
	{
		"a Close frame says why", "",
		func(x *tapeChange) {
			if told := x.told[x.turn.who]; len(told) == 1 && told[0] == "closed 1007" {
				told[0] = "closed 1007 text is not UTF-8"
			}
		},
	},
}

// refuse is what a refused client is told, with a status and a detail.
func (x *tapeChange) refuse(why string) {
	var status int
	if _, err := fmt.Sscan(why, &status); err != nil {
		panic(err)
	}
	_, detail, _ := strings.Cut(why, " ")
	text := map[int]string{401: "Unauthorized", 404: "Not Found", 500: "Internal Server Error"}[status]
	x.told[x.turn.who] = []any{
		map[string]any{"action": "authentication", "payload": map[string]any{
			"status_code": float64(status), "status_text": text, "data": map[string]any{"detail": detail},
		}},
		refusalEnd(status, detail),
	}
}

func refusalEnd(status int, detail string) string {
	if status == 500 {
		return "closed 1011 " + detail
	}
	return fmt.Sprintf("closed %d %s", 4000+status, detail)
}

// tapeDetail is what the consumers of consumers_auth_test.go say where the original's have more to say.
func tapeDetail(data map[string]any) map[string]any {
	detail, ok := data["detail"]
	switch {
	case data["custom"] == "yes":
		detail = "OK"
	case !ok:
		detail = data["reason"]
	}
	return map[string]any{"detail": detail}
}
