package nodetest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"

	"github.com/chanx-go/chanx"
)

// line identifies the messages of one sender that a connection receives through one target, in order.
type line struct {
	sender int
	by     string
}

// script lists the groups of each message that a sender will send.
type script [][]string

// many has 150 connections on three nodes, each in some of 20 groups, and senders that broadcast to random groups. As groups
// do not change, the scripts determine what each connection must receive, and nothing else may arrive.
func many(s *suite) {
	const perNode, groups, perPeer, speakers, each = 50, 20, 3, 12, 15
	s.withNodes(3, func(k *cluster) {
		rnd := rand.New(rand.NewPCG(1, 2))
		some := func(n int) (names []string) {
			for _, i := range rnd.Perm(groups)[:n] {
				names = append(names, fmt.Sprint("group", i))
			}
			return names
		}
		in := map[*peer][]string{}
		for i := range 3 * perNode {
			names := some(perPeer)
			in[k.dial(i%3, fmt.Sprint("user", i%20), names...)] = names
		}
		senders := k.senders()[:3+speakers]
		scripts := make([]script, len(senders))
		for i := range scripts {
			for range each {
				scripts[i] = append(scripts[i], some(1+rnd.IntN(2)))
			}
		}
		var work sync.WaitGroup
		for i, from := range senders {
			work.Go(func() {
				for n, to := range scripts[i] {
					if err := from.broadcast(k, fmt.Sprintf("%d/%d", i, n), chanx.To(to...)); err != nil {
						k.t.Errorf("%s: %v", from.name, err)
					}
				}
			})
		}
		work.Wait()
		for p, names := range in {
			k.expectLines(p, names, scripts)
		}
	})
}

// expectedLines returns what a member of groups must receive.
func expectedLines(scripts []script, names []string) map[line][]int {
	want := map[line][]int{}
	for i, s := range scripts {
		for n, to := range s {
			if l, ok := lineTo(i, to, names); ok {
				want[l] = append(want[l], n)
			}
		}
	}
	return want
}

// lineTo returns the line of a message for a member of groups: it receives the message through the first matching target.
func lineTo(sender int, to, names []string) (line, bool) {
	k := slices.IndexFunc(to, func(name string) bool { return slices.Contains(names, name) })
	if k < 0 {
		return line{}, false
	}
	return line{sender, to[k]}, true
}

// expectLines receives the messages for a member of groups, and checks the order of each line.
func (k *cluster) expectLines(p *peer, names []string, scripts []script) {
	k.t.Helper()
	want, count := expectedLines(scripts, names), 0
	for _, numbers := range want {
		count += len(numbers)
	}
	got := map[line][]int{}
	for i := range count {
		text := p.next(fmt.Sprintf("receives %d of %d", i, count))
		var sender, n int
		if _, err := fmt.Sscanf(strings.Trim(text, "+!"), "%d/%d", &sender, &n); err != nil {
			k.t.Fatalf("%s got %q: %v", p.name, text, err)
		}
		l, ok := lineTo(sender, scripts[sender][n], names)
		if !ok {
			k.t.Fatalf("%s got number %d of %d, which was not for it", p.name, n, sender)
		}
		got[l] = append(got[l], n)
	}
	for l, numbers := range want {
		if !slices.Equal(got[l], numbers) {
			k.t.Errorf("%s got numbers %v of sender %d to %s, want %v", p.name, got[l], l.sender, l.by, numbers)
		}
	}
}
