package chanx_test

import "github.com/chanx-go/chanx"

// aim is a way to say who is meant, and who that is.
type aim struct {
	name string
	to   []chanx.Target
	who  []*peer
}

// crowd opens connections on the first two nodes of three; the third is a worker without any.
//
//	node 0: ann in g1, bob in g2
//	node 1: ann in g1 and g2, and somebody anonymous in no group
func crowd(k *cluster) []aim {
	ann0, bob0 := k.dial(0, "ann", "g1"), k.dial(0, "bob", "g2")
	ann1, anon1 := k.dial(1, "ann", "g1", "g2"), k.dial(1, "")
	ids := func(ps ...*peer) (all []string) {
		for _, p := range ps {
			all = append(all, p.conn.ID())
		}
		return all
	}
	list := func(to ...chanx.Target) []chanx.Target { return to }
	return []aim{
		{"a group", list(chanx.To("g1")), []*peer{ann0, ann1}},
		{"two groups", list(chanx.To("g2", "g1", "g2")), []*peer{ann0, bob0, ann1}},
		{"no group", list(chanx.To()), nil},
		{"an empty group", list(chanx.To("g3")), nil},
		{"a user", list(chanx.ToUser("ann")), []*peer{ann0, ann1}},
		{"users", list(chanx.ToUser("bob", "ann")), []*peer{ann0, bob0, ann1}},
		{"an unknown user", list(chanx.ToUser("zoe")), nil},
		{"a connection", list(chanx.ToConn(ids(anon1)...)), []*peer{anon1}},
		{"connections", list(chanx.ToConn(ids(bob0, ann1, anon1)...)), []*peer{bob0, ann1, anon1}},
		{"connections that are no more", list(chanx.ToConn("nonode.x", bob0.conn.ID()+"x", "x")), nil},
		{"all", list(chanx.All()), []*peer{ann0, bob0, ann1, anon1}},
		{
			"everything at once",
			list(chanx.ToConn(ids(ann1, anon1)...), chanx.To("g2", "g1"), chanx.All(), chanx.ToUser("ann"), chanx.ToConn(ids(ann0)...)),
			[]*peer{ann0, bob0, ann1, anon1},
		},
		{
			"kinds that overlap", list(chanx.To("g1"), chanx.ToUser("ann"), chanx.ToConn(ids(ann0, ann1)...)), []*peer{ann0, ann1},
		},
	}
}

// hears says what each of those who are meant gets of a message from outside.
func (a *aim) hears(text string) map[*peer]string {
	want := map[*peer]string{}
	for _, p := range a.who {
		want[p] = text
	}
	return want
}
