package chanx_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/chanxtest"
)

// severity is written as text and cannot be read, loudness is read as text and cannot be written.
type (
	severity    int
	loudness    int
	alarm       struct{ Levels map[severity]severity }
	measurement struct{ Of []loudness }
	pricedOrder struct {
		price
		Qty int
	}
	price      struct{ Cents int }
	timedOrder struct {
		*time.Time
		Who string
	}
	viaNilPointer struct{ *sayMessage }
)

func (s severity) MarshalText() ([]byte, error)     { return []byte(strings.Repeat("!", int(s))), nil }
func (l *loudness) UnmarshalText(text []byte) error { *l = loudness(len(text)); return nil }
func (p price) MarshalJSON() ([]byte, error)        { return []byte("1"), nil }

func (alarm) Action() string       { return "alarm" }
func (alarm) Event() string        { return "alarm" }
func (measurement) Action() string { return "measurement" }
func (measurement) Event() string  { return "measurement" }
func (pricedOrder) Action() string { return "priced" }
func (timedOrder) Action() string  { return "timed" }

var formMistakes = []mistake{
	{"unreadable message", func() { on[alarm](newState()) }, []string{"severity at chanx_test.alarm.Levels[", "declare UnmarshalText on chanx_test.severity"}},
	{"unreadable event", func() {
		chanx.OnEvent(newState(), func(*state, context.Context, alarm) error { return nil })
	}, []string{"declare UnmarshalText"}},
	{"unreadable latest", func() {
		c := newState()
		chanx.Broadcasts[alarm](c)
		chanx.Latest(c, func(alarm) string { return "" })
	}, []string{"declare UnmarshalText"}},
	{"unwritable message", func() { chanx.Sends[measurement](newState()) }, []string{"loudness at chanx_test.measurement.Of[]", "declare MarshalText on chanx_test.loudness"}},
	{"unwritable event", func() {
		chanx.OnEvent(newState(), func(*state, context.Context, measurement) error { return nil })
	}, []string{"declare MarshalText"}},
	{"form of an embedded type", func() { on[pricedOrder](newState()) }, []string{"pricedOrder.price", "Qty would be neither read nor written"}},
	{"form of an embedded pointer", func() { chanx.Sends[timedOrder](newState()) }, []string{"timedOrder.Time", "could run on nil"}},
	{"action of an embedded nil pointer", func() { chanx.Sends[viaNilPointer](newState()) }, []string{"viaNilPointer", "embedded type", "Action() string"}},
}

func TestLossyEncodingsPanicWhenRegistered(t *testing.T) {
	for _, tt := range formMistakes {
		t.Run(tt.name, func(t *testing.T) {
			said := panicOf(tt.do)
			for _, part := range tt.says {
				if !strings.Contains(said, part) {
					t.Errorf("panic %q, want it to say %q", said, part)
				}
			}
		})
	}
}

func TestATypeWithMarshalTextAloneIsSentAsText(t *testing.T) {
	bubble(t, chanx.ServerOptions{}, func(t *testing.T, srv *chanx.Server) {
		c := newState()
		chanx.OnRequest(c, func(*state, context.Context, sayMessage) (alarm, error) {
			return alarm{map[severity]severity{1: 2}}, nil
		})
		on[measurement](c)
		srv.Handle("/ws", c)
		talk(t, chanxtest.Dial(t, srv, "/ws", nil), `> {"action":"say","payload":{"text":"hi"}}
< {"action":"alarm","payload":{"Levels":{"!":"!!"}}}
`)
		if err := srv.Broadcast(t.Context(), measurement{[]loudness{1}}, chanx.To("g")); err == nil || !strings.Contains(err.Error(), "no MarshalText") {
			t.Errorf("got %v", err)
		}
	})
}

func TestValidateReturnsAnErrorForAnEmbeddedNilPointer(t *testing.T) {
	for _, v := range []any{timedOrder{}, struct{ *time.Time }{}, &timedOrder{Who: "x"}} {
		if err := chanx.Validate(v); err == nil || !strings.Contains(err.Error(), "could run on nil") {
			t.Errorf("%T: got %v", v, err)
		}
	}
	type whole struct{ *sayMessage }
	if err := chanx.Validate(whole{}); err == nil {
		t.Error("what is missing behind the nil pointer is not told")
	}
}
