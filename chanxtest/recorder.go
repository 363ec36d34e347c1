package chanxtest

import (
	"context"
	"reflect"
	"slices"
	"sync"
	"testing"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/internal/cluster"
	"github.com/chanx-go/chanx/internal/probe"
	"github.com/chanx-go/chanx/layer"
	"github.com/chanx-go/chanx/layer/memlayer"
	"github.com/chanx-go/chanx/schema"
)

// Recorder is a channel layer that records what servers broadcast and emit. Use it as ServerOptions.Layer to test HTTP
// handlers and jobs without any connection. See Broadcasts and Events.
//
// It misses only publications whose sole target is chanx.ToConn with connections of the same server, because these do
// not use the layer. A publication is recorded before the call that makes it returns, also if there is no receiver. All
// methods may be called concurrently.
type Recorder struct {
	t     testing.TB
	layer layer.Layer

	mu       sync.Mutex
	compiles []probe.Compile // without unions, then of each server
	all      []*cluster.Publication
}

// RecorderOptions are the options of NewRecorder. The zero value works.
type RecorderOptions struct {
	// Layer carries publications to other servers; nil is a layer in memory, for servers of this process that share the
	// recorder.
	Layer layer.Layer
}

// NewRecorder returns a recorder. opts may be nil.
func NewRecorder(t testing.TB, opts *RecorderOptions) *Recorder {
	t.Helper()
	var o RecorderOptions
	if opts != nil {
		o = *opts
	}
	types, err := schema.NewCompiler(&schema.Options{UnionsOption: "ServerOptions.Unions, and give the server the Recorder itself"})
	if err != nil {
		t.Fatalf("chanxtest: new recorder: %v", err)
	}
	if o.Layer == nil {
		o.Layer = memlayer.New()
	}
	return &Recorder{t: t, layer: o.Layer, compiles: []probe.Compile{types.Compile}}
}

// Open implements layer.Layer.
func (r *Recorder) Open(to layer.Receiver) layer.Link { return recordedLink{r.layer.Open(to), r} }

// UseTypes is called by chanx.NewServer: the recorder decodes with the unions of the server and its consumers.
func (r *Recorder) UseTypes(of probe.Compile) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.compiles = append(r.compiles, of)
}

type recordedLink struct {
	layer.Link
	recorder *Recorder
}

// Publish implements layer.Link.
func (l recordedLink) Publish(ctx context.Context, subject string, data []byte) error {
	l.recorder.record(subject, data)
	return l.Link.Publish(ctx, subject, data)
}

func (r *Recorder) record(subject string, data []byte) {
	p, err := cluster.Parse(slices.Clone(data), nil)
	if err != nil {
		r.t.Errorf("chanxtest: record what was published to %q: %v", subject, err)
	}
	if err != nil || !isFirstCopy(&p, subject) || p.Kind != cluster.KindMessage && p.Kind != cluster.KindEvent {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = append(r.all, &p)
}

// isFirstCopy reports whether subject is the first that p is published to.
func isFirstCopy(p *cluster.Publication, subject string) bool {
	for first := range p.Subjects() {
		return first == subject
	}
	return false
}

// Published is a broadcast message or an emitted event, with its targets. Publications to chanx.Local alone are not
// recorded.
type Published[T any] struct {
	Value T

	// Groups, Users and Conns are the targets, in the order in which they were given; All is chanx.All. If a connection
	// publishes without a target, Groups are the groups that it had joined.
	Groups, Users, Conns []string
	All                  bool
	Nodes                bool // chanx.Nodes

	// FromConn and FromUser are the connection that broadcast the message, and its user. Both are "" for an event, and
	// for publications of the server's methods.
	FromConn, FromUser string

	// ExceptSelf reports whether that connection does not get the message.
	ExceptSelf bool
}

// Broadcasts returns the messages M that servers have broadcast, in order; for chanx.Raw, the messages of all types. A
// message that is not a valid M ends the test.
func Broadcasts[M chanx.Message](r *Recorder) (all []Published[M]) {
	r.t.Helper()
	var zero M
	_, every := any(zero).(chanx.Raw)
	for _, p := range r.recorded() {
		if p.Kind == cluster.KindMessage && (every || p.Action == zero.Action()) {
			all = append(all, published[M](r, p))
		}
	}
	return all
}

// Events returns the events E that were emitted, in order. An event that is not a valid E ends the test.
func Events[E chanx.Event](r *Recorder) (all []Published[E]) {
	r.t.Helper()
	var zero E
	for _, p := range r.recorded() {
		if p.Kind == cluster.KindEvent && p.Action == zero.Event() {
			all = append(all, published[E](r, p))
		}
	}
	return all
}

func (r *Recorder) recorded() []*cluster.Publication {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.all)
}

func published[T any](r *Recorder, p *cluster.Publication) Published[T] {
	r.t.Helper()
	to := p.Audience()
	out := Published[T]{
		Groups: to.Groups, Users: to.Users, Conns: to.Conns, All: to.All, Nodes: to.Nodes,
		FromConn: p.FromConn, FromUser: p.FromUser, ExceptSelf: p.ExceptSelf,
	}
	if raw, ok := any(&out.Value).(*chanx.Raw); ok {
		*raw = chanx.Raw{Name: p.Action, Payload: p.Payload}
	} else if err := r.read(p, reflect.ValueOf(&out.Value)); err != nil {
		r.t.Fatalf("chanxtest: the publication is not a valid %T: %v\ngot %s %s", out.Value, err, p.Action, p.Payload)
	}
	return out
}

// read decodes a publication with the unions of the first server that it is valid for.
func (r *Recorder) read(p *cluster.Publication, into reflect.Value) (err error) {
	r.mu.Lock()
	compiles := slices.Clone(r.compiles)
	r.mu.Unlock()
	for _, compile := range compiles {
		if err = readWith(compile, p, into); err == nil {
			return nil
		}
	}
	return err
}

func readWith(compile probe.Compile, p *cluster.Publication, into reflect.Value) error {
	typ, err := compile(into.Type().Elem())
	if err != nil {
		return err
	}
	codec, err := typ.Codec(schema.AsDeclared)
	if err != nil {
		return err
	}
	return readParts(codec, p.Payload, membersOf(p.Frame), into.Interface())
}
