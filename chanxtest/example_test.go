package chanxtest_test

import (
	"context"
	"fmt"
	"net/http"
	"testing"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/chanxtest"
)

// Greet is answered with a Greeting.
type (
	Greet    struct{ Name string }
	Greeting struct{ Text string }
	Desk     struct{ *chanx.Conn }
)

func (Greet) Action() string    { return "greet" }
func (Greeting) Action() string { return "greeting" }

func Example() {
	desk := chanx.NewConsumer(func(c *chanx.Conn, _ *http.Request) (*Desk, error) { return &Desk{c}, nil }, nil)
	chanx.OnRequest(desk, func(_ *Desk, _ context.Context, m Greet) (Greeting, error) {
		return Greeting{"Hello, " + m.Name}, nil
	})
	srv := chanx.NewServer(nil)
	srv.Handle("/desk", desk)

	// In a test, this is func TestGreeting(t *testing.T).
	test := func(t testing.TB) {
		client := chanxtest.Dial(t, srv, "/desk", nil)
		client.Send(Greet{"Ann"})
		fmt.Println(chanxtest.Receive[Greeting](client).Message.Text)
	}
	t := &failing{}
	defer func() {
		for _, c := range t.cleanup {
			c()
		}
	}()
	test(t)
	// Output: Hello, Ann
}
