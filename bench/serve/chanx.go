package serve

import (
	"context"
	"log/slog"
	"net/http"
	"os"
	"strings"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/bench/load"
)

// Chanx is the server under test.
var Chanx = &Server{
	Name: "chanx", Does: "types: decode, check, handle, encode; a group; is_mine and is_current on every delivery",
	Uses: "github.com/chanx-go/chanx", Deflates: true, Brokers: []string{NATS, Redis}, handler: chanxHandler, talk: chanxTalk,
}

// Echo is answered to its sender.
type Echo struct{ payload }

// Chat is sent to all.
type Chat struct{ payload }

func (Echo) Action() string { return "echo" }
func (Chat) Action() string { return "chat" }

type visit struct{ *chanx.Conn }

func openVisit(c *chanx.Conn, _ *http.Request) (*visit, error) { return &visit{c}, nil }
func (v *visit) echo(_ context.Context, m Echo) (Echo, error)  { return m, nil }
func (v *visit) chat(ctx context.Context, m Chat) error        { return v.Broadcast(ctx, m) }

func chanxHandler(o Options) (http.Handler, error) {
	c := chanx.NewConsumer(openVisit, &chanx.ConsumerOptions{Groups: []string{"room"}})
	chanx.OnRequest(c, (*visit).echo)
	chanx.On(c, (*visit).chat)
	chanx.Broadcasts[Chat](c)
	l, err := connectLayer(o.Broker)
	if err != nil {
		return nil, err
	}
	s := chanx.NewServer(&chanx.ServerOptions{
		Layer: l,
		// Like the others, it compresses every message that becomes smaller, even short ones.
		Compression: chanx.Compression{Enabled: o.Deflate, MinBytes: -1},
		Limits:      chanx.Limits{PingInterval: o.PingInterval, PongTimeout: o.PingInterval * 4 / 5},
		// The load resets its connections at the end, and each would log a warning about an unsent ping.
		Logger: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError})),
	})
	s.Handle("/", c)
	return s, nil
}

func chanxTalk(size int) load.Talk {
	t := same(size)
	chat := strings.TrimSuffix(t.Say.Want, "}")
	t.Say.Want = chat + `,"is_mine":false,"is_current":false}`
	t.Say.Own = chat + `,"is_mine":false,"is_current":true}`
	return t
}
