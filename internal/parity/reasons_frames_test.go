package parity_test

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/chanx-go/chanx/schema"
)

var isClassName = regexp.MustCompile(` or instance of [A-Z]\w+$`)

// frameReasons are about the form of frames, refusals and Close frames.
var frameReasons = []reason{
	{
		"payloads without content are left out", "Payloads without content are left out",
		func(x *comparison) {
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
		func(x *comparison) {
			in, _ := x.input()
			x.items(func(item map[string]any) {
				if loc := item["loc"].([]any); len(loc) > 0 && in.object != nil && loc[0] == in.object["action"] {
					item["loc"] = loc[1:]
				}
			})
		},
	},
	{
		"no class name is shown", "No name of a class or a Go type is shown",
		func(x *comparison) {
			x.items(func(item map[string]any) {
				if item["type"] == "model_type" {
					item["msg"] = isClassName.ReplaceAllString(item["msg"].(string), "")
				}
			})
		},
	},
	{
		"loc has the names that are on the wire", "are camelCase both ways and in `loc`",
		func(x *comparison) {
			if strings.HasPrefix(x.c.steps[0].args, "/ws/camel") {
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
		"an error of a handler has the member reason", `{"reason":"internal","detail":"Failed to process message"}`,
		func(x *comparison) {
			x.frames(func(_ string, f map[string]any) {
				if p, ok := f["payload"].(map[string]any); ok && f["action"] == "error" && p["detail"] == "Failed to process message" {
					p["reason"] = "internal"
				}
			})
		},
	},
	{
		"raw JSON is sent as Raw", "Raw JSON is sent as `Raw`",
		func(x *comparison) {
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
		func(x *comparison) {
			if x.step.verb == "emits" {
				x.frames(func(_ string, f map[string]any) {
					if f["action"] == "complete" {
						f["action"] = "event_complete"
					}
				})
			}
		},
	},
	{
		"a refusal is always sent to the client", "So the server answers a refused handshake with 101, sends the reason as a message, and closes",
		func(x *comparison) {
			why := map[string]string{
				"": "401 Authentication credentials were not provided.", "nobody": "401 Unknown user", "crash": "500 Internal server error",
			}
			path, user, _ := strings.Cut(x.step.args, " ")
			if path == "/ws/auth/required-quiet" && len(x.want[x.step.client]) == 1 && x.want[x.step.client][0] == "closed 1000" {
				x.refuse(why[user])
			}
		},
	},
	{
		"an unexpected error of open is sent to the client", "An unexpected error is sent as 500 `Internal server error` and closes with 1011",
		func(x *comparison) {
			if x.step.verb == "dials" && x.isOnlyLost(x.step.client) {
				x.refuse("500 Internal server error")
			}
		},
	},
	{
		"routes are net/http patterns", "Routes are net/http patterns",
		func(x *comparison) {
			if want := x.want[x.step.client]; x.step.verb != "dials" || len(want) != 1 || want[0] != "HTTP 500" {
				return
			}
			switch x.step.args {
			case "/ws/no/such/route":
				x.refuse("404 nothing is served at this path")
			case "/ws/auth/room/x": // open checks the user first
				x.refuse("401 Authentication credentials were not provided.")
			case "/ws/auth/room/x carol":
				x.refuse("404 pk must be a whole number of 64 bits")
			}
		},
	},
	{
		"the data of an authentication message is a detail only", `"data":{"detail":"members only"}`,
		func(x *comparison) {
			x.frames(func(_ string, f map[string]any) {
				if p, ok := f["payload"].(map[string]any); ok && f["action"] == "authentication" {
					p["data"] = detailOnly(p["data"].(map[string]any))
				}
			})
		},
	},
	{
		"refusals have close codes", "Refusals have close codes",
		func(x *comparison) {
			want := x.want[x.step.client]
			if x.step.verb != "dials" || len(want) != 2 || want[1] != "closed 1000" {
				return
			}
			p, _ := want[0].(map[string]any)["payload"].(map[string]any)
			status, ok := p["status_code"].(float64)
			if !ok {
				status = p["statusCode"].(float64)
			}
			want[1] = refusalEnd(int(status), p["data"].(map[string]any)["detail"].(string))
		},
	},
	{
		"an error of OnOpen is sent to the client", "An error of `OnOpen` is sent like any handler's, then the connection closes with 1011",
		func(x *comparison) {
			if want := x.want[x.step.client]; x.step.verb == "dials" && len(want) == 2 && want[1] == "closed 1006" {
				x.want[x.step.client] = []any{want[0], internalError(), "closed 1011 open failed"}
			}
		},
	},
	{
		"a Close frame has a reason", "",
		func(x *comparison) {
			if want := x.want[x.step.client]; len(want) == 1 && want[0] == "closed 1007" {
				want[0] = "closed 1007 text is not UTF-8"
			}
		},
	},
}

// refuse sets the refusal that the client receives; why is a status and a detail.
func (x *comparison) refuse(why string) {
	var status int
	if _, err := fmt.Sscan(why, &status); err != nil {
		panic(err)
	}
	_, detail, _ := strings.Cut(why, " ")
	text := map[int]string{401: "Unauthorized", 404: "Not Found", 500: "Internal Server Error"}[status]
	x.want[x.step.client] = []any{
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

// detailOnly returns the data that the consumers of consumers_auth_test.go send where those of the original send more.
func detailOnly(data map[string]any) map[string]any {
	detail, ok := data["detail"]
	switch {
	case data["custom"] == "yes":
		detail = "OK"
	case !ok:
		detail = data["reason"]
	}
	return map[string]any{"detail": detail}
}
