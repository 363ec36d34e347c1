package chanx_test

import (
	"context"
	"iter"
	"log/slog"
	"net/http"
	"time"

	"github.com/chanx-go/chanx"
)

// works is the state of a consumer whose handlers wait, stream or run beside the queue.
type (
	works        struct{ *chanx.Conn }
	tallyMessage struct {
		To  int    `json:"to"`
		How string `json:"how" default:""`
	}
	tallied struct {
		N int `json:"n"`
	}
	echoMessage struct {
		Text string `json:"text"`
	}
	waitMessage   struct{}
	besideMessage struct{}
	slowMessage   struct {
		How string `json:"how"`
	}
)

func (tallyMessage) Action() string  { return "count" }
func (tallied) Action() string       { return "counted" }
func (echoMessage) Action() string   { return "echo" }
func (waitMessage) Action() string   { return "wait" }
func (besideMessage) Action() string { return "beside" }
func (slowMessage) Action() string   { return "slow" }

func newWorks() *chanx.Consumer[works] {
	c := chanx.NewConsumer(func(c *chanx.Conn, _ *http.Request) (*works, error) { return &works{c}, nil }, nil)
	chanx.OnStream(c, (*works).count)
	chanx.OnRequest(c, (*works).echo)
	chanx.On(c, (*works).wait)
	chanx.On(c, (*works).beside, chanx.Concurrent(2))
	chanx.OnRequest(c, (*works).slow, chanx.Timeout(5*time.Second))
	return c
}

func worksScene(completions bool) scene {
	return scene{new: func(l *slog.Logger) *chanx.Server {
		o := &chanx.ServerOptions{Logger: l, Completions: completions, Limits: chanx.Limits{MaxConcurrent: 3}}
		return serve(o, "/works", newWorks())
	}}
}

func (w *works) count(ctx context.Context, m tallyMessage) iter.Seq2[tallied, error] {
	switch m.To {
	case -1:
		return nil
	case -2:
		panic("before the stream")
	}
	return func(yield func(tallied, error) bool) {
		for n := range m.To {
			if !yield(tallied{n + 1}, nil) {
				return
			}
		}
		switch m.How {
		case "wait":
			<-ctx.Done()
		case "undeclared":
			yield(tallied{}, w.Send(ctx, knockMessage{}))
		default:
			if err := failure(m.How); err != nil {
				yield(tallied{}, err)
			}
		}
	}
}

func (w *works) echo(_ context.Context, m echoMessage) (echoMessage, error) { return m, nil }

func (w *works) wait(ctx context.Context, _ waitMessage) error {
	<-ctx.Done()
	return ctx.Err()
}

func (w *works) beside(ctx context.Context, _ besideMessage) error {
	<-ctx.Done()
	return nil
}

func (w *works) slow(ctx context.Context, m slowMessage) (slowMessage, error) {
	<-ctx.Done()
	if m.How == "answer" {
		return m, nil
	}
	return m, ctx.Err()
}
