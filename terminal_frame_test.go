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
)

// The matrix is a consumer with one handler of each kind, which all end in the way that the message asks for.
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

// end waits for the end of the context if it is to be cancelled, else fails as it is told to.
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

// TestEveryRefHasOneTerminalFrame reads the transcripts of the matrix: each ref of a connection that stays open is ended by
// one frame, which comes behind everything else that carries it.
func TestEveryRefHasOneTerminalFrame(t *testing.T) {
	for _, file := range []string{"testdata/matrix.txt", "testdata/matrix-completions.txt"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		sent, ended := map[string]string{}, map[string]int{} // by ref: the action; the number of terminal frames
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
				t.Errorf("%s: behind its terminal frame: %s", file, line)
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
				t.Errorf("%s: ref %s of %s has %d terminal frames", file, ref, action, ended[ref])
			}
		}
	}
}
