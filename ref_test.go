package chanx_test

import (
	"context"
	"encoding/json"
	"iter"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/chanxtest"
)

// matrix is the state of a consumer with one handler of each kind, all of which end as the message says.
type (
	matrix         struct{ *chanx.Conn }
	matrixOn       struct{ failMessage }
	matrixRequest  struct{ failMessage }
	matrixStream   struct{ failMessage }
	matrixUnion    struct{ failMessage }
	matrixParallel struct{ failMessage }
	matrixAnswer   struct {
		By string `json:"by"`
	}
)

func (matrixOn) Action() string       { return "on" }
func (matrixRequest) Action() string  { return "request" }
func (matrixStream) Action() string   { return "stream" }
func (matrixUnion) Action() string    { return "union" }
func (matrixParallel) Action() string { return "parallel" }
func (matrixAnswer) Action() string   { return "answer" }

// end waits for the end of the context if how is "wait", and otherwise returns failure(how).
func end(ctx context.Context, how string) error {
	if how == "wait" {
		<-ctx.Done()
		return ctx.Err()
	}
	return failure(how)
}

func newMatrix() *chanx.Consumer[matrix] {
	c := chanx.NewConsumer(func(c *chanx.Conn, _ *http.Request) (*matrix, error) { return &matrix{c}, nil }, nil)
	chanx.On(c, func(_ *matrix, ctx context.Context, m matrixOn) error { return end(ctx, m.How) })
	chanx.OnRequest(c, func(_ *matrix, ctx context.Context, m matrixRequest) (matrixAnswer, error) {
		return matrixAnswer{"request"}, end(ctx, m.How)
	})
	chanx.OnStream(c, func(_ *matrix, ctx context.Context, m matrixStream) iter.Seq2[matrixAnswer, error] {
		return func(yield func(matrixAnswer, error) bool) {
			if yield(matrixAnswer{"stream"}, nil) {
				if err := end(ctx, m.How); err != nil {
					yield(matrixAnswer{}, err)
				}
			}
		}
	})
	chanx.OnUnion(c, func(_ *matrix, ctx context.Context, m chanx.Message) error { return end(ctx, m.(matrixUnion).How) },
		chanx.Case[matrixUnion]())
	chanx.On(c, func(_ *matrix, ctx context.Context, m matrixParallel) error { return end(ctx, m.How) }, chanx.Concurrent(1))
	return c
}

func matrixScene(completions bool) scene {
	return scene{new: func(l *slog.Logger) *chanx.Server {
		return serve(&chanx.ServerOptions{Logger: l, Completions: completions}, "/matrix", newMatrix())
	}}
}

// TestEveryRefHasOneTerminalFrame reads the transcripts of the matrix: each ref of a connection that stays open has one
// final frame, which follows all other frames with that ref.
func TestEveryRefHasOneTerminalFrame(t *testing.T) {
	for _, file := range []string{"testdata/matrix.txt", "testdata/matrix-completions.txt"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		sent, ended := map[string]string{}, map[string]int{} // by ref: the action sent, and the number of final frames
		for line := range strings.Lines(string(text)) {
			_, rest, isSent := strings.Cut(line, "ann > ")
			if !isSent {
				if _, rest, _ = strings.Cut(line, "ann < "); rest == "" {
					continue
				}
			}
			var f struct{ Action, Ref string }
			if err := json.Unmarshal([]byte(rest), &f); err != nil {
				t.Fatalf("%s: %v", line, err)
			}
			switch {
			case f.Ref == "" || f.Action == "chanx.cancel":
			case isSent:
				sent[f.Ref] = f.Action
			case ended[f.Ref] > 0:
				t.Errorf("%s: behind its final frame: %s", file, line)
			case f.Action == "answer" && sent[f.Ref] == "stream": // an item
			default:
				ended[f.Ref]++
			}
		}
		if len(sent) != 30 {
			t.Errorf("%s: %d refs, want 30", file, len(sent))
		}
		for ref, action := range sent {
			if ended[ref] != 1 {
				t.Errorf("%s: ref %s of %s has %d final frames", file, ref, action, ended[ref])
			}
		}
	}
}

// TestInvalidJSONIsAnsweredWithItsRef checks that the answer to invalid JSON has its ref, because the client waits for it.
// JSON.stringify writes a lone surrogate as an escape, and many clients write the ref last.
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

// TestInvalidJSONWithoutAReadableRef has an invalid ref, or a ref after a syntax error that hides where values end.
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
