// Package dialog is the WebSocket part of the assistant: its messages and its consumer.
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

// Model answers a prompt in the context of earlier turns, a token at a time. It stops with an error when ctx ends.
type Model interface {
	Answer(ctx context.Context, past []model.Exchange, prompt string) iter.Seq2[string, error]
}

// Options are common to all dialogs.
type Options struct {
	Model  Model
	Limit  time.Duration // for one answer; not zero
	Logger *slog.Logger
}

// Dialog is the state of one connection. Its handlers run one at a time, except the iterator that ask returns.
type Dialog struct {
	*chanx.Conn
	Options
	talk *conversation
}

// New returns the assistant's consumer.
func New(o Options) *chanx.Consumer[Dialog] {
	dialog := chanx.NewConsumer(o.open, &chanx.ConsumerOptions{
		Name: "assistant", Doc: "A conversation with an assistant, which lasts as long as the connection.",
		Docs: []chanx.Docs{Docs},
	})
	chanx.OnStream(dialog, (*Dialog).ask,
		chanx.Concurrent(1), // the next answer takes this one into account
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

// ask answers a prompt. The code before its return is queued like any handler. The iterator runs outside the queue and
// does not read the connection's state: meanwhile forget may replace d.talk, and recall may read the conversation.
func (d *Dialog) ask(ctx context.Context, m AskMessage) iter.Seq2[TokenMessage, error] {
	talk := d.talk
	turn, past, ok := talk.ask(m.Prompt)
	return func(yield func(TokenMessage, error) bool) {
		if !ok {
			d.sendUsage(ctx, UsageMessage{Finish: Failed})
			yield(TokenMessage{}, explain(errFull))
			return
		}
		usage := UsageMessage{PromptTokens: model.Count(past, m.Prompt), Finish: Failed}
		defer func() { // the model may panic
			talk.end(turn, usage.Finish)
			d.sendUsage(ctx, usage)
		}()
		for text, err := range d.Model.Answer(ctx, past, m.Prompt) {
			if err == nil && !talk.fits(text) {
				err = errFull
			}
			if err != nil {
				usage.Finish = interrupted(ctx)
				yield(TokenMessage{}, explain(err))
				return
			}
			if !yield(TokenMessage{text}, nil) {
				usage.Finish = interrupted(ctx)
				return
			}
			talk.add(turn, text)
			usage.AnswerTokens++
		}
		usage.Finish = Done
	}
}

// interrupted returns why an answer was interrupted: a cancel by the client and the loss of the connection cancel its context.
func interrupted(ctx context.Context) Finish {
	if errors.Is(ctx.Err(), context.Canceled) {
		return Stopped
	}
	return Failed
}

const tooLong = "too_long"

var errFull = errors.New("dialog: the conversation has reached maxBytes or maxTurns")

// explain converts a model's error to one that the client may see.
func explain(err error) error {
	switch {
	case errors.Is(err, model.ErrFull):
		return chanx.NewError(tooLong, fmt.Sprintf("the conversation has more than %d words: begin a new one", model.Window))
	case errors.Is(err, errFull):
		return chanx.NewError(tooLong, "the conversation takes too much memory: begin a new one")
	}
	return fmt.Errorf("model: %w", err)
}

// sendUsage sends the usage, which also counts an answer whose client is gone.
func (d *Dialog) sendUsage(ctx context.Context, u UsageMessage) {
	if err := d.Send(ctx, u); err != nil {
		d.Logger.WarnContext(ctx, "usage not sent", "prompt_tokens", u.PromptTokens, "answer_tokens", u.AnswerTokens, "error", err)
	}
}

func (d *Dialog) recall(context.Context, RecallMessage) (HistoryMessage, error) {
	return d.talk.all(), nil
}

func (d *Dialog) forget(context.Context, ForgetMessage) error {
	d.talk = &conversation{}
	return nil
}
