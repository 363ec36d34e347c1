package chanx_test

import (
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/chanxtest"
	"github.com/chanx-go/chanx/layer/memlayer"
)

// figures are the unions of servers; ownFigures are those of a consumer.
var (
	figures    = []chanx.UnionType{chanx.Union[figure]("figure_kind", chanx.VariantOf[disc]("disc"), chanx.VariantOf[*block]("block"))}
	ownFigures = []chanx.UnionType{chanx.Union[figure]("own_kind", chanx.VariantOf[disc]("round"), chanx.VariantOf[dot]("dot"))}
)

type (
	// rack is a message and an event with a union.
	rack struct {
		Lines []rackLine `json:"lines"`
	}
	rackLine struct {
		Item figure `json:"item"`
	}
	dot     struct{}
	written struct{ Text writtenText }

	writtenText struct{}

	mask struct{ Figure figure } // a facial
)

func (rack) Action() string                      { return "rack" }
func (rack) Event() string                       { return "rack" }
func (dot) figure()                              {}
func (written) figure()                          {}
func (mask) Facial()                             {}
func (writtenText) MarshalText() ([]byte, error) { return []byte("x"), nil }

func rackOf(f figure) rack { return rack{[]rackLine{{f}}} }

// newRacks returns a consumer whose connections emit to themselves what they are sent, and forward events.
func newRacks(unions []chanx.UnionType) *chanx.Consumer[state] {
	c := chanx.NewConsumer(openState, &chanx.ConsumerOptions{Groups: []string{"g"}, Unions: unions})
	chanx.On(c, func(s *state, ctx context.Context, m rack) error { return s.Emit(ctx, m, chanx.ToConn(s.ID())) })
	chanx.Broadcasts[rack](c)
	chanx.Forward[rack](c)
	return c
}

// nextItem returns the item on the next rack that a client gets.
func nextItem(t *testing.T, c *chanxtest.Conn) string {
	t.Helper()
	synctest.Wait()
	if len(c.Pending()) == 0 {
		return "nothing"
	}
	text := c.Next()
	var frame struct {
		Payload struct {
			Lines []struct{ Item json.RawMessage }
		}
	}
	if err := json.Unmarshal([]byte(text), &frame); err != nil || len(frame.Payload.Lines) != 1 {
		return text
	}
	return string(frame.Payload.Lines[0].Item)
}

func expectItem(t *testing.T, what string, c *chanxtest.Conn, want string) {
	t.Helper()
	if got := nextItem(t, c); got != want {
		t.Errorf("%s: got %s, want %s", what, got, want)
	}
}

func TestAServerWithoutConsumersSendsUnions(t *testing.T) {
	for camelize, want := range map[bool]string{
		false: `{"figure_kind":"block","side_len":3}`, true: `{"figureKind":"block","sideLen":3}`,
	} {
		synctest.Test(t, func(t *testing.T) {
			l := memlayer.New()
			job := chanx.NewServer(&chanx.ServerOptions{Logger: quiet, Layer: l, Unions: figures})
			srv := serve(&chanx.ServerOptions{Logger: quiet, Layer: l, Unions: figures, Camelize: camelize}, "/ws", newRacks(nil))
			defer shutDown(t, job, srv)
			c := chanxtest.Dial(t, srv, "/ws", nil)
			synctest.Wait()
			err := errors.Join(job.Broadcast(t.Context(), rackOf(&block{SideLen: 3}), chanx.To("g")),
				job.Emit(t.Context(), rackOf(&block{SideLen: 3}), chanx.To("g")))
			if err != nil {
				t.Error(err)
			}
			expectItem(t, "Broadcast", c, want)
			expectItem(t, "Emit", c, want)
		})
	}
}

// TestAnInheritedUnionIsLikeTheConsumers: for the document, the test client and what is refused.
func TestAnInheritedUnionIsLikeTheConsumers(t *testing.T) {
	for _, camelize := range []bool{false, true} {
		var specs []string
		for _, srv := range []*chanx.Server{specServerWith(camelize, nil, facials), specServerWith(camelize, facials, nil)} {
			spec, err := json.MarshalIndent(srv.Spec(), "", " ")
			if err != nil {
				t.Fatal(err)
			}
			specs = append(specs, string(spec))
			shutDown(t, srv)
		}
		if specs[0] != specs[1] {
			t.Errorf("camelize %v: the document differs: %s", camelize, firstDifference(specs[0], specs[1]))
		}
	}
	bubble(t, chanx.ServerOptions{Unions: figures}, func(t *testing.T, srv *chanx.Server) {
		srv.Handle("/ws", newRacks(nil))
		c := chanxtest.Dial(t, srv, "/ws", nil)
		c.Send(rackOf(disc{2}))
		if got := chanxtest.Receive[rack](c).Message; !reflect.DeepEqual(got, rackOf(disc{2})) {
			t.Errorf("it came back as %+v", got)
		}
		c.SendText(`{"action":"rack","payload":{"lines":[{"item":{"figure_kind":"disc","radius_cm":-2}}]}}`)
		c.ExpectInvalid("greater_than payload.lines.0.item.radius_cm")
	})
}

// TestAConsumersOwnUnionReplacesTheServers, but not for the server's own methods.
func TestAConsumersOwnUnionReplacesTheServers(t *testing.T) {
	const own, servers = `{"own_kind":"round","radius_cm":1}`, `{"figure_kind":"disc","radius_cm":1}`
	for _, order := range [][]string{{"/own", "/ws"}, {"/ws", "/own"}} {
		bubble(t, chanx.ServerOptions{Unions: figures}, func(t *testing.T, srv *chanx.Server) {
			consumers := map[string]*chanx.Consumer[state]{"/own": newRacks(ownFigures), "/ws": newRacks(nil)}
			for _, pattern := range order {
				srv.Handle(pattern, consumers[pattern])
			}
			for pattern, item := range map[string]string{"/own": own, "/ws": servers} {
				c := chanxtest.Dial(t, srv, pattern, nil)
				c.SendText(`{"action":"rack","payload":{"lines":[{"item":` + item + `}]}}`)
				expectItem(t, "Conn.Emit", c, item)
				if err := consumers[pattern].Emit(t.Context(), rackOf(disc{1}), chanx.To("g")); err != nil {
					t.Error(err)
				}
				expectItem(t, "Consumer.Emit", c, item)
				c.Close(1000, "")
				synctest.Wait()
			}
			c := chanxtest.Dial(t, srv, "/ws", nil)
			synctest.Wait()
			err := errors.Join(srv.Broadcast(t.Context(), rackOf(disc{1}), chanx.To("g")), srv.Emit(t.Context(), rackOf(disc{1}), chanx.To("g")))
			if err != nil {
				t.Error(err)
			}
			expectItem(t, "Server.Broadcast", c, servers)
			expectItem(t, "Server.Emit", c, servers)
		})
	}
}

// TestAConsumerMayInheritDifferentUnions from several servers.
func TestAConsumerMayInheritDifferentUnions(t *testing.T) {
	c := newRacks(nil)
	for item, unions := range map[string][]chanx.UnionType{`{"figure_kind":"disc","radius_cm":1}`: figures, `{"own_kind":"dot"}`: ownFigures} {
		bubble(t, chanx.ServerOptions{Unions: unions}, func(t *testing.T, srv *chanx.Server) {
			srv.Handle("/ws", c)
			client := chanxtest.Dial(t, srv, "/ws", nil)
			client.SendText(`{"action":"rack","payload":{"lines":[{"item":` + item + `}]}}`)
			expectItem(t, "an echo", client, item)
		})
	}
}

// TestAVariantMayNeedAUnionOfTheConsumer: NewServer accepts such a union.
func TestAVariantMayNeedAUnionOfTheConsumer(t *testing.T) {
	srv := chanx.NewServer(&chanx.ServerOptions{Unions: []chanx.UnionType{chanx.Union[facial]("kind", chanx.VariantOf[mask]("mask"))}})
	defer shutDown(t, srv)
	c := chanx.NewConsumer(openState, &chanx.ConsumerOptions{Unions: figures})
	on[portraitMessage](c)
	srv.Handle("/ws", c)
	if err := srv.Validate(portraitMessage{mask{disc{1}}}); err != nil {
		t.Error(err)
	}
}

// TestTheServerUsesAUnionThatOnlyAConsumerHas, because its methods may send what the consumer declares.
func TestTheServerUsesAUnionThatOnlyAConsumerHas(t *testing.T) {
	bubble(t, chanx.ServerOptions{Unions: facials}, func(t *testing.T, srv *chanx.Server) {
		srv.Handle("/own", newRacks(ownFigures))
		c := chanxtest.Dial(t, srv, "/own", nil)
		synctest.Wait()
		err := errors.Join(srv.Broadcast(t.Context(), rackOf(dot{}), chanx.To("g")),
			srv.Emit(t.Context(), rackOf(dot{}), chanx.To("g")), srv.Validate(rackOf(dot{})))
		if err != nil {
			t.Error(err)
		}
		expectItem(t, "Server.Broadcast", c, `{"own_kind":"dot"}`)
		expectItem(t, "Server.Emit", c, `{"own_kind":"dot"}`)
	})
}

func TestNodeEventsHaveUnions(t *testing.T) {
	bubble(t, chanx.ServerOptions{Unions: figures}, func(t *testing.T, srv *chanx.Server) {
		var got []rack
		chanx.OnNode(srv, func(_ context.Context, e rack) error {
			got = append(got, e)
			return nil
		})
		if err := srv.Emit(t.Context(), rackOf(disc{4}), chanx.Nodes()); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		if want := []rack{rackOf(disc{4})}; !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v", got)
		}
	})
}

func TestServerValidateKnowsUnions(t *testing.T) {
	srv := chanx.NewServer(&chanx.ServerOptions{Unions: figures})
	defer shutDown(t, srv)
	if err := srv.Validate(rackOf(&block{SideLen: 1})); err != nil {
		t.Error(err)
	}
	err := srv.Validate(&rack{[]rackLine{{disc{1}}, {disc{-1}}}})
	items, ok := errors.AsType[chanx.ValidationError](err)
	if !ok || len(items) != 1 || items[0].Type != "greater_than" || !reflect.DeepEqual(items[0].Loc, []any{"lines", 1, "item", "radius_cm"}) {
		t.Errorf("got %v", err)
	}
	if err := srv.Validate(nil); err == nil {
		t.Error("nil passed")
	}
}

// TestALackingUnionIsNamedWithItsMend: the type, the path to the interface, and the option for the call.
func TestALackingUnionIsNamedWithItsMend(t *testing.T) {
	srv := chanx.NewServer(nil)
	defer shutDown(t, srv)
	panics := func(do func()) error { return errors.New(panicOf(do)) }
	const lacks = "schema: compile chanx_test.figure at chanx_test.rack.Lines[].Item: it is an interface: declare the types it may hold in "
	for want, err := range map[string]error{
		"chanx: broadcast chanx_test.rack: " + lacks + "ServerOptions.Unions": srv.Broadcast(t.Context(), rackOf(dot{}), chanx.All()),
		"chanx: emit chanx_test.rack: " + lacks + "ServerOptions.Unions":      srv.Emit(t.Context(), rackOf(dot{}), chanx.All()),
		"chanx: validate value: " + lacks + "ServerOptions.Unions":            srv.Validate(rackOf(dot{})),
		"chanx: register node event chanx_test.rack: " + lacks + "ServerOptions.Unions": panics(func() {
			chanx.OnNode(srv, func(context.Context, rack) error { return nil })
		}),
		"chanx: validate value: " + lacks + "ServerOptions.Unions and call Server.Validate": chanx.Validate(rackOf(dot{})),
		`chanx: handle "/ws": consumer state: ` + lacks + "ServerOptions.Unions or ConsumerOptions.Unions": panics(func() {
			srv.Handle("/ws", newRacks(nil))
		}),
	} {
		if err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	known := chanx.NewServer(&chanx.ServerOptions{Unions: figures})
	defer shutDown(t, known)
	err := known.Broadcast(t.Context(), rackOf(dot{}), chanx.All())
	if err == nil || !strings.Contains(err.Error(), "lines.0.item: chanx_test.dot is not a variant of the union chanx_test.figure: declare it in ServerOptions.Unions") {
		t.Errorf("got %v", err)
	}
}

// TestInheritedVariantsAreCheckedByHandle: what a consumer receives, its Latest keys included, must be readable.
func TestInheritedVariantsAreCheckedByHandle(t *testing.T) {
	one := []chanx.UnionType{chanx.Union[figure]("kind", chanx.VariantOf[written]("written"))}
	const mend = `handle "/ws": consumer state: schema: compile chanx_test.writtenText at chanx_test.rack.Lines[].Item.(chanx_test.written).Text`
	for what, declare := range map[string]func(*chanx.Consumer[state]){
		"On":      on[rack],
		"OnEvent": func(c *chanx.Consumer[state]) { chanx.Forward[rack](c) },
		"Latest": func(c *chanx.Consumer[state]) {
			chanx.Broadcasts[rack](c, chanx.Latest(func(rack) string { return "" }))
		},
	} {
		c := newState()
		declare(c)
		srv := chanx.NewServer(&chanx.ServerOptions{Unions: one})
		if said := panicOf(func() { srv.Handle("/ws", c) }); !strings.Contains(said, mend) {
			t.Errorf("%s: panic %q", what, said)
		}
		shutDown(t, srv)
	}
	c := newState()
	chanx.Broadcasts[rack](c)
	shutDown(t, serve(&chanx.ServerOptions{Unions: one}, "/ws", c))
}

func TestNewTypesMayBeSentConcurrently(t *testing.T) {
	srv := chanx.NewServer(&chanx.ServerOptions{Unions: figures, Camelize: true})
	defer shutDown(t, srv)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			err := errors.Join(srv.Broadcast(t.Context(), rackOf(disc{1}), chanx.All()), srv.Emit(t.Context(), rackOf(disc{1}), chanx.All()),
				srv.Validate(rackOf(disc{1})))
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}
