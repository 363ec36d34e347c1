package chanx_test

import (
	"context"
	"strings"
	"testing"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/chanxtest"
)

// TestInvalidJSONIsAnsweredWithItsRef because the client waits for the answer. JSON.stringify writes a lone surrogate
// as an escape, and many clients write the ref last.
func TestInvalidJSONIsAnsweredWithItsRef(t *testing.T) {
	bubble(t, chanx.ServerOptions{}, func(t *testing.T, srv *chanx.Server) {
		srv.Handle("/ws", probe(func(*state, context.Context, sayMessage) error { return nil }))
		client := chanxtest.Dial(t, srv, "/ws", nil)
		deep := strings.Repeat("[", 40) + strings.Repeat("]", 40)
		for _, frame := range []string{
			`{"ref":"7","action":"say","payload":{"text":"\ud800"}}`,
			`{"action":"say","ref":"7","payload":{"text":"\ud800"}}`,
			`{"action":"say","payload":{"text":"\ud800"},"ref":"7"}`,
			`{"payload":{"text":"\udc00\"}"},"action":"say","ref":"7"}`,
			`{"action":"\ud800","ref":"7"}`,
			`{"a\ud800":1,"action":"say","ref":"7"}`,
			`{"action":"say","payload":{"text":"\x"},"ref":"7"}`,
			"{\"action\":\"say\",\"payload\":{\"text\":\"a\nb\"},\"ref\":\"7\"}",
			`{"action":"say","payload":{"text":"a","text":"b"},"ref":"7"}`,
			`{"action":"say","action":"say","ref":"7"}`,
			`{"ref":"7","action":"say","ref":"8"}`,
			`{"action":"say","payload":` + deep + `,"ref":"7"}`,
			`{"action":"say","payload":{"x":` + deep + `},"ref":"7"}`,
			`{"action":"other","payload":` + deep + `,"ref":"7"}`,
			`{"payload":{"text":"\ud800"},"ref":"7","action":"say"}`,
			`{"action":"say","payload":[1,],"ref":"\u0037"}`,
			`{"action":"say","payload":{"text":tru},"ref":"7"}`,
			`{"action":"say","payload":{"text":"a"},"ref":"7"} x`,
			`{"action":"say","ref":"7","payload":{"text":"a"}`,
			`{"action":"say","ref":"7","payload":{"text":"a`,
			`{"action":"say","ref":"7" "payload":{}}`,
			` { "ref" : "7" , "action" : "say" , }`,
		} {
			client.SendText(frame)
			answer := client.Next()
			if !strings.Contains(answer, `"json_invalid"`) || !strings.HasSuffix(answer, `,"ref":"7"}`) {
				t.Errorf("%.80q is answered with %s", frame, answer)
			}
		}
		client.SendBinary([]byte(`{"action":"say","ref":"7"}`))
		if answer := client.Next(); !strings.HasSuffix(answer, `,"ref":"7"}`) {
			t.Errorf("binary: got %s", answer)
		}
	})
}

// TestInvalidJSONWithoutAReadableRef has an invalid ref, or a ref after something that hides where values end.
func TestInvalidJSONWithoutAReadableRef(t *testing.T) {
	bubble(t, chanx.ServerOptions{}, func(t *testing.T, srv *chanx.Server) {
		srv.Handle("/ws", probe(func(*state, context.Context, sayMessage) error { return nil }))
		client := chanxtest.Dial(t, srv, "/ws", nil)
		for _, frame := range []string{
			`{"action":"say","payload":{"text":"a"},"ref":"\ud800"}`,
			`{"action":"say","payload":{"text":"\ud800","ref":"7"}}`,
			`{"action":"say","payload":{"text":"\ud800"},"ref":7}`,
			`{"action":"say","payload":{"text":"\ud800"},"ref":""}`,
			`{"action":"say","payload":{"text":"\ud800"},"ref":"` + strings.Repeat("x", 65) + `"}`,
			`{"action":"say","ref":7,"payload":{"text":"\ud800"},"ref":"7"}`,
			`{"action":"say" "ref":"7"}`,
			`{"action":"say","payload":{"text":"he said "yes""},"ref":"7`,
			`{"action":"say","payload":{"text":"a,"ref":"7"}`,
			`["ref":"7"]`, `{"ref"`, `{"ref":`, `{"ref":"`, `{"ref":"\`, `{`, ``, `"`, `{]`, `{"a":]}`, `}`, `{"action":"say"}}`,
		} {
			client.SendText(frame)
			if answer := client.Next(); !strings.Contains(answer, `"json_invalid"`) || strings.Contains(answer, `"ref":`) {
				t.Errorf("%.80q is answered with %s", frame, answer)
			}
		}
	})
}
