package host

import (
	"context"
	"iter"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/chanx-go/chanx"
)

// The paths of the consumers.
const (
	MixedPath = "/mixed"
	SlowPath  = "/slow"
	TallyPath = "/tally"
	CrowdPath = "/"
)

// guest is the state of a connection.
type guest struct{ *chanx.Conn }

func open(c *chanx.Conn, _ *http.Request) (*guest, error) { return &guest{c}, nil }

func mixed() *chanx.Consumer[guest] {
	c := chanx.NewConsumer(open, &chanx.ConsumerOptions{Name: "mixed"})
	chanx.On(c, func(g *guest, ctx context.Context, m Enter) error { return g.Join(ctx, m.Group) })
	chanx.On(c, func(g *guest, ctx context.Context, m Exit) error { return g.Leave(ctx, m.Group) })
	chanx.On(c, func(g *guest, ctx context.Context, m Say) error { return g.Broadcast(ctx, Said(m), chanx.To(m.Group)) })
	chanx.On(c, func(g *guest, ctx context.Context, m Nudge) error { return g.Emit(ctx, Nudged(m), chanx.To(m.Group)) })
	chanx.OnEvent(c, func(g *guest, ctx context.Context, e Nudged) error { return g.Send(ctx, Relayed(e)) })
	chanx.OnRequest(c, (*guest).ask)
	chanx.OnStream(c, (*guest).count)
	chanx.Broadcasts[Said](c)
	chanx.Sends[Relayed](c)
	return c
}

func (g *guest) ask(ctx context.Context, m Ask) (Answer, error) {
	return Answer{m.N}, pause(ctx, m.Millis)
}

func (g *guest) count(ctx context.Context, m Count) iter.Seq2[Item, error] {
	return func(yield func(Item, error) bool) {
		for n := range m.To {
			if err := pause(ctx, m.Millis); !yield(Item{n}, err) || err != nil {
				return
			}
		}
	}
}

func pause(ctx context.Context, millis int) error {
	if millis == 0 {
		return nil
	}
	select {
	case <-time.After(time.Duration(millis) * time.Millisecond):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func slow() *chanx.Consumer[guest] {
	c := chanx.NewConsumer(open, &chanx.ConsumerOptions{Name: "slow", Groups: []string{"slow"}})
	chanx.On(c, (*guest).publish)
	chanx.Broadcasts[Plain](c)
	chanx.Broadcasts[Spare](c, chanx.Droppable())
	chanx.Broadcasts[Newest](c, chanx.Latest(func(m Newest) string { return strconv.Itoa(m.N % Keys) }))
	return c
}

func (g *guest) publish(ctx context.Context, m Publish) error {
	var sent chanx.Message = Plain{m.Post}
	switch m.Kind {
	case Spare{}.Action():
		sent = Spare{m.Post}
	case Newest{}.Action():
		sent = Newest{m.Post}
	}
	return g.Broadcast(ctx, sent)
}

// tallies counts the messages that the handler of Tally received from each client.
type tallies struct {
	mu      sync.Mutex
	handled map[int]int
}

func (t *tallies) consumer() *chanx.Consumer[guest] {
	c := chanx.NewConsumer(open, &chanx.ConsumerOptions{Name: "tally"})
	chanx.OnRequest(c, func(_ *guest, _ context.Context, m Tally) (Tally, error) {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.handled[m.I]++
		return m, nil
	})
	return c
}

func crowd() *chanx.Consumer[guest] {
	c := chanx.NewConsumer(open, &chanx.ConsumerOptions{Name: "crowd", Groups: []string{"crowd"}})
	chanx.OnRequest(c, func(_ *guest, _ context.Context, m Echo) (Echo, error) { return m, nil })
	chanx.On(c, func(g *guest, ctx context.Context, m Chat) error { return g.Broadcast(ctx, m) })
	chanx.Broadcasts[Chat](c)
	return c
}
