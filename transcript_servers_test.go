package chanx_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/internal/chat"
)

// scene is a kind of server that a transcript can start.
type scene struct {
	new func(*slog.Logger) *chanx.Server
	act func(s *stage, words []string) // performs "server NAME does …"
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

func emitNotice(s *stage, words []string) {
	must(s, s.srv.Emit(context.Background(), chat.NotifyEvent{Content: strings.Join(words[1:], " "), Level: "info"}, chanx.To(words[0])))
}

func must(s *stage, err error) {
	if err != nil {
		fmt.Fprintf(&s.out, "error %v\n", err)
	}
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
