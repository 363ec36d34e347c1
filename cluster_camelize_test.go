package chanx_test

import (
	"bytes"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/chanxtest"
	"github.com/chanx-go/chanx/layer"
	"github.com/chanx-go/chanx/layer/memlayer"
)

// pair is two connections: ann sends, and bob receives what she causes.
type pair struct {
	says *chanx.Server
	ann  *chanxtest.Conn
	bob  *chanxtest.Conn
}

func newPair(t *testing.T, says, hears *chanx.Server) pair {
	p := pair{says, chanxtest.Dial(t, says, "/kinds", asUser("ann")), chanxtest.Dial(t, hears, "/kinds", asUser("bob"))}
	synctest.Wait()
	chanxtest.Receive[chanx.AuthenticationMessage](p.bob)
	return p
}

// hears returns the frames that bob receives because of say.
func (p pair) hears(say func(pair)) []string {
	say(p)
	synctest.Wait()
	var frames []string
	for range p.bob.Pending() {
		frames = append(frames, p.bob.Next())
	}
	return frames
}

// TestCamelizeDiffersBetweenNodes runs two nodes of which none, one or both have ServerOptions.Camelize. Each client
// receives the names that its own node uses.
func TestCamelizeDiffersBetweenNodes(t *testing.T) {
	saying := map[string]func(pair){
		"a fine letter": func(p pair) { p.ann.Send(postMessage{"letter"}) },
		"a bare letter": func(p pair) { p.ann.Send(postMessage{"bare letter"}) },
		"a memo":        func(p pair) { p.ann.Send(postMessage{"to_all"}) },
		"Raw": func(p pair) {
			p.ann.Send(relayMessage{To: "all", Name: "some_weather", Payload: []byte(`{"is_sunny":{"a_b":1}}`)})
		},
		"Raw of nothing":   func(p pair) { p.ann.Send(relayMessage{To: "all", Name: "some_weather"}) },
		"outside a letter": func(p pair) { kindsActs(&stage{t: t, srv: p.says}, []string{"letter"}) },
		"outside a memo":   func(p pair) { kindsActs(&stage{t: t, srv: p.says}, []string{"memo"}) },
		"outside an event": func(p pair) { kindsActs(&stage{t: t, srv: p.says}, []string{"bulletin", "x"}) },
		"outside an error": func(p pair) {
			if err := p.says.Broadcast(t.Context(), chanx.ErrorMessage{Payload: map[string]int{"a_b": 1}}, chanx.All()); err != nil {
				t.Error(err)
			}
		},
	}
	for _, camel := range [][2]bool{{false, false}, {false, true}, {true, false}, {true, true}} {
		synctest.Test(t, func(t *testing.T) {
			l := memlayer.New()
			node := func(camelize bool, l layer.Layer) *chanx.Server {
				return serve(&chanx.ServerOptions{Logger: quiet, Layer: l, Camelize: camelize, Completions: camelize}, "/kinds", newKinds())
			}
			a, b, lone := node(camel[0], l), node(camel[1], l), node(camel[1], nil)
			across, alone := newPair(t, a, b), newPair(t, lone, lone)
			for _, what := range slices.Sorted(maps.Keys(saying)) {
				got, want := across.hears(saying[what]), alone.hears(saying[what])
				if len(got) == 0 || !slices.Equal(got, want) {
					t.Errorf("camelize %v: %s came as\n%s\nwant\n%s", camel, what, strings.Join(got, "\n"), strings.Join(want, "\n"))
				}
			}
			shutDown(t, a, b, lone)
		})
	}
}

// olderMemo is the memoMessage of another consumer, newerMemo that of another release.
type (
	olderMemo struct {
		FullText string `json:"full_text"`
		AnyThing struct {
			ADeeperB int `json:"a_b"`
		} `json:"any_thing"`
	}
	newerMemo struct {
		memoMessage
		NewField []memoItem `json:"new_field"`
	}
)

func (olderMemo) Action() string { return "memo_message" }
func (newerMemo) Action() string { return "memo_message" }

func TestEachConsumerCamelizesByItsOwnType(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := memlayer.New()
		worker := chanx.NewServer(&chanx.ServerOptions{Logger: quiet, Layer: l})
		srv := serve(&chanx.ServerOptions{Logger: quiet, Layer: l, Camelize: true}, "/kinds", newKinds())
		older := chanx.NewConsumer(openState, nil)
		chanx.Broadcasts[olderMemo](older)
		srv.Handle("/older", older)
		srv.Handle("/stranger", newState())
		ann, bob, zoe := chanxtest.Dial(t, srv, "/kinds", nil), chanxtest.Dial(t, srv, "/older", nil), chanxtest.Dial(t, srv, "/stranger", nil)
		synctest.Wait()
		ann.Next()
		memo := newerMemo{memoMessage{FullText: "x", AnyThing: map[string]int{"a_b": 1}}, []memoItem{{ItemName: "y"}}}
		if err := worker.Broadcast(t.Context(), memo, chanx.All()); err != nil {
			t.Fatal(err)
		}
		const head, end = `{"action":"memo_message","payload":{"fullText":"x","sentBy":"","subItems":[],"anyThing":`, `},"isMine":false,"isCurrent":false}`
		rest := `,"plain":"","trailing_":"","newField":[{"item_name":"y"}]` + end
		if got, want := ann.Next(), head+`{"a_b":1}`+rest; got != want {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
		if got, want := bob.Next(), head+`{"aB":1}`+rest; got != want {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
		if got := zoe.Pending(); len(got) != 0 {
			t.Errorf("who does not declare it got %q", got)
		}
		shutDown(t, srv, worker)
	})
}

// TestUnreadableFrameFieldsAreRefused corrupts the frame fields in a node's publication.
func TestUnreadableFrameFieldsAreRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, log, count := memlayer.New(), &logRecorder{}, &dropCounter{drops: map[chanx.DropReason]int{}}
		worker := chanx.NewServer(&chanx.ServerOptions{Logger: quiet, Layer: l})
		srv := serve(&chanx.ServerOptions{Logger: slog.New(log), Layer: l, Camelize: true, Observer: count}, "/kinds", newKinds())
		bob := chanxtest.Dial(t, srv, "/kinds", nil)
		var last []byte
		tap := l.Open(layer.Receiver{Receive: func(_ string, data []byte) { last = bytes.Clone(data) }})
		letter := letterMessage{Text: "x", routing: routing{"here"}, Copies: 1}
		err := tap.Subscribe(t.Context(), "g/kinds")
		if err == nil {
			synctest.Wait()
			err = worker.Broadcast(t.Context(), letter, chanx.To("kinds"))
		}
		synctest.Wait()
		if err != nil || len(bob.Pending()) != 2 {
			t.Fatal(err, bob.Pending())
		}
		log.take()
		for i, spoilt := range []struct{ from, to, says string }{
			{`"sent_from"`, `"sent_fro` + "\xff" + `"`, "fields beside the payload: invalid UTF-8"},
			{`"copies":1}`, `"copies",1}`, "fields beside the payload: unexpected ',', want ':'"},
			{`{"sent_from`, `["sent_from`, "the fields beside the payload are no object"},
			{`{"text":"x"}`, `{"text":"x"]`, "payload: unexpected ']'"},
		} {
			pass(time.Minute) // so that the next line is not throttled
			if err := tap.Publish(t.Context(), "g/kinds", bytes.Replace(last, []byte(spoilt.from), []byte(spoilt.to), 1)); err != nil {
				t.Error(err)
			}
			synctest.Wait()
			if got := log.take(); len(got) != 1 || !strings.Contains(got[0], "ERROR layer data refused") || !strings.Contains(got[0], spoilt.says) {
				t.Errorf("%s: the log says %q, want %q", spoilt.to, got, spoilt.says)
			}
			if n := count.of("publications_unreadable"); n != i+1 {
				t.Errorf("%d counted, want %d", n, i+1)
			}
		}
		if n := len(bob.Pending()); n != 2 {
			t.Errorf("%d frames came, want 2", n)
		}
		if err := tap.Close(t.Context()); err != nil {
			t.Error(err)
		}
		shutDown(t, srv, worker)
	})
}
