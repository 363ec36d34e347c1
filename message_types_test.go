package chanx_test

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/chanxtest"
)

// severity has MarshalText but no UnmarshalText, loudness has UnmarshalText but no MarshalText.
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
		chanx.Broadcasts[alarm](newState(), chanx.Latest(func(alarm) string { return "" }))
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
		t.Error("the error does not name what is missing behind the nil pointer")
	}
}

// foreignRules and its parts have struct tags of other validation libraries.
type (
	foreignPart struct {
		Mail string `json:"mail" binding:"email"`
	}
	foreignRules struct {
		Name  string        `json:"name" validate:"required,min=1"`
		Age   int           `json:"age" validate:"gte=18"`
		Parts []foreignPart `json:"parts"`
	}
	foreignSent  struct{ Part foreignPart }
	foreignEvent struct {
		Of string `json:"of" valid:"required"`
	}
	misspelt struct {
		Name string `json:"name" minLenght:"1"`
	}
)

func (foreignRules) Action() string { return "foreign" }
func (foreignSent) Action() string  { return "foreign_sent" }
func (foreignEvent) Event() string  { return "foreign" }
func (misspelt) Action() string     { return "misspelt" }
func (misspelt) Event() string      { return "misspelt" }

func TestRulesForAnotherLibraryAreLoggedOnceForEachTypeAndServer(t *testing.T) {
	c := newState()
	on[foreignRules](c)
	chanx.Sends[foreignSent](c)
	chanx.OnEvent(c, func(*state, context.Context, foreignEvent) error { return nil })
	other := newState()
	on[foreignRules](other)
	on[sayMessage](other)
	for range 2 {
		log := &logRecorder{}
		srv := chanx.NewServer(&chanx.ServerOptions{Logger: slog.New(log)})
		srv.Handle("/a", c)
		_ = srv.Handler("/b", other)
		got := strings.Join(log.take(), "\n")
		if n := strings.Count(got, "another validation library"); n != 3 {
			t.Errorf("%d lines, want one for each of three types:\n%s", n, got)
		}
		for _, want := range []string{
			"chanx_test.foreignRules", `Name validate:"required,min=1"`, `Age validate:"gte=18"`, "chanx_test.foreignPart", `Mail binding:"email"`,
			"chanx_test.foreignEvent", `Of valid:"required"`,
		} {
			if strings.Count(got, want) != 1 {
				t.Errorf("want %s once in\n%s", want, got)
			}
		}
	}
}

func TestAMisspeltTagPanicsWhereverItsTypeIsRegistered(t *testing.T) {
	handler := func(*state, context.Context, misspelt) error { return nil }
	for name, register := range map[string]func(*chanx.Consumer[state]){
		"On":         func(c *chanx.Consumer[state]) { chanx.On(c, handler) },
		"Sends":      func(c *chanx.Consumer[state]) { chanx.Sends[misspelt](c) },
		"Broadcasts": func(c *chanx.Consumer[state]) { chanx.Broadcasts[misspelt](c) },
		"OnEvent":    func(c *chanx.Consumer[state]) { chanx.OnEvent(c, handler) },
		"OnUnion": func(c *chanx.Consumer[state]) {
			chanx.OnUnion(c, func(*state, context.Context, chanx.Message) error { return nil }, chanx.Case[misspelt]())
		},
		"OnRequest": func(c *chanx.Consumer[state]) {
			chanx.OnRequest(c, func(*state, context.Context, sayMessage) (misspelt, error) { return misspelt{}, nil })
		},
	} {
		said := panicOf(func() { register(newState()) })
		for _, want := range []string{"misspelt.Name", `minLenght:"1"`, "did you mean minLength?"} {
			if !strings.Contains(said, want) {
				t.Errorf("%s: panic %q, want it to say %s", name, said, want)
			}
		}
	}
}
