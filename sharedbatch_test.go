package chanx

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"testing"

	"github.com/chanx-go/chanx/internal/cluster"
	"github.com/chanx-go/chanx/internal/hub"
	"github.com/chanx-go/chanx/internal/socket"
)

// recorder is a transport that keeps the frames it is given.
type recorder struct {
	transport
	got  []socket.Prepared
	gone bool
}

func (r *recorder) WritePrepared(fs []socket.Prepared, _ bool) error {
	if r.gone {
		return socket.ErrClosed
	}
	r.got = append(r.got, fs...)
	return nil
}

func (*recorder) Post(any) error { return nil }

type (
	whisper struct{ Text string }
	gauge   struct{ Name string }
	knock   struct{}
)

func (whisper) Action() string { return "whisper" }
func (gauge) Action() string   { return "gauge" }
func (knock) Event() string    { return "knock" }

// newParty returns a server with consumers that declare different messages, and connections of several users to each.
func newParty(t *testing.T, o *ServerOptions) (*Server, []*Conn) {
	t.Helper()
	open := func(c *Conn, _ *http.Request) (*speaker, error) { return &speaker{c}, nil }
	all := NewConsumer(open, &ConsumerOptions{Completions: Enabled})
	Broadcasts[speech](all)
	Broadcasts[whisper](all, Droppable())
	Broadcasts[gauge](all, Latest(func(g gauge) string { return g.Name }))
	OnEvent(all, func(*speaker, context.Context, knock) error { return nil })
	some := NewConsumer(open, nil)
	Broadcasts[speech](some)
	Broadcasts[gauge](some)
	s := NewServer(o)
	t.Cleanup(func() {
		if err := s.Shutdown(t.Context()); err != nil {
			t.Log(err) // the context of a test ends before its cleanup
		}
	})
	var conns []*Conn
	for i, m := range []*mount{s.mount(s.mux, "/all", all), s.mount(s.mux, "/some", some)} {
		for _, user := range []string{"", "ann", "ben"} {
			c := m.newConn(httptest.NewRequest("GET", "/", nil))
			c.state, c.wire, c.user = &speaker{c}, &recorder{gone: user == "ben" && i == 1}, user
			conns = append(conns, c)
		}
	}
	return s, conns
}

// randomRun returns deliveries that may be delivered together, mostly of group messages that all consumers declare.
func randomRun(t *testing.T, rng *rand.Rand, conns []*Conn) (ds []*delivery) {
	t.Helper()
	m := conns[0].mount
	for range 1 + rng.IntN(6) {
		var v Message
		switch rng.IntN(8) {
		default:
			v = speech{Content: fmt.Sprint(rng.IntN(1000)), SenderName: "Ann"}
		case 5:
			v = gauge{fmt.Sprint(rng.IntN(2))}
		case 6:
			v = whisper{"psst"}
		case 7:
			v = Raw{"raw", json.RawMessage(`[1]`)}
		}
		d, err := m.newDelivery(v)
		if err != nil {
			t.Fatal(err)
		}
		if rng.IntN(3) == 0 {
			d.from = conns[rng.IntN(len(conns))]
			d.FromUser = d.from.user
		}
		ds = append(ds, d)
		if rng.IntN(12) == 0 {
			ds = append(ds, &delivery{Publication: cluster.Publication{Kind: cluster.KindEvent, Action: "knock"}})
		}
	}
	return ds
}

// taken returns what deliver adds to the queue of a connection and to the server's stats.
func taken(s *Server, c *Conn, deliver func()) (frames []socket.Prepared, out map[string]SentStats, drops map[DropReason]uint64) {
	wire, before := c.wire.(*recorder), s.Stats()
	wire.got = nil
	deliver()
	after := s.Stats()
	for action, n := range after.Out {
		n.Count -= before.Out[action].Count
		n.Bytes -= before.Out[action].Bytes
		after.Out[action] = n
	}
	for what := range after.Drops {
		after.Drops[what] -= before.Drops[what]
	}
	maps.DeleteFunc(after.Drops, func(_ DropReason, n uint64) bool { return n == 0 })
	return wire.got, after.Out, after.Drops
}

// TestSharedBatchEqualsSeparateDeliveries checks that a shared batch sends and counts the same as deliverEach.
func TestSharedBatchEqualsSeparateDeliveries(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]*ServerOptions{
		"plain": {}, "deflate": {Compression: Compression{Enabled: true, MinBytes: -1}}, "observed": {Observer: observerOfEverything{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			seed := rand.Uint64()
			rng, joins := rand.New(rand.NewPCG(seed, 0)), 0
			s, conns := newParty(t, o)
			for range 300 {
				run := hub.Run[*delivery]{Items: randomRun(t, rng, conns), Members: 1000}
				for _, c := range conns {
					want, wantOut, wantDrops := taken(s, c, func() { c.deliverEach(run.Items) })
					got, out, drops := taken(s, c, func() { (*connSink)(c).Deliver(&run) })
					if len(got) != len(want) {
						want = socket.Join(want)
						joins++
					}
					if !reflect.DeepEqual(got, want) || !maps.Equal(out, wantOut) || !maps.Equal(drops, wantDrops) {
						t.Fatalf("seed %d: %s of user %q got %d frames, want %d; sent %v, want %v; dropped %v, want %v",
							seed, c.mount.pattern, c.user, len(got), len(want), out, wantOut, drops, wantDrops)
					}
				}
			}
			if joined := joins > 0; joined != (o.Observer == nil) {
				t.Errorf("seed %d: %d times frames were joined", seed, joins)
			}
		})
	}
}

// observerOfEverything is an Observer with all optional methods.
type observerOfEverything struct{}

func (observerOfEverything) Open(*Conn)               {}
func (observerOfEverything) Close(*Conn, *CloseError) {}
func (observerOfEverything) In(ctx context.Context, _ *Call) (context.Context, func(error)) {
	return ctx, nil
}
func (observerOfEverything) Out(*Conn, string, int)                            {}
func (observerOfEverything) Drop(*Conn, DropReason, int)                       {}
func (observerOfEverything) Publish(context.Context, *Publication) func(error) { return nil }

// TestFramesOfASharedBatchAreCountedOneByOne checks batches for a connection that is still opening, and lost batches.
func TestFramesOfASharedBatchAreCountedOneByOne(t *testing.T) {
	t.Parallel()
	s, conns := newParty(t, nil)
	var ds []*delivery
	for range 3 {
		d, err := conns[0].mount.newDelivery(speech{Content: "hi", SenderName: "Ann"})
		if err != nil {
			t.Fatal(err)
		}
		ds = append(ds, d)
	}
	run := hub.Run[*delivery]{Items: ds, Members: 1000}
	early, gone := conns[3], conns[5]
	early.wire = nil
	(*connSink)(early).Deliver(&run)
	if n := len(early.early.frames); n != len(ds) {
		t.Errorf("%d frames wait for the handshake, want %d", n, len(ds))
	}
	(*connSink)(gone).Deliver(&run)
	if all := slices.Collect(maps.Values(s.Stats().Drops)); !slices.Equal(all, []uint64{uint64(len(ds))}) {
		t.Errorf("dropped %v, want %d", all, len(ds))
	}
}
