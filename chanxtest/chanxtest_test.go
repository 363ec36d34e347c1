package chanxtest_test

import (
	"context"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/chanxtest"
)

func TestFramesAreTypedWhateverTheServerCallsThings(t *testing.T) {
	for _, camel := range []bool{false, true} {
		o := chanx.ServerOptions{Completions: true, Discriminator: "type", Camelize: camel}
		bubble(t, o, func(t *testing.T, s *chanx.Server) {
			a, b := chanxtest.Dial(t, s, "/ws", nil), chanxtest.Dial(t, s, "/ws", nil)
			synctest.Wait()
			a.SendRef(sayText{"hi"}, "1")
			if f := chanxtest.Receive[said](a); f.Message.Text != "hi" || f.IsMine || !f.IsCurrent || !f.Grouped || f.Ref != "" {
				t.Errorf("sender got %+v", f)
			}
			chanxtest.Receive[chanx.GroupCompleteMessage](a)
			if f := chanxtest.Receive[chanx.CompleteMessage](a); f.Ref != "1" || f.Grouped {
				t.Errorf("sender got %+v", f)
			}
			if got := b.AllGroup(); len(got) != 1 || got[0].Message.Name != "said" || got[0].IsCurrent {
				t.Errorf("receiver got %+v", got)
			}
			a.Send(portrait{smile{32}})
			if f := chanxtest.Receive[portrait](a); f.Message.Face != (smile{32}) {
				t.Errorf("union came back as %+v", f.Message)
			}
			a.Send(knock{})
			if got := a.All(); len(got) != 1 || got[0].Message.Name != "knock" || got[0].Message.Payload != nil {
				t.Errorf("knock: got %+v", got)
			}
			a.Send(chanx.Raw{Name: "nobody knows"})
			a.ExpectInvalid("union_tag_invalid")
			a.Send(sayText{})
			field := "text_said"
			if camel {
				field = "textSaid"
			}
			if items := a.ExpectInvalid("string_too_short payload." + field); len(items) != 1 {
				t.Errorf("items %v", items)
			}
			a.Send(sayText{"full"})
			if detail := a.ExpectError("full"); detail != "no seat" {
				t.Errorf("detail %q", detail)
			}
			a.SendBinary([]byte("x"))
			if f := chanxtest.ReceiveUntil[chanx.ErrorMessage](a); f.Message.Payload == nil {
				t.Errorf("got %+v", f)
			}
			if got := a.All(); len(got) != 0 || a.Ended() != nil || len(a.Pending()) != 0 {
				t.Errorf("got %v, ended %v, pending %q", got, a.Ended(), a.Pending())
			}
			a.Send(sayText{"close"})
			if reason := a.ExpectClosed(4000); reason != "enough" || a.Ended().Code != 4000 {
				t.Errorf("reason %q, ended %v", reason, a.Ended())
			}
		})
	}
}

// The probe is in the request's context, so any handler may be in between if it passes the context on.
func TestAnyRouterAndMiddlewareMayBeInFront(t *testing.T) {
	bubble(t, chanx.ServerOptions{Discriminator: "type"}, func(t *testing.T, s *chanx.Server) {
		mux := http.NewServeMux()
		mux.Handle("/api/", http.StripPrefix("/api", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			ctx, cancel := context.WithTimeout(r.Context(), time.Minute)
			defer cancel()
			s.ServeHTTP(w, r.WithContext(ctx))
		})))
		chanxtest.Request[portrait](chanxtest.Dial(t, mux, "/api/ws", nil), portrait{smile{1}})
	})
}

func TestTheContextOfTheRequestIsNeeded(t *testing.T) {
	bubble(t, chanx.ServerOptions{}, func(t *testing.T, s *chanx.Server) {
		loses := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.ServeHTTP(w, r.WithContext(context.Background())) })
		expectFailure(t, func(f *failing) { chanxtest.Dial(f, loses, "/ws", nil) }, "dial /ws", "not by a chanx server that got the context")
	})
}

func TestDialRefused(t *testing.T) {
	bubble(t, chanx.ServerOptions{RefuseWithHTTP: true}, func(t *testing.T, s *chanx.Server) {
		if res := chanxtest.DialRefused(t, s, "/ws", as("nobody")); res.StatusCode != 403 {
			t.Errorf("status %s", res.Status)
		}
		redirect := http.RedirectHandler("/elsewhere", http.StatusFound)
		if res := chanxtest.DialRefused(t, redirect, "/ws", nil); res.StatusCode != 302 {
			t.Errorf("status %s", res.Status)
		}
	})
}

func TestDialFailuresShowTheAnswer(t *testing.T) {
	bubble(t, chanx.ServerOptions{}, func(t *testing.T, s *chanx.Server) {
		expectFailure(t, func(f *failing) { chanxtest.Dial(f, http.NotFoundHandler(), "/nowhere", nil) }, "status 404: 404 page not found")
		expectFailure(t, func(f *failing) { chanxtest.DialRefused(f, s, "/ws", nil) }, "it was upgraded")
		mute := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			conn, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
			}
			if err := conn.Close(); err != nil {
				t.Error(err)
			}
		})
		expectFailure(t, func(f *failing) { chanxtest.Dial(f, mute, "/ws", nil) }, "dial /ws")
	})
}

func TestAbortIsALostTransport(t *testing.T) {
	bubble(t, chanx.ServerOptions{}, func(t *testing.T, s *chanx.Server) {
		c := chanxtest.Dial(t, s, "/ws", nil)
		synctest.Wait()
		c.Abort()
		c.ExpectClosed(1006)
		c.Abort()
		c.Close(1000, "")
		expectFailure(t, func(f *failing) {
			c := chanxtest.Dial(f, s, "/ws", nil)
			c.Abort()
			c.Send(knock{})
		}, "chanxtest: send: ")
	})
}

// Outside a bubble, in real time.
func TestOutsideABubble(t *testing.T) {
	t.Parallel()
	s := newServer(chanx.ServerOptions{Completions: true})
	t.Cleanup(func() {
		if err := s.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	})
	a, b := chanxtest.Dial(t, s, "/ws", as("a")), chanxtest.Dial(t, s, "/ws", as("b"))
	a.ExpectNothing()
	b.ExpectNothing() // both have joined their groups
	a.Send(sayText{"other"})
	a.ExpectNothing()
	expectNames(t, b.AllGroup(), "said")
	chanxtest.Request[youAre](b, whoAmI{})
	b.ExpectNothing()
	b.Close(1000, "bye")
	b.ExpectClosed(1000)
}
