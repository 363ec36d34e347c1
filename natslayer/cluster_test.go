package natslayer_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/chanx-go/chanx/layer"
	"github.com/chanx-go/chanx/natslayer"
)

// TestSubscriptionsAreKnownOnAllServersUnderLoad publishes on the other servers as soon as Subscribe has returned, while the
// routes between the servers are busy.
func TestSubscriptionsAreKnownOnAllServersUnderLoad(t *testing.T) {
	const rounds, at = 30, 4
	b := startBrokers(t, 3, nil)
	var layers []*natslayer.Layer
	for i := range 3 {
		layers = append(layers, b.connect(t, i, nil))
	}
	stop, loaded := make(chan struct{}), sync.WaitGroup{}
	defer loaded.Wait()
	defer close(stop)
	for i, l := range layers {
		sink, source := open(t, l), open(t, layers[(i+1)%3])
		must(t, sink.Subscribe(t.Context(), fmt.Sprint("load ", i)))
		loaded.Go(func() { generateLoad(t, source, fmt.Sprint("load ", i), stop) })
	}
	var wg sync.WaitGroup
	for g := range at {
		n, first, second := open(t, layers[g%3]), open(t, layers[(g+1)%3]), open(t, layers[(g+2)%3])
		wg.Go(func() {
			for i := range rounds {
				subject := fmt.Sprintf("%d of %d", i, g)
				if err := n.Subscribe(t.Context(), subject); err != nil {
					t.Error(err)
					return
				}
				for _, p := range []*node{first, second} {
					if err := p.Publish(t.Context(), subject, fmt.Appendf(nil, "%p", p)); err != nil {
						t.Error(err)
						return
					}
				}
			}
		})
		defer func() {
			for i := range rounds {
				n.awaits(t, fmt.Sprintf("%d of %d:%p", i, g, first))
				n.awaits(t, fmt.Sprintf("%d of %d:%p", i, g, second))
			}
		}()
	}
	wg.Wait()
}

// generateLoad publishes a megabyte at a time, and waits for a round between.
func generateLoad(t *testing.T, n *node, subject string, stop chan struct{}) {
	data := make([]byte, 1<<15)
	for i := 0; ; i++ {
		select {
		case <-stop:
			return
		default:
		}
		for range 32 {
			if err := n.Publish(t.Context(), subject, data); err != nil {
				t.Error(err)
				return
			}
		}
		if err := n.Subscribe(t.Context(), fmt.Sprintf("pace %d of %s", i%2, subject)); err != nil {
			t.Error(err)
			return
		}
		if err := n.Unsubscribe(t.Context(), fmt.Sprintf("pace %d of %s", i%2, subject)); err != nil {
			t.Error(err)
			return
		}
	}
}

func TestALayerMovesToAnotherServer(t *testing.T) {
	b := startBrokers(t, 3, nil)
	moving, steady := open(t, b.connect(t, 0, nil)), open(t, b.connect(t, 1, nil))
	must(t, moving.Subscribe(t.Context(), "s"))
	must(t, steady.Subscribe(t.Context(), "back"))
	b.stop(0)
	seen := moving.awaitsStatus(t, 0, isDown)
	if err := moving.allStatuses()[seen-1].Err; !errors.Is(err, layer.ErrUnavailable) {
		t.Errorf("the link is down because %v, want ErrUnavailable", err)
	}
	moving.awaitsStatus(t, seen, isGap)
	must(t, steady.Publish(t.Context(), "s", []byte("here")))
	moving.awaits(t, "s:here")
	must(t, moving.Publish(t.Context(), "back", []byte("there")))
	steady.awaits(t, "back:there")
	must(t, steady.Subscribe(t.Context(), "new")) // it does not wait for the stopped server
	if got := steady.allStatuses(); len(got) != 0 {
		t.Errorf("the link whose server was not stopped got statuses %+v", got)
	}
}

// TestALayerWaitsForServersKnownBefore restarts one of two servers. While the other one is missing, the layer there sends
// hellos for longer than after its first connection, and is not up meanwhile.
func TestALayerWaitsForServersKnownBefore(t *testing.T) {
	b := startBrokers(t, 2, nil)
	pinned := &natslayer.Options{NATS: []nats.Option{nats.IgnoreDiscoveredServers()}}
	n, other := open(t, b.connect(t, 0, pinned)), open(t, b.connect(t, 1, pinned))
	must(t, n.Subscribe(t.Context(), "s"))
	b.stopAll()
	n.awaitsStatus(t, 0, isDown)
	b.start(t, 0)
	nc, err := nats.Connect(b.url(0), nats.RetryOnFailedConnect(true), nats.ReconnectWait(time.Millisecond))
	must(t, err)
	defer nc.Close()
	hellos, err := nc.SubscribeSync("chanx.sync.hello")
	must(t, err)
	for i := range 10 {
		msg, err := hellos.NextMsg(testTimeout)
		must(t, err)
		if msg.Data[0] != '-' {
			t.Fatalf("hello %d was %q, want one of a layer that is not up", i, msg.Data)
		}
	}
	n.awaitsStatus(t, 0, isGap) // not for ever
	b.start(t, 1)
	other.awaitsStatus(t, 0, isGap)
	eventually(t, "the two to find each other", func() bool {
		must(t, other.Publish(t.Context(), "s", []byte("back")))
		return slices.Contains(n.received(), "s:back")
	})
}

// helloOnly sends a hello and answers no query, like a hanging process.
func helloOnly(t *testing.T, b *brokers, i int) *nats.Conn {
	t.Helper()
	nc, err := nats.Connect(b.url(i))
	must(t, err)
	t.Cleanup(nc.Close)
	_, err = nc.ChanQueueSubscribe("chanx.sync.at."+nc.ConnectedServerId(), "layers", make(chan *nats.Msg, 1000))
	must(t, err)
	must(t, nc.Publish("chanx.sync.hello", []byte("-"+nc.ConnectedServerId())))
	must(t, nc.Flush())
	return nc
}

// TestAServerThatDoesNotAnswerIsExcluded takes as long as the layer's timeout for answers.
func TestAServerThatDoesNotAnswerIsExcluded(t *testing.T) {
	t.Parallel()
	b := startBrokers(t, 2, nil)
	n := open(t, b.connect(t, 0, nil))
	must(t, n.Subscribe(t.Context(), "before"))
	nc := helloOnly(t, b, 1)
	eventually(t, "the server that does not answer to be noticed", func() bool {
		err := n.Subscribe(t.Context(), fmt.Sprint("s", time.Now().UnixNano()))
		return errors.Is(err, layer.ErrUnavailable) && strings.Contains(err.Error(), nc.ConnectedServerId())
	})
	must(t, n.Subscribe(t.Context(), "s")) // now the server is excluded
	if got := n.allStatuses(); len(got) != 0 {
		t.Errorf("got statuses %+v before the server sent another hello", got)
	}
	must(t, nc.Publish("chanx.sync.hello", []byte("-"+nc.ConnectedServerId())))
	n.awaitsStatus(t, 0, isGap)
}

// TestLayersThatFindEachOtherLateReportAGap sends a layer that is up the first hello of another layer that is up.
func TestLayersThatFindEachOtherLateReportAGap(t *testing.T) {
	b := startBrokers(t, 1, nil)
	n := open(t, b.connect(t, 0, nil))
	nc, err := nats.Connect(b.url(0))
	must(t, err)
	defer nc.Close()
	for _, nonsense := range []string{"", "+", "-"} {
		must(t, nc.Publish("chanx.sync.hello", []byte(nonsense)))
		must(t, nc.PublishRequest("chanx.sync.hello", "nowhere", []byte(nonsense)))
	}
	must(t, nc.Publish("chanx.sync.hello", []byte("+another")))
	n.awaitsStatus(t, 0, isGap)
	must(t, n.Subscribe(t.Context(), "s")) // no layer is on that server: NATS answers "no responders"
	must(t, nc.Publish("chanx.s", []byte("hi")))
	n.awaits(t, "s:hi")

	asked, err := nc.SubscribeSync("chanx.sync.at.another") // it is not queried again
	must(t, err)
	must(t, nc.Flush())
	must(t, n.Subscribe(t.Context(), "s again"))
	must(t, nc.Publish("chanx.sync.at.another", []byte("the first query")))
	msg, err := asked.NextMsg(testTimeout)
	must(t, err)
	if string(msg.Data) != "the first query" {
		t.Errorf("a server without layers was queried with %q", msg.Data)
	}
}

// TestLinksShareOneNATSSubscription subscribes two links of one layer to the same subjects.
func TestLinksShareOneNATSSubscription(t *testing.T) {
	b := startBrokers(t, 1, func(o *server.Options) { o.MaxSubs = 10 })
	l := b.connect(t, 0, nil)
	first, second, m := open(t, l), open(t, l), open(t, l)
	for i := range 20 { // more than MaxSubs: each subscription is ended
		subject := fmt.Sprint("s", i)
		must(t, first.Subscribe(t.Context(), subject))
		must(t, second.Subscribe(t.Context(), subject))
		must(t, first.Unsubscribe(t.Context(), subject))
		must(t, m.Publish(t.Context(), subject, []byte("hi")))
		second.awaits(t, subject+":hi")
		must(t, second.Unsubscribe(t.Context(), subject))
	}
	if got := first.received(); len(got) != 0 {
		t.Errorf("the link that had ended its subscriptions received %q", got)
	}
}
