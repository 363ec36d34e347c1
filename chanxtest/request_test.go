package chanxtest_test

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/chanxtest"
)

func TestRequestReturnsItsReply(t *testing.T) {
	for _, o := range []chanx.ServerOptions{{}, completions} {
		bubble(t, o, func(t *testing.T, s *chanx.Server) {
			c := chanxtest.Dial(t, s, "/ws", as("ann"))
			synctest.Wait()
			if err := s.Broadcast(context.Background(), said{sayText{"before"}}, chanx.All()); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			if f := chanxtest.Request[youAre](c, whoAmI{}); f.Message.User != "ann" || f.Ref == "" {
				t.Errorf("got %+v", f)
			}
			chanxtest.Request[chanx.CompleteMessage](c, knock{})
			if f := chanxtest.Request[chanx.ErrorMessage](c, sayText{"full"}); f.Message.Payload.(map[string]any)["reason"] != "full" {
				t.Errorf("got %+v", f)
			}
			chanxtest.Request[chanx.ErrorMessage](c, sayText{})
			if f := chanxtest.Receive[said](c); f.Message.Text != "before" {
				t.Errorf("the frame before the reply is %+v", f)
			}
			chanxtest.Receive[knock](c)
			c.ExpectNothing()
		})
	}
}

func TestStreamYieldsItsItems(t *testing.T) {
	for _, o := range []chanx.ServerOptions{{}, completions} {
		bubble(t, o, func(t *testing.T, s *chanx.Server) {
			c := chanxtest.Dial(t, s, "/ws", nil)
			if got := slices.Collect(chanxtest.Stream[number](c, count{To: 3})); !slices.Equal(got, []number{{1}, {2}, {3}}) {
				t.Errorf("got %v", got)
			}
			for n := range chanxtest.Stream[number](c, count{}) {
				if n.N != 1 {
					t.Errorf("got %v", n)
				}
				break
			}
			c.ExpectNothing() // the iterator has ended
			for range chanxtest.Stream[number](c, count{To: 1, Fail: true}) {
				break // its error may be under way
			}
			c.ExpectNothing()
		})
	}
}

func TestCancel(t *testing.T) {
	bubble(t, chanx.ServerOptions{}, func(t *testing.T, s *chanx.Server) {
		c := chanxtest.Dial(t, s, "/ws", nil)
		c.SendRef(count{}, "7")
		if f := chanxtest.Receive[number](c); f.Ref != "7" {
			t.Errorf("got %+v", f)
		}
		c.Cancel("7")
		if f := chanxtest.ReceiveUntil[chanx.CompleteMessage](c); f.Ref != "7" {
			t.Errorf("got %+v", f)
		}
		c.ExpectNothing()
	})
}

func TestRequestsThatFailSayWhy(t *testing.T) {
	tests := []struct {
		name string
		do   func(c *chanxtest.Conn)
		says []string
	}{
		{"an error", func(c *chanxtest.Conn) { chanxtest.Request[said](c, sayText{"full"}) }, []string{"request chanxtest_test.sayText: it failed: full: no seat"}},
		{"an invalid message", func(c *chanxtest.Conn) { chanxtest.Request[said](c, sayText{}) }, []string{"it failed", "string_too_short"}},
		{"another reply", func(c *chanxtest.Conn) { chanxtest.Request[said](c, whoAmI{}) }, []string{`the action is "you", want "said"`}},
		{"no reply", func(c *chanxtest.Conn) { chanxtest.Request[said](c, sayText{"hi"}) }, []string{`the action is "complete", want "said"`}},
		{"the end", func(c *chanxtest.Conn) { chanxtest.Request[said](c, sayText{"close"}) }, []string{"request chanxtest_test.sayText", "the connection ended: 4000"}},
		{"a stream's error", func(c *chanxtest.Conn) {
			for range chanxtest.Stream[number](c, count{To: 2, Fail: true}) {
			}
		}, []string{"request chanxtest_test.count: it failed: tired: no more"}},
		{"another stream", func(c *chanxtest.Conn) {
			for range chanxtest.Stream[said](c, count{To: 2}) {
			}
		}, []string{`the action is "number", want "said"`}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, chanx.ServerOptions{}, func(t *testing.T, s *chanx.Server) {
				expectFailure(t, func(f *failing) { tt.do(chanxtest.Dial(f, s, "/ws", nil)) }, tt.says...)
			})
		})
	}
}
