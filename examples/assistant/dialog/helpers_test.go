package dialog

import (
	"bytes"
	"context"
	"iter"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/chanxtest"
	"github.com/chanx-go/chanx/examples/assistant/model"
)

// TestMain fails the run if a goroutine is left.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// pace is the time for a token, limit the maximum time for an answer.
const (
	pace  = time.Second
	limit = time.Minute
)

// house is a server with an assistant.
type house struct {
	t   *testing.T
	srv *chanx.Server
	log *bytes.Buffer // read it after synctest.Wait only
}

// inHouse runs a test in a synctest bubble, with an assistant that uses the given model; nil is the real one.
func inHouse(t *testing.T, m Model, test func(t *testing.T, h *house)) {
	t.Helper()
	if m == nil {
		m = model.Model{Pace: pace}
	}
	synctest.Test(t, func(t *testing.T) {
		log := &bytes.Buffer{}
		logger := slog.New(slog.NewTextHandler(log, nil))
		h := &house{t, chanx.NewServer(&chanx.ServerOptions{Logger: logger}), log}
		h.srv.Handle("/ws", New(Options{Model: m, Limit: limit, Logger: logger}))
		test(t, h)
		h.close()
	})
}

func (h *house) close() {
	h.t.Helper()
	if err := h.srv.Shutdown(context.Background()); err != nil {
		h.t.Error(err)
	}
}

func (h *house) dial() *chanxtest.Conn {
	h.t.Helper()
	return chanxtest.Dial(h.t, h.srv, "/ws", &chanxtest.DialOptions{Timeout: 2 * limit})
}

// answer collects an answer up to a number of tokens, then cancels it; -1 is the whole answer. It returns the usage too.
func answer(c *chanxtest.Conn, prompt string, most int) (text string, u UsageMessage) {
	var b strings.Builder
	for m := range chanxtest.Stream[TokenMessage](c, AskMessage{prompt}) {
		b.WriteString(m.Text)
		if most--; most == 0 {
			break
		}
	}
	return b.String(), chanxtest.Receive[UsageMessage](c).Message
}

// recall returns the conversation.
func recall(c *chanxtest.Conn) HistoryMessage {
	return chanxtest.Request[HistoryMessage](c, RecallMessage{}).Message
}

// scripted is a model defined by a test.
type scripted func(ctx context.Context, past []model.Exchange, prompt string, yield func(string, error) bool)

// Answer implements Model.
func (s scripted) Answer(ctx context.Context, past []model.Exchange, prompt string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) { s(ctx, past, prompt, yield) }
}
