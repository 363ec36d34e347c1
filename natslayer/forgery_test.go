package natslayer_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/chanx-go/chanx/layer"
)

// forger is a connection to the broker that is not a layer.
func forger(t *testing.T, b *brokers) *nats.Conn {
	t.Helper()
	nc, err := nats.Connect(b.url(0))
	must(t, err)
	t.Cleanup(nc.Close)
	return nc
}

// TestForgedMessagesBreakNothing publishes many kinds of data on the subjects that layers use to find each other. Links stay up
// and work.
func TestForgedMessagesBreakNothing(t *testing.T) {
	t.Parallel()
	b := startBrokers(t, 1, nil)
	n, other := open(t, b.connect(t, 0, nil)), open(t, b.connect(t, 0, nil))
	must(t, n.Subscribe(t.Context(), "kept"))
	nc := forger(t, b)
	own := nc.ConnectedServerId()
	long := strings.Repeat("A", 4<<10)
	for _, subject := range []string{"hello", "at." + own, "to.nobody", "to.nobody.x.1", "at", "to", "x", "hello.x"} {
		for _, data := range []string{
			"", "+", "-", "+" + long, "-" + long[:4000], "+" + own, "+a b", "+a\r\nPUB chanx.kept 1\r\nx\r\n", "+*", "+>", "+a.b", "+\x00", "x",
			"+" + strings.Repeat("N", 64), "+" + strings.Repeat("N", 65), strings.Repeat(long, 200),
		} {
			must(t, nc.Publish("chanx.sync."+subject, []byte(data)))
			for _, reply := range []string{"chanx.kept", "chanx.sync.to.x", "chanx.sync.to." + long[:3000], "chanx.sync.hello", "chanx.sync.to.a.b.1"} {
				must(t, nc.PublishRequest("chanx.sync."+subject, reply, []byte(data)))
			}
		}
	}
	must(t, nc.Flush())
	for i := range 10 {
		subject := fmt.Sprint("new ", i)
		must(t, n.Subscribe(t.Context(), subject))
		must(t, other.Publish(t.Context(), subject, []byte("hi")))
		n.awaits(t, subject+":hi")
	}
	for _, s := range n.allStatuses() {
		if !s.Up {
			t.Errorf("got statuses %+v", s)
		}
	}
	for _, got := range n.received() {
		if !strings.HasPrefix(got, "new ") {
			t.Errorf("a forged message made a layer publish %.100q", got)
		}
	}
}

// TestForgedServersAreForgotten sends hellos of more servers than a layer remembers. NATS answers "no responders" for them.
func TestForgedServersAreForgotten(t *testing.T) {
	t.Parallel()
	b := startBrokers(t, 1, nil)
	n := open(t, b.connect(t, 0, nil))
	nc := forger(t, b)
	for round := range 3 {
		for i := range 2000 {
			must(t, nc.Publish("chanx.sync.hello", fmt.Appendf(nil, "+forged-%d-%d", round, i)))
		}
		must(t, nc.Flush())
		must(t, n.Subscribe(t.Context(), fmt.Sprint("s", round)))
	}
}

// TestForgedServersThatDoNotAnswerAreExcluded subscribes in the name of many servers and does not answer. It takes as long as
// the layer's timeout for answers.
func TestForgedServersThatDoNotAnswerAreExcluded(t *testing.T) {
	t.Parallel()
	b := startBrokers(t, 1, nil)
	n := open(t, b.connect(t, 0, nil))
	nc := forger(t, b)
	_, err := nc.Subscribe("chanx.sync.at.>", func(*nats.Msg) {})
	must(t, err)
	for i := range 2000 {
		must(t, nc.Publish("chanx.sync.hello", fmt.Appendf(nil, "-forged-%d", i)))
	}
	must(t, nc.Flush())
	eventually(t, "the forged servers to be excluded", func() bool {
		err := n.Subscribe(t.Context(), "s")
		if err != nil && (!errors.Is(err, layer.ErrUnavailable) || len(err.Error()) > 1000) {
			t.Fatalf("subscribing gave an error of %d bytes: %.1000s", len(err.Error()), err)
		}
		return err == nil
	})
	if got := n.allStatuses(); len(got) != 0 {
		t.Errorf("got statuses %+v", got)
	}
}
