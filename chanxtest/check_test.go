package chanxtest_test

import (
	"context"
	"net/http"
	"testing"
	"testing/synctest"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/chanxtest"
)

func TestAFrameThatIsNotAsDeclaredFailsTheTest(t *testing.T) {
	for _, camel := range []bool{false, true} {
		bubble(t, chanx.ServerOptions{Camelize: camel}, func(t *testing.T, s *chanx.Server) {
			field, mine := "text_said", "is_mine"
			if camel {
				field, mine = "textSaid", "isMine"
			}
			says := []string{
				`chanxtest: ann received a frame that does not match the consumer's declaration: action "said"`, field, "at least 1 character",
				`got {"action":"said","payload":{"` + field + `":""},"` + mine + `":true`,
			}
			// The check does not depend on receiving the frame.
			expectFailure(t, func(f *failing) { chanxtest.Dial(f, s, "/ws", as("ann")).Send(sayText{"empty"}) }, says...)
			expectFailure(t, func(f *failing) {
				c := chanxtest.Dial(f, s, "/ws", as("ann"))
				c.Send(sayText{"empty"})
				synctest.Wait()
				if !f.Failed() {
					t.Error("it did not fail at once")
				}
				chanxtest.Receive[chanx.Raw](c)
			}, says...)
			expectFailure(t, func(f *failing) {
				o := as("ann")
				o.AllowInvalid = true
				c := chanxtest.Dial(f, s, "/ws", o)
				c.Send(sayText{"empty"})
				chanxtest.Receive[chanx.Raw](c)
			})
		})
	}
}

// A message sent with Raw is checked if the consumer declares its action.
func TestRawMayBeAnythingThatIsNotDeclared(t *testing.T) {
	bubble(t, completions, func(t *testing.T, s *chanx.Server) {
		c := chanxtest.Dial(t, s, "/ws", nil)
		c.Send(sayText{"raw"})
		c.Send(sayText{"rawer"})
		expectNames(t, c.All(), "foreign", "foreign")
		expectFailure(t, func(f *failing) { chanxtest.Dial(f, s, "/ws", nil).Send(sayText{"lie"}) },
			`action "said": it is declared with Broadcasts, but has no is_mine and is_current`)
	})
}

// The library's own messages are checked like all others, and pass.
func TestTheLibrarysMessagesPass(t *testing.T) {
	bubble(t, completions, func(t *testing.T, s *chanx.Server) {
		c := chanxtest.Dial(t, s, "/ws", nil)
		synctest.Wait()
		for _, m := range []chanx.Message{
			chanx.Pong{},
			chanx.ErrorMessage{Payload: map[string]int{"a": 1}},
			chanx.ErrorMessage{Payload: chanx.ValidationError{{Type: "x"}}},
			chanx.AuthenticationMessage{StatusCode: 200},
			chanx.Ping{},
		} {
			if err := s.Broadcast(context.Background(), m, chanx.To("g")); err != nil {
				t.Fatal(err)
			}
			if got := c.AllGroup(); len(got) != 1 || !got[0].Grouped {
				t.Errorf("%T: got %+v", m, got)
			}
		}
		c.Close(1000, "")
		expectFailure(t, func(f *failing) {
			c := chanxtest.Dial(f, s, "/ws", nil)
			synctest.Wait()
			if err := s.Broadcast(context.Background(), chanx.ErrorMessage{Payload: "text"}, chanx.To("g")); err != nil {
				t.Fatal(err)
			}
			chanxtest.Receive[chanx.Raw](c)
		}, "the payload of an error is a list of items or an object")
	})
}

type (
	price  int
	letter struct {
		Text string `json:"text"`
	}
)

func (price) Action() string                 { return "price" }
func (p price) MarshalJSON() ([]byte, error) { return []byte(`"free"`), nil }
func (letter) Action() string                { return "letter" }

// Validate checks what the schema does not express.
func (l letter) Validate() error {
	if l.Text == "spam" {
		return chanx.NewError("spam", "it is spam")
	}
	return nil
}

func TestMethodsOfATypeArePartOfItsCheck(t *testing.T) {
	c := chanx.NewConsumer(func(c *chanx.Conn, _ *http.Request) (*room, error) { return &room{c}, nil }, nil)
	chanx.OnRequest(c, func(*room, context.Context, knock) (price, error) { return 0, nil })
	chanx.OnRequest(c, func(_ *room, _ context.Context, m sayText) (letter, error) { return letter(m), nil })
	synctest.Test(t, func(t *testing.T) {
		s := chanx.NewServer(nil)
		s.Handle("/ws", c)
		a := chanxtest.Dial(t, s, "/ws", nil)
		chanxtest.Request[chanx.Raw](a, knock{}) // its reply, price, has MarshalJSON only
		chanxtest.Request[letter](a, sayText{"dear"})
		expectFailure(t, func(f *failing) { chanxtest.Dial(f, s, "/ws", nil).Send(sayText{"spam"}) }, `action "letter"`, "it is spam")
		if err := s.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	})
}
