// Package dialog is the WebSocket side of the assistant: its messages, and the consumer that serves them.
package dialog

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"net/http"
	"time"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/examples/assistant/model"
)

// Model answers a prompt, given what was said before, a token at a time. It stops with an error when ctx ends.
type Model interface {
	Answer(ctx context.Context, past []model.Exchange, prompt string) iter.Seq2[string, error]
}

// Options says what all dialogs share.
type Options struct {
	Model  Model
	Limit  time.Duration // for one answer; not zero
	Logger *slog.Logger
}

// Dialog is the state of one connection. Its handlers run one at a time, but for the iterator that ask returns.
type Dialog struct {
	*chanx.Conn
	Options
	talk *conversation
}

// New returns the assistant's consumer.
func New(o Options) *chanx.Consumer[Dialog] {
	dialog := chanx.NewConsumer(o.open, &chanx.ConsumerOptions{
		Name: "assistant", Doc: "A conversation with an assistant, which lasts as long as the connection.",
	})
	chanx.OnStream(dialog, (*Dialog).ask,
		chanx.Concurrent(1), // the next answer begins with this one in mind
		chanx.Timeout(o.Limit),
		chanx.Fails(tooLong, "the conversation is more than the model can read: forget it"),
	)
	chanx.OnRequest(dialog, (*Dialog).recall)
	chanx.On(dialog, (*Dialog).forget)
	chanx.Sends[UsageMessage](dialog)
	return dialog
}

func (o Options) open(c *chanx.Conn, _ *http.Request) (*Dialog, error) {
	return &Dialog{Conn: c, Options: o, talk: &conversation{}}, nil
}

// ask answers a prompt. What stands before its return takes its turn like any handler. The iterator runs beside the queue,
// and does not read the connection's state: while it runs, forget may replace d.talk, and recall read the conversation.
func (d *Dialog) ask(ctx context.Context, m AskMessage) iter.Seq2[TokenMessage, error] {
	talk := d.talk
	turn, past, ok := talk.ask(m.Prompt)
	return func(yield func(TokenMessage, error) bool) {
		if !ok {
			d.tell(ctx, UsageMessage{Finish: Failed})
			yield(TokenMessage{}, explain(errFull))
			return
		}
		usage := UsageMessage{PromptTokens: model.Count(past, m.Prompt), Finish: Failed}
		defer func() { // the model may panic
			talk.end(turn, usage.Finish)
			d.tell(ctx, usage)
		}()
		for text, err := range d.Model.Answer(ctx, past, m.Prompt) {
			if err == nil && !talk.fits(text) {
				err = errFull
			}
			if err != nil {
				usage.Finish = broken(ctx)
				yield(TokenMessage{}, explain(err))
				return
			}
			if !yield(TokenMessage{text}, nil) {
				usage.Finish = broken(ctx)
				return
			}
			talk.add(turn, text)
			usage.AnswerTokens++
		}
		usage.Finish = Done
	}
}

// broken says why an answer was broken off: the client's cancel, and the loss of the connection, cancel its context.
func broken(ctx context.Context) Finish {
	if errors.Is(ctx.Err(), context.Canceled) {
		return Stopped
	}
	return Failed
}

const tooLong = "too_long"

var errFull = errors.New("dialog: the conversation has reached maxBytes or maxTurns")

// explain makes of a model's error what the client may know.
func explain(err error) error {
	switch {
	case errors.Is(err, model.ErrFull):
		return chanx.Errorf(tooLong, "the conversation has more than %d words: begin a new one", model.Window)
	case errors.Is(err, errFull):
		return chanx.Errorf(tooLong, "the conversation takes too much memory: begin a new one")
	}
	return fmt.Errorf("model: %w", err)
}

// tell sends the usage, which also counts for an answer that nobody waits for any more.
func (d *Dialog) tell(ctx context.Context, u UsageMessage) {
	if err := d.Send(ctx, u); err != nil {
		d.Logger.WarnContext(ctx, "usage not told", "prompt_tokens", u.PromptTokens, "answer_tokens", u.AnswerTokens, "error", err)
	}
}

func (d *Dialog) recall(context.Context, RecallMessage) (HistoryMessage, error) {
	return d.talk.all(), nil
}

func (d *Dialog) forget(context.Context, ForgetMessage) error {
	d.talk = &conversation{}
	return nil
}
