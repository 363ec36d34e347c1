package chanx_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/chanx-go/chanx"
)

// desk is the state of a consumer whose open, handlers, OnOpen and OnClose succeed, fail, panic or close the connection,
// depending on the name in its path and on the messages it receives.
type (
	desk struct {
		*chanx.Conn
		name string
	}
	whisperMessage struct{ sayMessage }
	formMessage    struct {
		Name  string    `json:"name" minLength:"2"`
		Age   int       `json:"age" minimum:"0"`
		Tags  []string  `json:"tags" maxLength:"3" maxItems:"3"`
		Extra *formPart `json:"extra"`
	}
	formPart struct {
		On bool `json:"on"`
	}
	labelsMessage map[string]int
	failMessage   struct {
		How string `json:"how"`
	}
	askMessage  struct{ failMessage }
	joinMessage struct {
		Groups []string `json:"groups"`
	}
)

func (whisperMessage) Action() string { return "whisper" }
func (formMessage) Action() string    { return "form" }
func (labelsMessage) Action() string  { return "labels" }
func (failMessage) Action() string    { return "fail" }
func (askMessage) Action() string     { return "ask" }
func (joinMessage) Action() string    { return "join" }

// newDesk returns the consumer. o may be nil.
func newDesk(o *chanx.ConsumerOptions) *chanx.Consumer[desk] {
	if o == nil {
		o = &chanx.ConsumerOptions{}
	}
	o.Authenticator, o.Groups = byHeader, []string{"all"}
	c := chanx.NewConsumer(openDesk, o)
	c.OnOpen((*desk).opened)
	c.OnClose((*desk).closed)
	chanx.On(c, (*desk).say)
	chanx.On(c, (*desk).whisper)
	chanx.On(c, (*desk).form)
	chanx.On(c, (*desk).knock)
	chanx.On(c, (*desk).labels)
	chanx.On(c, (*desk).fail)
	chanx.OnRequest(c, (*desk).ask)
	chanx.On(c, (*desk).join)
	chanx.OnEvent(c, (*desk).ring)
	chanx.Broadcasts[saidMessage](c)
	return c
}

func openDesk(c *chanx.Conn, r *http.Request) (*desk, error) {
	d := &desk{c, r.PathValue("name")}
	switch d.name {
	case "locked":
		return nil, chanx.Refuse(http.StatusForbidden, "members only")
	case "missing":
		return nil, fmt.Errorf("load desk: %w", chanx.Refuse(http.StatusNotFound, "no such desk"))
	case "broken":
		return nil, errors.New("the database is at 10.0.0.7")
	case "panic":
		panic("in open")
	case "nothing":
		return nil, nil
	case "early":
		if err := c.Send(r.Context(), answerMessage{}); err == nil {
			return nil, errors.New("Send in open is no error")
		}
	}
	return d, c.Join(r.Context(), d.name)
}

func (d *desk) opened(ctx context.Context) error {
	switch d.name {
	case "told":
		return chanx.NewError("full", fmt.Sprintf("the desk %s is full", d.name))
	case "shut":
		return &chanx.CloseError{Code: 4000, Reason: "not today"}
	}
	return nil
}

func (d *desk) closed(ctx context.Context, cause *chanx.CloseError) {
	if d.name == "farewell" {
		if err := d.Broadcast(ctx, saidMessage{fmt.Sprintf("%s left with %d", d.Identity().UserID, cause.Code)}); err != nil {
			panic(err)
		}
	}
}

func (d *desk) say(ctx context.Context, m sayMessage) error {
	return d.Broadcast(ctx, saidMessage(m), chanx.To(d.name))
}

func (d *desk) whisper(ctx context.Context, m whisperMessage) error {
	return d.Broadcast(ctx, saidMessage(m.sayMessage), chanx.To(d.name, "all"), chanx.ExceptSelf())
}

func (d *desk) form(ctx context.Context, m formMessage) error {
	return d.Send(ctx, answerMessage{fmt.Sprintf("%s %d %q", m.Name, m.Age, m.Tags)})
}

func (d *desk) knock(context.Context, knockMessage) error { return nil }

func (d *desk) labels(ctx context.Context, m labelsMessage) error {
	return d.Send(ctx, answerMessage{fmt.Sprint(len(m))})
}

func (d *desk) join(ctx context.Context, m joinMessage) error {
	if err := d.Join(ctx, m.Groups...); err != nil {
		return chanx.NewError("join", err.Error())
	}
	return d.Send(ctx, answerMessage{strings.Join(d.Groups(), ",")})
}

func (d *desk) fail(ctx context.Context, m failMessage) error { return failure(m.How) }

func (d *desk) ask(ctx context.Context, m askMessage) (answerMessage, error) {
	return answerMessage{"42"}, failure(m.How)
}

func (d *desk) ring(ctx context.Context, e ringEvent) error {
	if err := failure(e.How); err != nil {
		return err
	}
	return d.Send(ctx, answerMessage{"rang " + e.How})
}

// failure returns the kind of error that how names, or panics. It returns nil for any other text.
func failure(how string) error {
	switch how {
	case "told":
		return chanx.NewError("room_full", "the room has 3 seats")
	case "wrapped":
		return fmt.Errorf("while seating: %w", chanx.NewError("room_full", "the room has 3 seats"))
	case "invalid":
		return chanx.ValidationError{{Type: "value_error", Loc: []any{"how"}, Msg: "not today"}}
	case "internal":
		return errors.New("password of the database")
	case "panic":
		panic("password of the database")
	case "close":
		return &chanx.CloseError{Code: 4009, Reason: "go away"}
	case "close-wrapped":
		return fmt.Errorf("tired: %w", &chanx.CloseError{Code: 1000, Reason: "enough"})
	case "close-badly":
		return &chanx.CloseError{Code: 1006, Reason: "no one may send this"}
	}
	return nil
}

// works is the state of a consumer whose handlers wait, stream or run concurrently.
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
