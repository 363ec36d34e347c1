package chanx_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/chanx-go/chanx"
)

// desk is the state of a consumer with a handler of every kind, and with handlers that fail in every way.
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

// newDesk returns the consumer; nil options are fine.
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
		return chanx.Errorf("full", "the desk %s is full", d.name)
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
		return chanx.Errorf("join", "%v", err)
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

// failure returns the error that how names, or panics. It returns nil for any other text.
func failure(how string) error {
	switch how {
	case "told":
		return chanx.Errorf("room_full", "the room has %d seats", 3)
	case "wrapped":
		return fmt.Errorf("while seating: %w", chanx.Errorf("room_full", "the room has %d seats", 3))
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
