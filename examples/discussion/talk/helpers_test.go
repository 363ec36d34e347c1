package talk

import (
	"context"
	"log/slog"
	"testing"
	"testing/synctest"

	"go.uber.org/goleak"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/chanxtest"
)

// TestMain fails the run if a goroutine is left.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// node is a server with a discussion.
type node struct {
	t          *testing.T
	srv        *chanx.Server
	discussion *chanx.Consumer[Member]
}

func newNode(t *testing.T, l *chanxtest.Recorder) *node {
	t.Helper()
	n := &node{t, chanx.NewServer(&chanx.ServerOptions{Layer: l, Logger: slog.New(slog.DiscardHandler)}), New()}
	n.srv.Handle("/ws/discussion", n.discussion)
	return n
}

func (n *node) close() {
	n.t.Helper()
	if err := n.srv.Shutdown(context.Background()); err != nil {
		n.t.Error(err)
	}
}

// enter opens a connection, which is in the discussion when enter returns.
func (n *node) enter(name string, transcript *chanxtest.Transcript) *chanxtest.Conn {
	n.t.Helper()
	c := chanxtest.Dial(n.t, n.srv, "/ws/discussion", &chanxtest.DialOptions{Name: name, Transcript: transcript})
	synctest.Wait()
	return c
}

// inDiscussion runs a test in a synctest bubble, with two servers that share one discussion.
func inDiscussion(t *testing.T, test func(t *testing.T, one, two *node)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		shared := chanxtest.NewRecorder(t, nil)
		one, two := newNode(t, shared), newNode(t, shared)
		test(t, one, two)
		one.close()
		two.close()
	})
}

// expectNothing expects no further frame on any of the connections.
func expectNothing(t *testing.T, all ...*chanxtest.Conn) {
	t.Helper()
	synctest.Wait()
	for i, c := range all {
		if got := c.Pending(); len(got) > 0 || c.Ended() != nil {
			t.Errorf("connection %d of %d: got %q, ended %v; want nothing", i+1, len(all), got, c.Ended())
		}
	}
}
