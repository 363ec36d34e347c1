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

// The consumers that do what they are told: fail, close, take their time, join and leave.

type (
	tapeDo    string
	tapeSleep struct {
		MS  int    `json:"ms"`
		Tag string `json:"tag"`
	}
	tapeTagged string
	tapeNumber int
	tapeJoin   string
	tapeLeave  string
	tapeTypes  struct {
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
	tapeBoom struct{}
)

func (tapeDo) Action() string     { return "do" }
func (tapeSleep) Action() string  { return "sleep" }
func (tapeTagged) Action() string { return "tagged" }
func (tapeNumber) Action() string { return "number" }
func (tapeJoin) Action() string   { return "join" }
func (tapeLeave) Action() string  { return "leave" }
func (tapeTypes) Action() string  { return "undumpable" }
func (tapeBoom) Event() string    { return "boom" }

var errTape = errors.New("secret text")

func tapeWork(c tapeConsumer) {
	chanx.On(c, (*tape).do)
	chanx.On(c, func(t *tape, ctx context.Context, m tapeSleep) error {
		time.Sleep(time.Duration(m.MS) * time.Millisecond) // in a bubble
		return t.Send(ctx, tapeTagged(m.Tag))
	})
	chanx.OnEvent(c, (*tape).notifyWork)
	chanx.OnEvent(c, func(*tape, context.Context, tapeBoom) error { return errTape })
	chanx.Sends[tapeTagged](c)
	chanx.Sends[tapeNotification](c)
	chanx.Sends[tapeTypes](c)
	chanx.Broadcasts[tapeNumber](c)
}

func (t *tape) notifyWork(ctx context.Context, e tapeNotify) error {
	if e.Level == "sleep" {
		time.Sleep(200 * time.Millisecond) // in a bubble
	}
	if err := t.notify(ctx, e); err != nil || e.Level != "raise" {
		return err
	}
	return errTape
}

// tapeDeeds are what do can be told.
var tapeDeeds = map[tapeDo]func(t *tape, ctx context.Context) error{
	"nothing": func(*tape, context.Context) error { return nil },
	"raise":   func(*tape, context.Context) error { return errTape },
	"send-raise": func(t *tape, ctx context.Context) error {
		return errors.Join(t.Send(ctx, tapeTagged("before")), errTape)
	},
	"validation": func(*tape, context.Context) error { return chanx.Validate(tapeTypes{Colour: "green"}) },
	"undumpable": func(t *tape, ctx context.Context) error { return t.Send(ctx, tapeTypes{Pair: []any{func() {}}}) },
	"nan":        func(t *tape, ctx context.Context) error { return t.Send(ctx, tapeTypes{Ratio: math.NaN()}) },
	"error": func(t *tape, ctx context.Context) error {
		return t.Send(ctx, chanx.ErrorMessage{Payload: map[string]string{"detail": "mine"}})
	},
	"error-none": func(t *tape, ctx context.Context) error { return t.Send(ctx, chanx.ErrorMessage{}) },
	"close":      func(t *tape, _ context.Context) error { return t.Close(1000, "") },
	"close-code": func(t *tape, _ context.Context) error { return t.Close(4321, "") },
	"send-close": func(t *tape, ctx context.Context) error {
		return errors.Join(t.Send(ctx, tapeTagged("bye")), t.Close(4000, "done"))
	},
	"close-send": func(t *tape, ctx context.Context) error {
		return errors.Join(t.Close(4002, ""), t.Send(ctx, tapeTagged("late")))
	},
	"two": func(t *tape, ctx context.Context) error {
		return errors.Join(t.Send(ctx, tapeTagged("one")), t.Send(ctx, tapeTagged("two")))
	},
	"group":         func(t *tape, ctx context.Context) error { return t.Broadcast(ctx, tapeNumber(7)) },
	"foreign-group": func(t *tape, ctx context.Context) error { return t.Broadcast(ctx, tapeChatGroup{}) },
	"bad-name": func(t *tape, ctx context.Context) error {
		return t.Broadcast(ctx, tapeNumber(7), chanx.To("bad name!"))
	},
	"complete": func(t *tape, ctx context.Context) error { return t.Send(ctx, chanx.CompleteMessage{}) },
	"unicode": func(t *tape, ctx context.Context) error {
		return t.Send(ctx, tapeTagged("héllo 日本 😀 \u2028 </script> \u007f \x00"))
	},
	"types": func(t *tape, ctx context.Context) error {
		return t.Send(ctx, tapeTypes{
			When: time.Unix(0, 0).UTC(), Amount: "1.50", Ident: "12345678-1234-5678-1234-567812345678", Colour: "red", Raw: []byte("abc"),
			IDs: []int{3}, Pair: []any{1, "a"}, Table: map[int]string{1: "one"}, Took: 90 * time.Second, Ratio: 1,
			Link: "http://example.com/", At: "01:02:03",
		})
	},
}

func (t *tape) do(ctx context.Context, m tapeDo) error {
	deed := tapeDeeds[m]
	if deed == nil {
		return fmt.Errorf("nobody knows how to do %q", m)
	}
	return deed(t, ctx)
}

// tapeNoEvent broadcasts what it does not declare.
func tapeNoEvent(c tapeConsumer) {
	chanx.On(c, func(t *tape, ctx context.Context, _ chanx.Ping) error {
		return t.Broadcast(ctx, tapeChatGroup{tapeText{Content: "x"}}, chanx.ExceptSelf())
	})
}

func tapeOrder(c tapeConsumer) {
	chanx.On(c, (*tape).count)
	chanx.On(c, func(t *tape, ctx context.Context, m tapeJoin) error { return t.Join(ctx, string(m)) })
	chanx.On(c, func(t *tape, ctx context.Context, m tapeLeave) error {
		if !slices.Contains(t.Groups(), string(m)) {
			return errTape // the original's consumer removes the name from a list
		}
		return t.Leave(ctx, string(m))
	})
	chanx.Sends[tapeTagged](c)
	chanx.Broadcasts[tapeNumber](c)
}

// count broadcasts a number, or sends or broadcasts many.
func (t *tape) count(ctx context.Context, m tapeDo) error {
	how, text, _ := strings.Cut(string(m), ":")
	n, err := strconv.Atoi(text)
	if err != nil {
		return err
	}
	if how == "n" {
		return t.Broadcast(ctx, tapeNumber(n))
	}
	for i := range n {
		if how == "burst-direct" {
			err = t.Send(ctx, tapeTagged(strconv.Itoa(i)))
		} else {
			err = t.Broadcast(ctx, tapeNumber(i))
		}
		if err != nil {
			return err
		}
	}
	return nil
}
