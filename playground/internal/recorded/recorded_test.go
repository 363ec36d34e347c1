package recorded_test

import (
	"encoding/json"
	"reflect"
	"testing"

	"github.com/chanx-go/chanx/chanxtest"
)

// TestRecorded replays a conversation that was recorded on the page. Write newServer(t), which returns your server.
// "<any>" stands for a value that differs at each run: put it where your server makes ids or times.
func TestRecorded(t *testing.T) {
	srv := newServer(t)
	connA := chanxtest.Dial(t, srv, `/ws/rooms/lobby`, nil)

	connB := chanxtest.Dial(t, srv, `/ws/rooms/lobby`, nil)

	connA.SendText(`{"action":"question","payload":{"text":"who?"},"ref":"1"}`)
	expect(t, connA, `{"action":"answer","payload":{"Text":"WHO?"},"ref":"1"}`)

	connB.SendText("{\"action\":\"question\",\"payload\":{\"text\":\"`quoted`\"},\"ref\":\"1\"}")
	expect(t, connB, "{\"action\":\"answer\",\"payload\":{\"Text\":\"`QUOTED`\"},\"ref\":\"1\"}")

	connB.SendText(`{"action":"chat","payload":{"content":"hi\n<b>","timestamp":"2026-11-30T20:00:00Z"},"ref":"2"}`)
	expect(t, connB, `{"action":"chat_group","payload":{"content":"hi\n<b>","sender_name":"Anonymous","timestamp":"<any>"},"is_mine":false,"is_current":true}`)
	expect(t, connA, `{"action":"chat_group","payload":{"content":"hi\n<b>","sender_name":"Anonymous","timestamp":"<any>"},"is_mine":false,"is_current":false}`)
	expect(t, connB, `{"action":"complete","ref":"2"}`)

	connA.SendText(`{"action":"ask","payload":{"Prompt":"a b"},"ref":"3"}`)
	expect(t, connA, `{"action":"token","payload":{"Text":"a"},"ref":"3"}`)
	expect(t, connA, `{"action":"token","payload":{"Text":"b"},"ref":"3"}`)
	expect(t, connA, `{"action":"complete","ref":"3"}`)

	connA.SendText(`{"action":"chat","payload":{"content":""},"ref":"4"}`)
	expect(t, connA, `{"action":"error","payload":[{"type":"string_too_short","loc":["payload","content"],"msg":"String should have at least 1 character"}],"ref":"4"}`)
}

// expect fails unless the next frame is the wanted one.
func expect(t *testing.T, c *chanxtest.Conn, want string) {
	t.Helper()
	got := c.Next()
	var a, b any
	if err := json.Unmarshal([]byte(got), &a); err != nil {
		t.Fatalf("%v in %s", err, got)
	}
	if err := json.Unmarshal([]byte(want), &b); err != nil {
		t.Fatalf("%v in %s", err, want)
	}
	if !matches(a, b) {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func matches(got, want any) bool {
	switch want := want.(type) {
	case string:
		return want == "<any>" || got == want
	case map[string]any:
		object, ok := got.(map[string]any)
		if !ok || len(object) != len(want) {
			return false
		}
		for name, v := range want {
			if got, ok := object[name]; !ok || !matches(got, v) {
				return false
			}
		}
		return true
	case []any:
		list, ok := got.([]any)
		if !ok || len(list) != len(want) {
			return false
		}
		for i, v := range want {
			if !matches(list[i], v) {
				return false
			}
		}
		return true
	}
	return reflect.DeepEqual(got, want)
}
