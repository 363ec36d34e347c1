package nodetest

import (
	"github.com/chanx-go/chanx"
)

// receiverEncodes uses two nodes, one of which has camelCase, another discriminator and completions. Each node encodes the
// frames for its own connections.
func receiverEncodes(s *suite) {
	camel := func(node int, o *chanx.ServerOptions) {
		if node == 1 {
			o.Camelize, o.Discriminator, o.Completions = true, "kind", true
		}
	}
	s.withOptions(2, camel, func(k *cluster) {
		ctx := k.t.Context()
		plain, other := k.dial(0, "ann", "words"), k.dial(1, "ann", "words")
		const (
			asDeclared = `{"action":"word","payload":{"first_word":"one","next_words":[{"by_key":{"as_it_is":1}}]},"is_mine":`
			inCamel    = `{"kind":"word","payload":{"firstWord":"one","nextWords":[{"byKey":{"as_it_is":1}}]},"isMine":`
		)
		word := wordMessage{"one", []wordDetail{{map[string]int{"as_it_is": 1}}}}
		raw := chanx.Raw{Name: "as_it_is", Payload: []byte(`{"as_it_is":1}`)}
		for _, n := range k.nodes {
			k.ok(n.Broadcast(ctx, word, chanx.To("words")))
			k.ok(n.Broadcast(ctx, raw, chanx.To("words")))
			k.ok(n.Emit(ctx, ringEvent{"x"}, chanx.To("words")))
			plain.expectFrames(
				asDeclared+`false,"is_current":false}`, `{"action":"as_it_is","payload":{"as_it_is":1},"is_mine":false,"is_current":false}`,
				`{"action":"rang","payload":{"text":"x"}}`)
			other.expectFrames(
				inCamel+`false,"isCurrent":false}`, `{"kind":"group_complete"}`,
				`{"kind":"as_it_is","payload":{"as_it_is":1},"isMine":false,"isCurrent":false}`, `{"kind":"group_complete"}`,
				`{"kind":"rang","payload":{"text":"x"}}`, `{"kind":"event_complete"}`)
		}
		k.ok(plain.conn.Broadcast(ctx, word))
		plain.expectFrames(asDeclared + `true,"is_current":true}`)
		other.expectFrames(inCamel+`true,"isCurrent":false}`, `{"kind":"group_complete"}`)
		k.ok(other.conn.Broadcast(ctx, word))
		plain.expectFrames(asDeclared + `true,"is_current":false}`)
		other.expectFrames(inCamel+`true,"isCurrent":true}`, `{"kind":"group_complete"}`)
	})
}

// expectFrames checks the next frames byte by byte. Their order is not checked, because events are handled concurrently with
// messages.
func (p *peer) expectFrames(want ...string) {
	p.tb.TB.Helper()
	left := map[string]int{}
	for _, frame := range want {
		left[frame]++
	}
	for range want {
		p.tb.step = p.name + ": receives the message in its own encoding"
		got := p.Next()
		if left[got]--; left[got] < 0 {
			p.tb.Errorf("%s got %s, want one of\n%q", p.name, got, want)
		}
	}
}
