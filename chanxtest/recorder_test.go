package chanxtest_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/chanxtest"
	"github.com/chanx-go/chanx/layer"
	"github.com/chanx-go/chanx/layer/memlayer"
)

func shutDown(t *testing.T, servers ...*chanx.Server) {
	t.Helper()
	for _, s := range servers {
		if err := s.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	}
}

func TestAnHTTPHandlerThatEmitsNeedsNoConnection(t *testing.T) {
	t.Parallel()
	rec := chanxtest.NewRecorder(t, nil)
	s := newServer(chanx.ServerOptions{Layer: rec, Camelize: true})
	defer shutDown(t, s)
	ring := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := s.Emit(r.Context(), bell{3, smile{4}}, chanx.To("one", "two"), chanx.ToUser("ann")); err != nil {
			t.Error(err)
		}
		if err := s.Broadcast(r.Context(), said{sayText{"ding"}}, chanx.All()); err != nil {
			t.Error(err)
		}
	})
	ring.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "/ring", nil))
	events := []chanxtest.Published[bell]{{Value: bell{3, smile{4}}, Groups: []string{"one", "two"}, Users: []string{"ann"}}}
	if got := chanxtest.Events[bell](rec); !reflect.DeepEqual(got, events) {
		t.Errorf("events %+v", got)
	}
	broadcasts := []chanxtest.Published[said]{{Value: said{sayText{"ding"}}, All: true}}
	if got := chanxtest.Broadcasts[said](rec); !reflect.DeepEqual(got, broadcasts) {
		t.Errorf("broadcasts %+v", got)
	}
	if got := chanxtest.Broadcasts[knock](rec); len(got) != 0 {
		t.Errorf("broadcasts of another type: %+v", got)
	}
}

func TestEachPublicationIsRecordedOnceWithItsSender(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rec := chanxtest.NewRecorder(t, nil)
		s, other := newServer(chanx.ServerOptions{Layer: rec}), newServer(chanx.ServerOptions{Layer: rec})
		a, b := chanxtest.Dial(t, s, "/ws", as("ann")), chanxtest.Dial(t, other, "/ws", as("bob"))
		synctest.Wait()
		conns := slices.Concat(slices.Collect(s.Conns()), slices.Collect(other.Conns()))
		ann, bob := conns[0].ID(), conns[1].ID()

		a.Send(sayText{"other"})
		if f := chanxtest.Receive[said](b); f.Message.Text != "other" { // servers that share the recorder reach each other
			t.Errorf("got %+v", f)
		}
		for _, to := range []chanx.Target{chanx.ToConn(ann, bob), chanx.To("g"), chanx.ToConn(ann), chanx.To()} {
			if err := s.Broadcast(context.Background(), knock{}, to); err != nil {
				t.Error(err)
			}
		}
		if err := s.Disconnect(context.Background(), 4000, "", chanx.ToUser("bob")); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		want := []chanxtest.Published[said]{{
			Value: said{sayText{"other"}}, Groups: []string{"g"}, FromConn: ann, FromUser: "ann", ExceptSelf: true,
		}}
		if got := chanxtest.Broadcasts[said](rec); !reflect.DeepEqual(got, want) {
			t.Errorf("said: %+v", got)
		}
		knocks := []chanxtest.Published[knock]{{Conns: []string{ann, bob}}, {Groups: []string{"g"}}}
		if got := chanxtest.Broadcasts[knock](rec); !reflect.DeepEqual(got, knocks) {
			t.Errorf("knocks: %+v", got)
		}
		var all []string
		for _, p := range chanxtest.Broadcasts[chanx.Raw](rec) {
			all = append(all, p.Value.Name+string(p.Value.Payload))
		}
		if want := []string{`said{"text_said":"other"}`, "knock", "knock"}; !slices.Equal(all, want) {
			t.Errorf("all messages: %q", all)
		}
		shutDown(t, s, other)
	})
}

// TestTheRecorderKnowsTheUnionsOfItsServers, whatever their order.
func TestTheRecorderKnowsTheUnionsOfItsServers(t *testing.T) {
	t.Parallel()
	rec := chanxtest.NewRecorder(t, nil)
	servers := []*chanx.Server{
		chanx.NewServer(&chanx.ServerOptions{Layer: rec}), chanx.NewServer(&chanx.ServerOptions{Layer: rec, Unions: unions}),
		chanx.NewServer(&chanx.ServerOptions{Layer: rec}),
	}
	defer shutDown(t, servers...)
	if err := servers[1].Emit(context.Background(), bell{1, smile{2}}, chanx.All()); err != nil {
		t.Fatal(err)
	}
	if got := chanxtest.Events[bell](rec); len(got) != 1 || got[0].Value != (bell{1, smile{2}}) {
		t.Errorf("events %+v", got)
	}
}

func TestAnotherLayerMayBeBehindTheRecorder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shared := memlayer.New()
		rec := chanxtest.NewRecorder(t, &chanxtest.RecorderOptions{Layer: shared})
		s, other := newServer(chanx.ServerOptions{Layer: rec}), newServer(chanx.ServerOptions{Layer: shared})
		c := chanxtest.Dial(t, other, "/ws", nil)
		synctest.Wait()
		if err := s.Emit(context.Background(), bell{Rings: 1, Face: smile{}}, chanx.To("g")); err != nil {
			t.Fatal(err)
		}
		chanxtest.Receive[rung](c)
		if err := other.Broadcast(context.Background(), knock{}, chanx.To("g")); err != nil {
			t.Fatal(err)
		}
		if got := chanxtest.Broadcasts[chanx.Raw](rec); len(got) != 0 {
			t.Errorf("another server's publication: %+v", got)
		}
		shutDown(t, s, other)
	})
}

func TestWhatIsRecordedIsValid(t *testing.T) {
	t.Parallel()
	s := func(rec *chanxtest.Recorder) *chanx.Server {
		s := newServer(chanx.ServerOptions{Layer: rec})
		if err := s.Broadcast(context.Background(), said{}, chanx.All()); err != nil {
			t.Error(err)
		}
		if err := s.Emit(context.Background(), bell{Face: smile{}}, chanx.All()); err != nil {
			t.Error(err)
		}
		return s
	}
	expectFailure(t, func(f *failing) {
		rec := chanxtest.NewRecorder(f, nil)
		defer shutDown(t, s(rec))
		chanxtest.Broadcasts[said](rec)
	}, "not a valid chanxtest_test.said", "text_said", `got said {"text_said":""}`)
	expectFailure(t, func(f *failing) {
		rec := chanxtest.NewRecorder(f, nil)
		defer shutDown(t, s(rec))
		chanxtest.Events[oddBell](rec)
	}, "not a valid chanxtest_test.oddBell", "error at chanxtest_test.oddBell.Face", "declare the types it may hold in ServerOptions.Unions")
	expectFailure(t, func(f *failing) {
		link := chanxtest.NewRecorder(f, nil).Open(layer.Receiver{Receive: func(string, []byte) {}})
		if err := link.Publish(context.Background(), "g/x", []byte("what?")); err != nil {
			t.Error(err)
		}
	}, `record what was published to "g/x"`, "version")
}

// oddBell is a bell as another program declares it.
type oddBell struct {
	Face error `json:"face"`
}

func (oddBell) Event() string { return "bell" }
