package chanxtest_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/chanxtest"
	"github.com/chanx-go/chanx/layer"
)

// The messages of a reception desk.
type (
	Greet    struct{ Name string }
	Greeting struct{ Text string }
	Spell    struct{ Word string }
	Letter   struct{ Letter string }
	Shout    struct {
		Text string `minLength:"1"`
	}
	Heard struct{ Text string }
	Ring  struct{ Times int }
)

func (Greet) Action() string    { return "greet" }
func (Greeting) Action() string { return "greeting" }
func (Spell) Action() string    { return "spell" }
func (Letter) Action() string   { return "letter" }
func (Shout) Action() string    { return "shout" }
func (Heard) Action() string    { return "heard" }
func (Ring) Event() string      { return "ring" }

// Desk is the state of one connection.
type Desk struct{ *chanx.Conn }

func NewDesk() *chanx.Consumer[Desk] {
	desk := chanx.NewConsumer(openDesk, &chanx.ConsumerOptions{Authenticator: bySession, Groups: []string{"hall"}})
	chanx.OnRequest(desk, (*Desk).greet)
	chanx.OnStream(desk, (*Desk).spell)
	chanx.On(desk, (*Desk).shout)
	chanx.OnEvent(desk, (*Desk).ring)
	chanx.Broadcasts[Heard](desk)
	return desk
}

// bySession accepts one session, Ann's.
var bySession = chanx.AuthenticatorFunc(func(r *http.Request) (chanx.Identity, error) {
	c, err := r.Cookie("session")
	if err != nil || c.Value != "8c4f" {
		return chanx.Identity{}, chanx.Refuse(http.StatusUnauthorized, "log in first")
	}
	return chanx.Identity{UserID: "ann"}, nil
})

func openDesk(c *chanx.Conn, r *http.Request) (*Desk, error) {
	if owner := r.PathValue("owner"); owner != c.Identity().UserID && c.Identity().Claims != "admin" {
		return nil, chanx.Refuse(http.StatusForbidden, "this is the desk of "+owner)
	}
	return &Desk{c}, nil
}

func (d *Desk) greet(_ context.Context, m Greet) (Greeting, error) {
	if m.Name == "" {
		return Greeting{}, chanx.NewError("nobody", "say a name")
	}
	return Greeting{"Hello, " + m.Name}, nil
}

func (d *Desk) spell(_ context.Context, m Spell) iter.Seq2[Letter, error] {
	return func(yield func(Letter, error) bool) {
		for _, r := range m.Word {
			if !yield(Letter{string(r)}, nil) {
				return
			}
		}
	}
}

func (d *Desk) shout(ctx context.Context, m Shout) error { return d.Broadcast(ctx, Heard(m)) }

func (d *Desk) ring(ctx context.Context, e Ring) error {
	return d.Send(ctx, Heard{strings.Repeat("ding ", e.Times)})
}

// serve returns a server with a desk at /desks/{owner}.
func serve(o *chanx.ServerOptions) *chanx.Server {
	srv := chanx.NewServer(o)
	srv.Handle("/desks/{owner}", NewDesk())
	return srv
}

var ann = &chanxtest.DialOptions{Identity: &chanx.Identity{UserID: "ann"}}

func Example() {
	srv := serve(&chanx.ServerOptions{Completions: true})
	// In a test, this is func TestGreeting(t *testing.T).
	run(func(t testing.TB) {
		client := chanxtest.Dial(t, srv, "/desks/ann", ann)
		client.ExpectAuthenticated()
		client.Send(Greet{"Ann"})
		fmt.Println(chanxtest.Receive[Greeting](client).Message.Text)
		client.Send(Greet{})
		fmt.Println(client.ExpectError("nobody"))
		client.Send(Shout{})
		client.ExpectInvalid("string_too_short payload.Text")
		client.ExpectNothing()
	})
	// Output:
	// Hello, Ann
	// say a name
}

// Several users: Identity says who they are, so a test of their permissions needs no token.
func ExampleDialOptions() {
	srv := serve(nil)
	run(func(t testing.TB) {
		boss := &chanx.Identity{UserID: "zoe", Claims: "admin"}
		zoe := chanxtest.Dial(t, srv, "/desks/ann", &chanxtest.DialOptions{Name: "zoe", Identity: boss})
		zoe.ExpectAuthenticated()

		bob := chanxtest.Dial(t, srv, "/desks/ann", &chanxtest.DialOptions{Identity: &chanx.Identity{UserID: "bob"}})
		fmt.Println(bob.ExpectRefused(http.StatusForbidden))
	})
	// Output: this is the desk of ann
}

// To test the Authenticator itself, send the cookies that a browser would.
func ExampleCookies() {
	srv := serve(nil)
	login := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "session", Value: "8c4f"})
	})
	run(func(t testing.TB) {
		w := httptest.NewRecorder()
		login.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/login", nil))
		cookies := chanxtest.Cookies(w.Result().Cookies()...)
		chanxtest.Dial(t, srv, "/desks/ann", &chanxtest.DialOptions{Header: cookies}).ExpectAuthenticated()

		fmt.Println(chanxtest.Dial(t, srv, "/desks/ann", nil).ExpectRefused(http.StatusUnauthorized))
	})
	// Output: log in first
}

func ExampleConn_ExpectRefused() {
	srv := serve(nil)
	run(func(t testing.TB) {
		thief := chanxtest.Dial(t, srv, "/desks/ann", &chanxtest.DialOptions{Header: chanxtest.Bearer("stolen")})
		detail := thief.ExpectRefused(http.StatusUnauthorized) // the message, then close code 4401
		fmt.Println(detail, thief.Ended().Code)
	})
	// Output: log in first 4401
}

func ExampleRequest() {
	srv := serve(nil)
	run(func(t testing.TB) {
		client := chanxtest.Dial(t, srv, "/desks/ann", ann)
		fmt.Println(chanxtest.Request[Greeting](client, Greet{"Bob"}).Message.Text)
	})
	// Output: Hello, Bob
}

func ExampleStream() {
	srv := serve(nil)
	run(func(t testing.TB) {
		client := chanxtest.Dial(t, srv, "/desks/ann", ann)
		fmt.Println(slices.Collect(chanxtest.Stream[Letter](client, Spell{"abc"})))
		for l := range chanxtest.Stream[Letter](client, Spell{"abcdefghijklmnopqrstuvwxyz"}) {
			fmt.Println(l.Letter)
			break // cancels it
		}
	})
	// Output:
	// [{a} {b} {c}]
	// a
}

// With completions, All does not need to know which frames come.
func ExampleConn_All() {
	srv := serve(&chanx.ServerOptions{Completions: true})
	run(func(t testing.TB) {
		client := chanxtest.Dial(t, srv, "/desks/ann", ann)
		client.ExpectAuthenticated()
		client.Send(Shout{"hey"})
		client.Send(Greet{"Ann"})
		for _, f := range client.All() {
			fmt.Println(f.Message.Name, string(f.Message.Payload), f.Grouped)
		}
	})
	// Output:
	// heard {"Text":"hey"} true
	// greeting {"Text":"Hello, Ann"} false
}

func ExampleConn_AllGroup() {
	srv := serve(&chanx.ServerOptions{Completions: true})
	run(func(t testing.TB) {
		client, other := chanxtest.Dial(t, srv, "/desks/ann", ann), chanxtest.Dial(t, srv, "/desks/ann", ann)
		other.ExpectAuthenticated()
		other.ExpectNothing() // it has joined its groups
		client.Send(Shout{"hey"})
		got := chanxtest.Decode[Heard](other, other.AllGroup()[0])
		fmt.Println(got.Message.Text, got.IsMine, got.IsCurrent)
	})
	// Output: hey true false
}

// A test waits for messages that are caused by other connections, or from outside.
func ExampleReceiveUntil() {
	srv := serve(nil)
	run(func(t testing.TB) {
		client := chanxtest.Dial(t, srv, "/desks/ann", ann)
		client.ExpectAuthenticated()
		client.ExpectNothing() // it has joined its groups
		if err := srv.Emit(context.Background(), Ring{2}, chanx.To("hall")); err != nil {
			t.Fatal(err)
		}
		fmt.Println(chanxtest.ReceiveUntil[Heard](client).Message.Text)
	})
	// Output: ding ding
}

// An HTTP handler that emits events is tested without any connection.
func ExampleRecorder() {
	run(func(t testing.TB) {
		rec := chanxtest.NewRecorder(t, nil)
		srv := serve(&chanx.ServerOptions{Layer: rec})
		bell := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if err := srv.Emit(r.Context(), Ring{Times: 3}, chanx.To("hall")); err != nil {
				http.Error(w, err.Error(), http.StatusInternalServerError)
			}
		})
		bell.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "/bell", nil))
		for _, e := range chanxtest.Events[Ring](rec) {
			fmt.Println(e.Value.Times, e.Groups)
		}
	})
	// Output: 3 [hall]
}

// A client that does not read is disconnected when its send queue is full.
func ExampleConn_Resume() {
	srv := serve(&chanx.ServerOptions{Limits: chanx.Limits{SendQueueBytes: 2000}, Logger: slog.New(slog.DiscardHandler)})
	run(func(t testing.TB) {
		slow := chanxtest.Dial(t, srv, "/desks/ann", &chanxtest.DialOptions{Identity: ann.Identity, Paused: true})
		for srv.Stats().Drops["bytes_overflow"] == 0 {
			if err := srv.Broadcast(context.Background(), Heard{strings.Repeat("x", 500)}, chanx.All()); err != nil {
				t.Fatal(err)
			}
		}
		slow.Resume()
		slow.Close(1000, "") // reads to the end, which the server has already begun
		fmt.Println(slow.Ended())
	})
	// Output: chanx: connection closed: 1013 too slow
}

// Without the broker, members on the same server get the message, and the sender gets an error because others do not.
func ExampleNewLayer() {
	broker := chanxtest.NewLayer(nil)
	srv := serve(&chanx.ServerOptions{Layer: broker, Logger: slog.New(slog.DiscardHandler)})
	run(func(t testing.TB) {
		client := chanxtest.Dial(t, srv, "/desks/ann", ann)
		client.ExpectAuthenticated()
		client.ExpectNothing() // it has joined its groups
		broker.Down()
		err := srv.Broadcast(context.Background(), Heard{"hello"}, chanx.To("hall"))
		fmt.Println(errors.Is(err, layer.ErrUnavailable), chanxtest.Receive[Heard](client).Message.Text)
		broker.Up()
		fmt.Println(srv.Broadcast(context.Background(), Heard{"again"}, chanx.To("hall")), chanxtest.Receive[Heard](client).Message.Text)
	})
	// Output:
	// true hello
	// <nil> again
}

// run replaces go test.
func run(test func(t testing.TB)) {
	if said := failure(func(f *failing) { test(f) }); said != "" {
		fmt.Print(said)
	}
}
