package parity_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/chanx-go/chanx"
)

// The consumers whose handlers fail, close, sleep, join or leave when a client asks for it.

type (
	doMessage    string
	sleepMessage struct {
		MS  int    `json:"ms"`
		Tag string `json:"tag"`
	}
	taggedMessage string
	numberMessage int
	joinMessage   string
	leaveMessage  string
	typesMessage  struct {
		When   time.Time      `json:"when"`
		Day    *string        `json:"day"`
		Amount string         `json:"amount"`
		Ident  string         `json:"ident" format:"uuid"`
		Colour string         `json:"colour" enum:"red,blue"`
		Raw    []byte         `json:"raw"`
		IDs    []int          `json:"ids"`
		Pair   []any          `json:"pair"`
		Table  map[int]string `json:"table"`
		Took   time.Duration  `json:"took"`
		Ratio  float64        `json:"ratio"`
		Link   string         `json:"link" format:"uri"`
		At     string         `json:"at" pattern:"^[0-9:]+$"` // without an offset, which format:"time" wants
	}
	boomEvent struct{}
)

func (doMessage) Action() string     { return "do" }
func (sleepMessage) Action() string  { return "sleep" }
func (taggedMessage) Action() string { return "tagged" }
func (numberMessage) Action() string { return "number" }
func (joinMessage) Action() string   { return "join" }
func (leaveMessage) Action() string  { return "leave" }
func (typesMessage) Action() string  { return "undumpable" }
func (boomEvent) Event() string      { return "boom" }

var errInternal = errors.New("secret text")

func registerWork(c consumer) {
	chanx.On(c, (*state).do)
	chanx.On(c, func(s *state, ctx context.Context, m sleepMessage) error {
		time.Sleep(time.Duration(m.MS) * time.Millisecond) // in a bubble
		return s.Send(ctx, taggedMessage(m.Tag))
	})
	chanx.OnEvent(c, (*state).notifyWork)
	chanx.OnEvent(c, func(*state, context.Context, boomEvent) error { return errInternal })
	chanx.Sends[taggedMessage](c)
	chanx.Sends[notificationMessage](c)
	chanx.Sends[typesMessage](c)
	chanx.Broadcasts[numberMessage](c)
}

func (s *state) notifyWork(ctx context.Context, e notifyEvent) error {
	if e.Level == "sleep" {
		time.Sleep(200 * time.Millisecond) // in a bubble
	}
	if err := s.notify(ctx, e); err != nil || e.Level != "raise" {
		return err
	}
	return errInternal
}

// workActions has what the message do can ask for, by its payload.
var workActions = map[doMessage]func(s *state, ctx context.Context) error{
	"nothing": func(*state, context.Context) error { return nil },
	"raise":   func(*state, context.Context) error { return errInternal },
	"send-raise": func(s *state, ctx context.Context) error {
		return errors.Join(s.Send(ctx, taggedMessage("before")), errInternal)
	},
	"validation": func(*state, context.Context) error {
		return chanx.ValidationError{{Type: "int_parsing", Loc: []any{0}, Msg: "Input should be a valid integer, unable to parse string as an integer"}}
	},
	"undumpable": func(s *state, ctx context.Context) error { return s.Send(ctx, typesMessage{Pair: []any{func() {}}}) },
	"nan":        func(s *state, ctx context.Context) error { return s.Send(ctx, typesMessage{Ratio: math.NaN()}) },
	"error": func(s *state, ctx context.Context) error {
		return s.Send(ctx, chanx.ErrorMessage{Payload: map[string]string{"detail": "mine"}})
	},
	"error-none": func(s *state, ctx context.Context) error { return s.Send(ctx, chanx.ErrorMessage{}) },
	"close":      func(s *state, _ context.Context) error { return s.Close(1000, "") },
	"close-code": func(s *state, _ context.Context) error { return s.Close(4321, "") },
	"send-close": func(s *state, ctx context.Context) error {
		return errors.Join(s.Send(ctx, taggedMessage("bye")), s.Close(4000, "done"))
	},
	"close-send": func(s *state, ctx context.Context) error {
		return errors.Join(s.Close(4002, ""), s.Send(ctx, taggedMessage("late")))
	},
	"two": func(s *state, ctx context.Context) error {
		return errors.Join(s.Send(ctx, taggedMessage("one")), s.Send(ctx, taggedMessage("two")))
	},
	"group":         func(s *state, ctx context.Context) error { return s.Broadcast(ctx, numberMessage(7)) },
	"foreign-group": func(s *state, ctx context.Context) error { return s.Broadcast(ctx, chatGroupMessage{}) },
	"bad-name": func(s *state, ctx context.Context) error {
		return s.Broadcast(ctx, numberMessage(7), chanx.To("bad name!"))
	},
	"complete": func(s *state, ctx context.Context) error { return s.Send(ctx, chanx.CompleteMessage{}) },
	"unicode": func(s *state, ctx context.Context) error {
		return s.Send(ctx, taggedMessage("héllo 日本 😀 \u2028 </script> \u007f \x00"))
	},
	"types": func(s *state, ctx context.Context) error {
		return s.Send(ctx, typesMessage{
			When: time.Unix(0, 0).UTC(), Amount: "1.50", Ident: "12345678-1234-5678-1234-567812345678", Colour: "red", Raw: []byte("abc"),
			IDs: []int{3}, Pair: []any{1, "a"}, Table: map[int]string{1: "one"}, Took: 90 * time.Second, Ratio: 1,
			Link: "http://example.com/", At: "01:02:03",
		})
	},
}

func (s *state) do(ctx context.Context, m doMessage) error {
	action := workActions[m]
	if action == nil {
		return fmt.Errorf("unknown action %q", m)
	}
	return action(s, ctx)
}

// registerUndeclared registers a handler that broadcasts a message which its consumer does not declare.
func registerUndeclared(c consumer) {
	chanx.On(c, func(s *state, ctx context.Context, _ chanx.Ping) error {
		return s.Broadcast(ctx, chatGroupMessage{chatPayload{Content: "x"}}, chanx.ExceptSelf())
	})
}

func registerOrder(c consumer) {
	chanx.On(c, (*state).count)
	chanx.On(c, func(s *state, ctx context.Context, m joinMessage) error { return s.Join(ctx, string(m)) })
	chanx.On(c, func(s *state, ctx context.Context, m leaveMessage) error {
		if !slices.Contains(s.Groups(), string(m)) {
			return errInternal // the original fails here, because it removes the name from a list
		}
		return s.Leave(ctx, string(m))
	})
	chanx.Sends[taggedMessage](c)
	chanx.Broadcasts[numberMessage](c)
}

// count broadcasts one number, or sends or broadcasts a burst of them.
func (s *state) count(ctx context.Context, m doMessage) error {
	how, text, _ := strings.Cut(string(m), ":")
	n, err := strconv.Atoi(text)
	if err != nil {
		return err
	}
	if how == "n" {
		return s.Broadcast(ctx, numberMessage(n))
	}
	for i := range n {
		if how == "burst-direct" {
			err = s.Send(ctx, taggedMessage(strconv.Itoa(i)))
		} else {
			err = s.Broadcast(ctx, numberMessage(i))
		}
		if err != nil {
			return err
		}
	}
	return nil
}
