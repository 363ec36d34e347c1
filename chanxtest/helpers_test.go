package chanxtest_test

import (
	"context"
	"fmt"
	"iter"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"go.uber.org/goleak"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/chanxtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type (
	room    struct{ *chanx.Conn }
	sayText struct {
		Text string `json:"text_said" minLength:"1"`
	}
	said  struct{ sayText }
	knock struct{}
	face  interface{ Face() }
	smile struct {
		Teeth int `json:"teeth"`
	}
	portrait struct {
		Face face `json:"face"`
	}
	count struct {
		To   int  `json:"to"`
		Fail bool `json:"fail" default:"false"`
	}
	number struct {
		N int `json:"n" minimum:"1"`
	}
	whoAmI struct{}
	youAre struct {
		User   string `json:"user"`
		Claims any    `json:"claims"`
	}
	bell struct {
		Rings int  `json:"rings"`
		Face  face `json:"face"`
	}
	rung struct {
		Rings int `json:"rings"`
	}
)

func (sayText) Action() string  { return "say" }
func (said) Action() string     { return "said" }
func (knock) Action() string    { return "knock" }
func (portrait) Action() string { return "portrait" }
func (count) Action() string    { return "count" }
func (number) Action() string   { return "number" }
func (whoAmI) Action() string   { return "who" }
func (youAre) Action() string   { return "you" }
func (bell) Event() string      { return "bell" }
func (rung) Action() string     { return "rung" }
func (smile) Face()             {}

var unions = []chanx.UnionType{chanx.Union[face]("kind", chanx.VariantOf[smile]("smile"))}

// byToken takes the user's id from a bearer token or a cookie. It refuses the user "thief", and fails for "broken".
var byToken = chanx.AuthenticatorFunc(func(r *http.Request) (chanx.Identity, error) {
	user, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if c, err := r.Cookie("user"); err == nil {
		user = c.Value
	}
	switch user {
	case "thief":
		return chanx.Identity{}, chanx.Refuse(http.StatusUnauthorized, "log in first")
	case "broken":
		return chanx.Identity{}, fmt.Errorf("the user table is gone")
	}
	return chanx.Identity{UserID: user}, nil
})

func open(c *chanx.Conn, r *http.Request) (*room, error) {
	if c.Identity().UserID == "nobody" {
		return nil, chanx.Refuse(http.StatusForbidden, "members only")
	}
	return &room{c}, nil
}

func newRoom() *chanx.Consumer[room] {
	c := chanx.NewConsumer(open, &chanx.ConsumerOptions{
		Authenticator: byToken, AuthenticationMessage: chanx.Disabled, Groups: []string{"g"}, Unions: unions,
	})
	chanx.On(c, (*room).say)
	chanx.OnRequest(c, func(r *room, ctx context.Context, m portrait) (portrait, error) { return m, nil })
	chanx.On(c, func(r *room, ctx context.Context, _ knock) error { return r.Send(ctx, knock{}) })
	chanx.OnStream(c, (*room).count)
	chanx.OnRequest(c, func(r *room, ctx context.Context, m whoAmI) (youAre, error) {
		return youAre{r.Identity().UserID, r.Identity().Claims}, nil
	})
	chanx.OnEvent(c, func(r *room, ctx context.Context, e bell) error { return r.Send(ctx, rung{e.Rings}) })
	chanx.Broadcasts[said](c)
	chanx.Sends[knock](c)
	chanx.Sends[rung](c)
	return c
}

func (r *room) say(ctx context.Context, m sayText) error {
	switch m.Text {
	case "full":
		return chanx.NewError("full", "no seat")
	case "close":
		return &chanx.CloseError{Code: 4000, Reason: "enough"}
	case "other":
		return r.Broadcast(ctx, said{m}, chanx.ExceptSelf())
	case "empty":
		return r.Broadcast(ctx, said{})
	case "raw":
		return r.Send(ctx, chanx.Raw{Name: "foreign", Payload: []byte(`[1]`)})
	case "rawer":
		return r.Broadcast(ctx, chanx.Raw{Name: "foreign", Payload: []byte(`{"what":"ever"}`)})
	case "lie":
		return r.Send(ctx, chanx.Raw{Name: "said", Payload: []byte(`{"text_said":"hi"}`)})
	}
	return r.Broadcast(ctx, said{m})
}

func (r *room) count(ctx context.Context, m count) iter.Seq2[number, error] {
	return func(yield func(number, error) bool) {
		for n := range m.To {
			if !yield(number{n + 1}, nil) {
				return
			}
		}
		switch {
		case m.Fail:
			yield(number{}, chanx.NewError("tired", "no more"))
		case m.To == 0: // continues until it is cancelled
			for yield(number{1}, nil) {
				<-ctx.Done()
			}
		}
	}
}

func newServer(o chanx.ServerOptions) *chanx.Server {
	o.Logger = slog.New(slog.DiscardHandler)
	s := chanx.NewServer(&o)
	s.Handle("/ws", newRoom())
	return s
}

// bubble runs a test with a server in a synctest bubble.
func bubble(t *testing.T, o chanx.ServerOptions, test func(t *testing.T, s *chanx.Server)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := newServer(o)
		test(t, s)
		if err := s.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	})
}

// as returns the options for a connection of a user.
func as(user string) *chanxtest.DialOptions {
	return &chanxtest.DialOptions{Name: user, Identity: &chanx.Identity{UserID: user}}
}

func names(frames []chanxtest.Frame[chanx.Raw]) (names []string) {
	for _, f := range frames {
		names = append(names, f.Message.Name)
	}
	return names
}

func expectNames(t *testing.T, got []chanxtest.Frame[chanx.Raw], want ...string) {
	t.Helper()
	if !slices.Equal(names(got), want) {
		t.Errorf("got %q, want %q", names(got), want)
	}
}

// failing is a testing.TB that only records failures.
type failing struct {
	testing.TB
	mu      sync.Mutex
	text    string
	cleanup []func()
}

func (f *failing) Helper()          {}
func (f *failing) Cleanup(c func()) { f.cleanup = append(f.cleanup, c) }

type failed struct{}

func (f *failing) Errorf(format string, args ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.text += fmt.Sprintf(format, args...) + "\n"
}

func (f *failing) Fatalf(format string, args ...any) {
	f.Errorf(format, args...)
	panic(failed{}) // ends the test function, as a real FailNow does
}

func (f *failing) Failed() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.text != ""
}

// failure runs a test that should fail and returns its failure text.
func failure(test func(t *failing)) string {
	f := &failing{}
	func() {
		defer func() {
			if v := recover(); v != nil && v != (failed{}) {
				panic(v)
			}
		}()
		test(f)
	}()
	for _, c := range slices.Backward(f.cleanup) {
		c()
	}
	return f.text
}

// expectFailure runs a test that should fail with these texts; with none it should pass.
func expectFailure(t *testing.T, test func(t *failing), says ...string) {
	t.Helper()
	said := failure(test)
	for _, part := range says {
		if !strings.Contains(said, part) {
			t.Errorf("the failure is %q, want %q in it", said, part)
		}
	}
	if len(says) == 0 && said != "" {
		t.Errorf("the failure is %q, want success", said)
	}
}
