package chanx_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/chanxtest"
	"github.com/chanx-go/chanx/layer"
	"github.com/chanx-go/chanx/layer/memlayer"
)

func TestTwoServersOnOneLayer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := memlayer.New()
		servers := [2]*chanx.Server{}
		for i := range servers {
			servers[i] = serve(&chanx.ServerOptions{Layer: l, Logger: quiet}, "/desk/{name}", newDesk(nil))
		}
		ann := chanxtest.Dial(t, servers[0], "/desk/one", asUser("ann"))
		ann2 := chanxtest.Dial(t, servers[1], "/desk/one", asUser("ann"))
		bob := chanxtest.Dial(t, servers[1], "/desk/one", asUser("bob"))
		all := []*chanxtest.Conn{ann, ann2, bob}
		for _, c := range all {
			chanxtest.Receive[chanx.AuthenticationMessage](c)
		}
		check := func(what string, want ...string) {
			t.Helper()
			synctest.Wait()
			for i, c := range all {
				got := []string{}
				for range c.Pending() {
					f := chanxtest.Receive[chanx.Raw](c)
					got = append(got, fmt.Sprintf("%s %v %v", f.Message.Name, f.IsMine, f.IsCurrent))
				}
				if strings.Join(got, ", ") != want[i] {
					t.Errorf("%s: connection %d got %q, want %q", what, i, got, want[i])
				}
			}
		}
		ann.Send(sayMessage{"hi"})
		check("say", "said true true", "said true false", "said false false")
		ann.Send(whisperMessage{sayMessage{"not to myself"}})
		check("whisper", "", "said true false", "said false false")
		if err := servers[1].Emit(t.Context(), ringEvent{}, chanx.To("one", "all")); err != nil {
			t.Error(err)
		}
		check("event", "answer false false", "answer false false", "answer false false")
		bob.Close(1000, "")
		ann2.Close(1000, "")
		synctest.Wait()
		ann.Send(sayMessage{"alone"})
		check("others gone", "said true true", "", "")
		for _, s := range servers {
			if err := s.Shutdown(context.Background()); err != nil {
				t.Error(err)
			}
		}
	})
}

// broken is a layer whose broker can be taken away.
type broken struct {
	mu         sync.Mutex
	down       bool
	subscribed []string
	receiver   layer.Receiver
	published  [][]byte
}

func (b *broken) Open(r layer.Receiver) layer.Link { b.receiver = r; return b }

func (b *broken) call(f func()) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	f()
	if b.down {
		return fmt.Errorf("broken: %w", layer.ErrUnavailable)
	}
	return nil
}

func (b *broken) Publish(_ context.Context, _ string, data []byte) error {
	return b.call(func() { b.published = append(b.published, slices.Clone(data)) })
}

func (b *broken) Subscribe(_ context.Context, subject string) error {
	return b.call(func() { b.subscribed = append(b.subscribed, subject) })
}

func (b *broken) Unsubscribe(_ context.Context, subject string) error {
	return b.call(func() { b.subscribed = slices.DeleteFunc(b.subscribed, func(s string) bool { return s == subject }) })
}

func (b *broken) Close(context.Context) error { return nil }

// groups are the subjects of groups that are subscribed to.
func (b *broken) groups() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	all := slices.DeleteFunc(slices.Clone(b.subscribed), func(s string) bool { return !strings.HasPrefix(s, "g/") })
	slices.Sort(all)
	return strings.Join(all, " ")
}

func TestSubscriptionsFollowMembership(t *testing.T) {
	l := &broken{}
	bubble(t, chanx.ServerOptions{Layer: l}, func(t *testing.T, srv *chanx.Server) {
		srv.Handle("/desk/{name}", newDesk(nil))
		ann := chanxtest.Dial(t, srv, "/desk/one", nil)
		bob := chanxtest.Dial(t, srv, "/desk/one", nil)
		synctest.Wait()
		if got := l.groups(); got != "g/all g/one" {
			t.Errorf("subscribed to %q", got)
		}
		bob.Send(joinMessage{[]string{"two"}})
		ann.Close(1000, "")
		synctest.Wait()
		if got := l.groups(); got != "g/all g/one g/two" {
			t.Errorf("subscribed to %q", got)
		}
		bob.Close(1000, "")
		synctest.Wait()
		if got := l.subscribed; len(got) != 0 {
			t.Errorf("without connections subscribed to %q", got)
		}
	})
}

func TestLayerThatIsDown(t *testing.T) {
	l := &broken{down: true}
	log := &journal{}
	bubble(t, chanx.ServerOptions{Layer: l, Logger: slog.New(log)}, func(t *testing.T, srv *chanx.Server) {
		var errs []error
		c := probe(func(s *state, ctx context.Context, m sayMessage) error {
			errs = append(errs, s.Join(ctx, "g"), s.Broadcast(ctx, saidMessage{"1"}), s.Emit(ctx, ringEvent{"2"}), s.Leave(ctx, "g"))
			return nil
		})
		chanx.OnEvent(c, func(s *state, ctx context.Context, e ringEvent) error { return s.Send(ctx, answerMessage{e.How}) })
		srv.Handle("/ws", c)
		client := chanxtest.Dial(t, srv, "/ws", nil)
		client.Send(sayMessage{"go"})
		chanxtest.Receive[saidMessage](client)
		chanxtest.Receive[answerMessage](client)
		for i, err := range errs[:3] {
			if !errors.Is(err, layer.ErrUnavailable) {
				t.Errorf("call %d: %v, want layer.ErrUnavailable", i, err)
			}
		}
		l.receiver.Status(layer.Status{Err: layer.ErrUnavailable})
		l.receiver.Status(layer.Status{Up: true, Gap: true})
		if got := strings.Join(log.take(), "\n"); !strings.Contains(got, "WARN channel layer up=false") || !strings.Contains(got, "up=true gap=true") {
			t.Errorf("the log does not tell of the layer:\n%s", got)
		}
	})
}

func TestLayerDataThatIsNoneIsRefused(t *testing.T) {
	l := &broken{}
	log := &journal{}
	bubble(t, chanx.ServerOptions{Layer: l, Logger: slog.New(log)}, func(t *testing.T, srv *chanx.Server) {
		srv.Handle("/desk/{name}", newDesk(nil))
		client := chanxtest.Dial(t, srv, "/desk/one", nil)
		chanxtest.Receive[chanx.AuthenticationMessage](client)
		synctest.Wait()
		ol := &broken{}
		other := chanx.NewServer(&chanx.ServerOptions{Layer: ol, Logger: quiet})
		if err := other.Broadcast(t.Context(), saidMessage{"hi"}, chanx.To("one")); err != nil {
			t.Fatal(err)
		}
		good := ol.published[0]
		for n := range len(good) - len(`{"text":"hi"}`) {
			l.receiver.Receive("g/one", good[:n])
		}
		future := slices.Clone(good)
		future[0] = 99
		l.receiver.Receive("g/one", future)
		l.receiver.Receive("g/other", good)
		synctest.Wait()
		if got := client.Pending(); len(got) != 0 {
			t.Errorf("client got %q of bad layer data", got)
		}
		refused := 0
		for _, line := range log.take() {
			if strings.Contains(line, "ERROR layer data refused") {
				refused++
			}
		}
		if want := len(good) - len(`{"text":"hi"}`) + 2; refused != want {
			t.Errorf("%d refusals in the log, want %d", refused, want)
		}
		l.receiver.Receive("g/one", good)
		if got := chanxtest.Receive[saidMessage](client); got.Message.Text != "hi" || got.IsMine || got.IsCurrent {
			t.Errorf("of another node came %+v", got)
		}
		if err := other.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	})
}
