package chanx_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/chanxtest"
)

// TestLossesBeforeOpenAreCounted sends a connection more than its queue holds while it opens.
func TestLossesBeforeOpenAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := chanx.NewServer(&chanx.ServerOptions{Logger: quiet, Limits: chanx.Limits{SendQueueBytes: 1000}})
		opening, gate := make(chan struct{}), make(chan struct{})
		c := chanx.NewConsumer(func(c *chanx.Conn, r *http.Request) (*state, error) {
			if err := c.Join(r.Context(), "g"); err != nil {
				t.Error(err)
			}
			close(opening)
			<-gate
			return &state{c}, nil
		}, &chanx.ConsumerOptions{AuthenticationMessage: chanx.Enabled})
		chanx.Broadcasts[plainMessage](c)
		srv.Handle("/ws", c)
		go func() {
			<-opening
			if err := srv.Broadcast(t.Context(), plainMessage{strings.Repeat("x", 2000)}, chanx.To("g")); err != nil {
				t.Error(err)
			}
			for range 3 {
				if err := srv.Emit(t.Context(), ringEvent{}, chanx.To("g")); err != nil {
					t.Error(err)
				}
			}
			synctest.Wait()
			close(gate)
		}()
		client := chanxtest.Dial(t, srv, "/ws", nil)
		chanxtest.Receive[chanx.AuthenticationMessage](client)
		client.ExpectClosed(1013)
		synctest.Wait()
		drops := srv.Stats().Drops
		if drops["bytes_overflow"] < 2000 || drops["events_refused"] != 3 || drops["events_unhandled"] != 0 {
			t.Errorf("counted %v", drops)
		}
		if err := srv.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	})
}
