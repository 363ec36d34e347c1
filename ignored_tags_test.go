package chanx_test

import (
	"context"
	"log/slog"
	"strings"
	"testing"

	"github.com/chanx-go/chanx"
)

// foreignRules and its parts have rules for other validation libraries.
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
		log := &journal{}
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
