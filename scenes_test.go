package chanx_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/internal/chat"
)

// scene is a server that transcripts play on.
type scene struct {
	new func(*slog.Logger) *chanx.Server
	act func(s *stage, words []string) // what happens to it from outside
}

var scenes = map[string]scene{
	"chat": {new: func(l *slog.Logger) *chanx.Server {
		return serve(&chanx.ServerOptions{Logger: l}, "/ws/rooms/{room}", chat.New())
	}, act: emitNotice},
	"chat-completions": {new: func(l *slog.Logger) *chanx.Server {
		return serve(&chanx.ServerOptions{Logger: l, Completions: true}, "/ws/rooms/{room}", chat.New())
	}, act: emitNotice},
	"union": {new: func(l *slog.Logger) *chanx.Server {
		return serve(&chanx.ServerOptions{Logger: l, Completions: true}, "/ws/rooms/{room}", chat.NewUnion())
	}},
	"desk": {new: func(l *slog.Logger) *chanx.Server {
		return serve(&chanx.ServerOptions{Logger: l}, "/desk/{name}", newDesk(nil))
	}, act: deskActs},
	"desk-completions": {new: func(l *slog.Logger) *chanx.Server {
		return serve(&chanx.ServerOptions{Logger: l, Completions: true}, "/desk/{name}", newDesk(nil))
	}, act: deskActs},
	"desk-quiet": {new: func(l *slog.Logger) *chanx.Server {
		o := &chanx.ConsumerOptions{AuthenticationMessage: chanx.Disabled, Completions: chanx.Disabled}
		return serve(&chanx.ServerOptions{Logger: l, Completions: true}, "/desk/{name}", newDesk(o))
	}, act: deskActs},
	"desk-http": {new: func(l *slog.Logger) *chanx.Server {
		return serve(&chanx.ServerOptions{Logger: l, RefuseWithHTTP: true}, "/desk/{name}", newDesk(nil))
	}},
	"kinds":              kindsScene(chanx.ServerOptions{}),
	"kinds-camel":        kindsScene(chanx.ServerOptions{Camelize: true, Completions: true}),
	"kinds-typed":        kindsScene(chanx.ServerOptions{Discriminator: "type", Completions: true}),
	"matrix":             matrixScene(false),
	"matrix-completions": matrixScene(true),
	"works":              worksScene(false),
	"works-completions":  worksScene(true),
	"desk-strict": {new: func(l *slog.Logger) *chanx.Server {
		return serve(&chanx.ServerOptions{Logger: l, Limits: chanx.Limits{
			MaxInvalid: 2, MaxErrors: 2, MaxGroups: 3, MaxConnections: 2, MaxMessageBytes: 200, MaxDepth: 4,
		}}, "/desk/{name}", newDesk(nil))
	}},
}

func serve(o *chanx.ServerOptions, pattern string, consumer chanx.Endpoint) *chanx.Server {
	srv := chanx.NewServer(o)
	srv.Handle(pattern, consumer)
	return srv
}

func emitNotice(s *stage, words []string) {
	must(s, s.srv.Emit(context.Background(), chat.NotifyEvent{Content: strings.Join(words[1:], " "), Level: "info"}, chanx.To(words[0])))
}

func must(s *stage, err error) {
	if err != nil {
		fmt.Fprintf(&s.out, "error %v\n", err)
	}
}

// The desk is a consumer with a handler of every kind, and one that fails in every way.
type (
	desk struct {
		*chanx.Conn
		name string
	}
	sayMessage struct {
		Text string `json:"text" minLength:"1" maxLength:"20"`
	}
	saidMessage struct {
		Text string `json:"text"`
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
	knockMessage  struct{}
	labelsMessage map[string]int
	failMessage   struct {
		How string `json:"how"`
	}
	askMessage    struct{ failMessage }
	answerMessage struct {
		Answer string `json:"answer"`
	}
	joinMessage struct {
		Groups []string `json:"groups"`
	}
	ringEvent struct {
		How string `json:"how"`
	}
)

func (sayMessage) Action() string     { return "say" }
func (saidMessage) Action() string    { return "said" }
func (whisperMessage) Action() string { return "whisper" }
func (formMessage) Action() string    { return "form" }
func (knockMessage) Action() string   { return "knock" }
func (labelsMessage) Action() string  { return "labels" }
func (failMessage) Action() string    { return "fail" }
func (askMessage) Action() string     { return "ask" }
func (answerMessage) Action() string  { return "answer" }
func (joinMessage) Action() string    { return "join" }
func (ringEvent) Event() string       { return "ring" }

// byHeader takes the user's name from a header.
var byHeader = chanx.AuthenticatorFunc(func(r *http.Request) (chanx.Identity, error) {
	switch name := r.Header.Get("User"); name {
	case "nobody":
		return chanx.Identity{}, chanx.Refuse(http.StatusUnauthorized, "log in first")
	case "broken":
		return chanx.Identity{}, errors.New("the user table is gone")
	default:
		return chanx.Identity{UserID: name}, nil
	}
})

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

// failure fails in the way that is asked for.
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

func deskActs(s *stage, words []string) {
	ctx := context.Background()
	switch words[0] {
	case "ring":
		must(s, s.srv.Emit(ctx, ringEvent{words[2]}, chanx.To(words[1])))
	case "say":
		must(s, s.srv.Broadcast(ctx, saidMessage{words[2]}, chanx.To(words[1])))
	case "undeclared":
		must(s, s.srv.Broadcast(ctx, chat.Answer{}, chanx.To("all")))
		must(s, s.srv.Emit(ctx, chat.NotifyEvent{}, chanx.To("all")))
	case "raw":
		must(s, s.srv.Broadcast(ctx, chanx.Raw{Name: "weather", Payload: []byte(`{"sun":true}`)}, chanx.To("all")))
	case "nobody":
		must(s, s.srv.Broadcast(ctx, saidMessage{"x"}))
		must(s, s.srv.Emit(ctx, ringEvent{"x"}))
		must(s, s.srv.Broadcast(ctx, saidMessage{"x"}, chanx.To("bad\nname")))
		must(s, s.srv.Broadcast(ctx, saidMessage{"x"}, chanx.To()))
	}
}
