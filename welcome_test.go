package chanx_test

import (
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/chanxtest"
)

// TestWhoMayBeRefusedIsWelcomed checks that a consumer with an Authenticator or parameters tells its clients that they
// are accepted, unless AuthenticationMessage says otherwise, and that Spec says which. A refusal is told in any case.
func TestWhoMayBeRefusedIsWelcomed(t *testing.T) {
	type none struct{}
	without := func(o *chanx.ConsumerOptions) chanx.Endpoint { return chanx.NewConsumer(openState, o) }
	with := func(o *chanx.ConsumerOptions) chanx.Endpoint {
		return chanx.NewConsumerWith(func(c *chanx.Conn, _ *http.Request, _ none) (*state, error) { return &state{c}, nil }, o)
	}
	for _, k := range []struct {
		name          string
		consumer      func(*chanx.ConsumerOptions) chanx.Endpoint
		authenticator chanx.Authenticator
		message       chanx.Switch
		want          bool
	}{
		{"neither", without, nil, chanx.Inherit, false},
		{"neither, enabled", without, nil, chanx.Enabled, true},
		{"neither, disabled", without, nil, chanx.Disabled, false},
		{"an Authenticator", without, byHeader, chanx.Inherit, true},
		{"an Authenticator, enabled", without, byHeader, chanx.Enabled, true},
		{"an Authenticator, disabled", without, byHeader, chanx.Disabled, false},
		{"parameters", with, nil, chanx.Inherit, true},
		{"parameters, enabled", with, nil, chanx.Enabled, true},
		{"parameters, disabled", with, nil, chanx.Disabled, false},
		{"both", with, byHeader, chanx.Inherit, true},
		{"both, disabled", with, byHeader, chanx.Disabled, false},
	} {
		t.Run(k.name, func(t *testing.T) {
			bubble(t, chanx.ServerOptions{}, func(t *testing.T, srv *chanx.Server) {
				srv.Handle("/ws", k.consumer(&chanx.ConsumerOptions{Authenticator: k.authenticator, AuthenticationMessage: k.message}))
				if got := srv.Spec().Channels[0].Welcome; got != k.want {
					t.Errorf("Spec says %v", got)
				}
				client := chanxtest.Dial(t, srv, "/ws", asUser("ann"))
				synctest.Wait()
				want := "[]"
				if k.want {
					want = `[{"action":"authentication","payload":{"status_code":200,"status_text":"OK","data":{"detail":"OK"}}}]`
				}
				if got := fmt.Sprint(client.Pending()); got != want {
					t.Errorf("got %s, want %s", got, want)
				}
				if k.authenticator != nil {
					refused := chanxtest.Dial(t, srv, "/ws", asUser("nobody"))
					if m := chanxtest.Receive[chanx.AuthenticationMessage](refused).Message; m.StatusCode != http.StatusUnauthorized {
						t.Errorf("a refusal is told as %+v", m)
					}
					refused.ExpectClosed(4401)
				}
			})
		})
	}
}
