package chanx_test

import (
	"context"
	"encoding/json"
	"iter"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/chanxtest"
)

// explosive is a type whose JSON and validation methods panic. Its text names the method.
type explosive struct{ when string }

func (e explosive) blow(when string) {
	if e.when == when {
		panic("secret of " + when)
	}
}

func (e explosive) MarshalJSON() ([]byte, error) {
	e.blow("marshal")
	return json.Marshal(e.when)
}

func (e *explosive) UnmarshalJSON(b []byte) error {
	err := json.Unmarshal(b, &e.when)
	e.blow("unmarshal")
	return err
}

func (e *explosive) Validate() error {
	e.blow("validate")
	return nil
}

// powder is a string type whose text methods panic.
type powder string

func (p powder) MarshalText() ([]byte, error) {
	explosive{string(p)}.blow("marshal text")
	return []byte(p), nil
}

func (p *powder) UnmarshalText(b []byte) error {
	*p = powder(b)
	explosive{string(b)}.blow("unmarshal text")
	return nil
}

type (
	fuseMessage struct {
		E  explosive         `json:"e"`
		P  powder            `json:"p" default:""`
		By map[powder]string `json:"by,omitempty"`
		Do string            `json:"do" default:""`
	}
	chargeMessage struct {
		E explosive `json:"e"`
		P powder    `json:"p" frame:"true" default:""`
	}
	burstMessage struct{ E explosive }
	sparkEvent   struct {
		E explosive `json:"e"`
	}
)

func (fuseMessage) Action() string   { return "fuse" }
func (chargeMessage) Action() string { return "charge" }
func (burstMessage) Action() string  { return "burst" }
func (sparkEvent) Event() string     { return "spark" }

// fuse sends messages that cannot be encoded.
func (k *kinds) fuse(ctx context.Context, m fuseMessage) error {
	charge := chargeMessage{E: explosive{"marshal"}}
	switch m.Do {
	case "send":
		return k.Send(ctx, charge)
	case "send text":
		return k.Send(ctx, chargeMessage{P: "marshal text"})
	case "broadcast":
		return k.Broadcast(ctx, charge)
	case "emit":
		return k.Emit(ctx, sparkEvent{charge.E})
	}
	return nil
}

// charge replies with a value whose named method panics.
func (k *kinds) charge(_ context.Context, m chargeMessage) (chargeMessage, error) {
	m.E.when = strings.TrimPrefix(m.E.when, "reply ")
	m.P = powder(strings.TrimPrefix(string(m.P), "reply "))
	return m, nil
}

func (k *kinds) burst(_ context.Context, m burstMessage) iter.Seq2[chargeMessage, error] {
	return func(yield func(chargeMessage, error) bool) {
		_ = yield(chargeMessage{E: explosive{"first"}}, nil) && yield(chargeMessage{E: m.E}, nil) && yield(chargeMessage{E: explosive{"last"}}, nil)
	}
}

func (k *kinds) spark(_ context.Context, e sparkEvent) error {
	e.E.blow("run")
	return nil
}

// TestPeekRunsNoApplicationCode sends frames while a handler runs. The server checks at once whether they are cancels; the
// methods of their types run only when they are handled, where a panic is recovered.
func TestPeekRunsNoApplicationCode(t *testing.T) {
	bubble(t, chanx.ServerOptions{}, func(t *testing.T, srv *chanx.Server) {
		c := chanx.NewConsumer(openState, nil)
		release := make(chan struct{})
		chanx.On(c, func(*state, context.Context, knockMessage) error { <-release; return nil })
		chanx.On(c, func(*state, context.Context, fuseMessage) error { return nil })
		srv.Handle("/ws", c)
		client := chanxtest.Dial(t, srv, "/ws", nil)
		client.SendRef(knockMessage{}, "1")
		for _, payload := range []string{
			`"payload":{"e":"unmarshal","do":"chanx.cancel"},"ref":"2"`,
			`"payload":{"e":"validate","do":"chanx.cancel"},"ref":"3"`,
			`"ref":"4","payload":{"e":"","p":"unmarshal text","do":"chanx.cancel"}`,
		} {
			client.SendText(`{"action":"fuse",` + payload + `}`)
		}
		synctest.Wait()
		if got := client.Pending(); len(got) != 0 {
			t.Errorf("before the handler has ended came %q", got)
		}
		close(release)
		chanxtest.Receive[chanx.CompleteMessage](client)
		for _, ref := range []string{"2", "3", "4"} {
			if f := chanxtest.Receive[chanx.ErrorMessage](client); f.Ref != ref {
				t.Errorf("an error with ref %q, want %q", f.Ref, ref)
			}
		}
	})
}
