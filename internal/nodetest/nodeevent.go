package nodetest

import (
	"context"
	"fmt"
	"slices"

	"github.com/chanx-go/chanx"
)

// nodeEvents emits to Nodes(), alone and together with a group, from servers and connections. The last node has no handler.
func nodeEvents(s *suite) {
	s.withNodes(3, func(k *cluster) {
		ctx := k.t.Context()
		got := make([][]string, 2)
		for i := range got {
			chanx.OnNode(k.nodes[i].Server, func(_ context.Context, e ringEvent) error {
				k.update(func() { got[i] = append(got[i], e.Text) })
				return nil
			})
		}
		p := k.dial(2, "ann", "g")
		emitters := map[string]func(text string, to ...chanx.Target) error{
			"connection": func(text string, to ...chanx.Target) error { return p.conn.Emit(ctx, ringEvent{text}, to...) },
		}
		for i, n := range k.nodes {
			emitters[fmt.Sprint("node", i)] = func(text string, to ...chanx.Target) error { return n.Emit(ctx, ringEvent{text}, to...) }
		}
		for name, emit := range emitters {
			var want []string
			for i := range 30 {
				want = append(want, fmt.Sprint(name, ": ", i))
				k.ok(emit(want[i], chanx.Nodes()))
			}
			want = append(want, name)
			k.ok(emit(name, chanx.Nodes(), chanx.To("g")))
			k.expect(name+", beside a group", map[*peer]string{p: "(" + name + ")"})
			for i := range got {
				if !k.within(k.Wait, func() bool { return len(got[i]) >= len(want) }) || !slices.Equal(got[i], want) {
					k.t.Errorf("from %s: node %d handled %q, want %q", name, i, got[i], want)
				}
				k.update(func() { got[i] = nil })
			}
			k.expectNothingElse("from " + name)
		}
	})
}
