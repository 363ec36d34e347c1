//go:build linux

package main

import (
	"slices"
	"strings"
	"testing"
)

// second is one of the clock, and start is long after it began.
const second, start = int64(1e6), int64(1e9)

// talkOf returns the record of two nodes, a and b, with a receiver on each, and of n messages that a sent to both, one a
// second.
func talkOf(n int) *record {
	r := &record{statuses: map[string][]status{}, killed: map[string]int64{}}
	for _, node := range []string{"a", "b"} {
		r.receivers = append(r.receivers, &receiver{name: "on " + node, node: node, user: "u0", groups: []string{"g0", "g1"}, ready: start})
	}
	for i := range n {
		s := &sending{mark: mark{From: "a", No: i + 1, To: []string{"g0"}, At: start + int64(i+1)*second}, Node: "a"}
		s.Done = s.At + 10
		r.sendings = append(r.sendings, s)
		for _, to := range r.receivers {
			to.got = append(to.got, receipt{s.id(), "g0", s.At, s.Done + 10})
		}
	}
	return r
}

// misses removes one of the messages from what a receiver got.
func (r *receiver) misses(no int) { r.got = append(r.got[:no-1:no-1], r.got[no:]...) }

func down(r *record, node string, from, to int64) {
	r.statuses[node] = []status{{At: start + from*second}, {At: start + to*second, Up: true, Gap: true}}
}

// judgeCase changes a record of 20 messages, the tenth of which was sent at 10 s. far is the receiver on b.
type judgeCase struct {
	name   string
	happen func(r *record, near, far *receiver, tenth *sending)
	want   string // a part of the violation, or "" if there is none
}

var receiptCases = []judgeCase{
	{"nothing", func(*record, *receiver, *receiver, *sending) {}, ""},
	{"a miss", func(_ *record, _, far *receiver, _ *sending) { far.misses(10) }, "missed message 10 of a"},
	{"twice", func(_ *record, _, far *receiver, _ *sending) { far.got = append(far.got, far.got[19]) }, "twice"},
	{"the wrong order", func(_ *record, _, far *receiver, _ *sending) {
		far.got[3], far.got[4] = far.got[4], far.got[3]
	}, "message 4 of a by g0 behind number 5"},
	{"by another target there is another order", func(r *record, near, far *receiver, _ *sending) {
		r.sendings[4].To = []string{"g1"}
		for _, one := range []*receiver{near, far} {
			one.got[4].by = "g1"
			one.got[3], one.got[4] = one.got[4], one.got[3]
		}
	}, ""},
	{"what nobody has sent", func(_ *record, _, far *receiver, _ *sending) { far.got[19].no = 21 }, "nobody has sent"},
	{"what was for others", func(_ *record, _, far *receiver, _ *sending) { far.got[3].by = "" }, "for others"},
	{"what a killed node did not tell", func(r *record, near, far *receiver, _ *sending) {
		r.killed["a"] = start + 21*second
		r.sendings = r.sendings[:19]
	}, ""},
}

var missCases = []judgeCase{
	{"a miss while the receiver's node is down", func(r *record, _, far *receiver, _ *sending) {
		far.misses(10)
		down(r, "b", 9, 11)
	}, ""},
	{"a miss while its own node is down", func(r *record, near, _ *receiver, tenth *sending) {
		near.misses(10)
		down(r, "a", 9, 11)
		tenth.Error = unavailable
	}, "missed message 10 of a"},
	{"a miss just before the node is down", func(r *record, _, far *receiver, _ *sending) {
		far.misses(10)
		down(r, "b", 12, 14)
	}, ""},
	{"a miss long before the node is down", func(r *record, _, far *receiver, _ *sending) {
		far.misses(10)
		down(r, "b", 16, 18)
	}, "missed message 10 of a"},
	{"a miss after the node was up again", func(r *record, _, far *receiver, _ *sending) {
		far.misses(10)
		down(r, "b", 7, 9)
	}, "missed message 10 of a"},
	{"a miss while the node stays down", func(r *record, _, far *receiver, _ *sending) {
		far.misses(20)
		r.statuses["b"] = []status{{At: start + 19*second}}
	}, ""},
	{"a miss while the node is down, and it tells no gap", func(r *record, _, far *receiver, _ *sending) {
		far.misses(10)
		down(r, "b", 9, 11)
		r.statuses["b"][1].Gap = false
	}, "missed message 10 of a"},
	{"a miss while the node says twice that it is down", func(r *record, _, far *receiver, _ *sending) {
		far.misses(3)
		r.statuses["b"] = []status{{At: start + second}, {At: start + 19*second}, {At: start + 20*second, Up: true, Gap: true}}
	}, ""},
	{"a miss before a gap", func(r *record, _, far *receiver, _ *sending) {
		far.misses(10)
		r.statuses["b"] = []status{{At: start + 15*second, Up: true, Gap: true}}
	}, ""},
	{"a miss before the status before a gap", func(r *record, _, far *receiver, _ *sending) {
		far.misses(10)
		r.statuses["b"] = []status{{At: start + 12*second, Up: true}, {At: start + 15*second, Up: true, Gap: true}}
	}, "missed message 10 of a"},
	{"a miss when the sender's node was killed", func(r *record, _, far *receiver, _ *sending) {
		r.killed["a"] = start + 21*second
		far.misses(20)
	}, ""},
	{"a miss long before the sender's node was killed", func(r *record, _, far *receiver, _ *sending) {
		r.killed["a"] = start + 21*second
		far.misses(10)
	}, "missed message 10 of a"},
	{"the last are missed with the connection", func(_ *record, near, _ *receiver, _ *sending) {
		near.got = near.got[:18]
		near.ended = start + 19*second
	}, ""},
	{"what came long before the connection was lost", func(_ *record, _, far *receiver, _ *sending) {
		far.got = far.got[:10]
		far.ended = start + 19*second
	}, "missed message 11 of a"},
	{"not the last of a lost connection", func(_ *record, _, far *receiver, _ *sending) {
		far.misses(18)
		far.ended = start + 20*second
	}, "missed message 18 of a"},
	{"before it was a member", func(_ *record, _, far *receiver, _ *sending) {
		far.got = far.got[10:]
		far.ready = start + 10*second + second/2
	}, ""},
	{"never a member", func(_ *record, _, far *receiver, _ *sending) { far.got, far.ready = nil, 0 }, ""},
}

var callCases = []judgeCase{
	{"a call fails while its node is down", func(r *record, _, far *receiver, tenth *sending) {
		tenth.Error = unavailable
		down(r, "a", 10, 11)
		far.misses(10)
	}, ""},
	{"a call fails while its node is up", func(_ *record, _, _ *receiver, tenth *sending) { tenth.Error = unavailable }, "as if the layer were down"},
	{"a call fails otherwise", func(_ *record, _, _ *receiver, tenth *sending) { tenth.Error = "no luck" }, "no luck"},
	{"a call succeeds while its node is down", func(r *record, _, _ *receiver, _ *sending) { down(r, "a", 9, 13) }, "succeeded on a"},
	{"a call with another outcome than is known", func(_ *record, near, far *receiver, tenth *sending) {
		tenth.Unknown = true
		far.misses(10)
	}, ""},
}

func TestJudge(t *testing.T) {
	for _, c := range slices.Concat(receiptCases, missCases, callCases) {
		t.Run(c.name, func(t *testing.T) {
			r := talkOf(20)
			c.happen(r, r.receivers[0], r.receivers[1], r.sendings[9])
			got := strings.Join(judged(r).broken, "\n")
			if (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
				t.Errorf("broken is %q, want %q", got, c.want)
			}
		})
	}
}

func TestVerdictCounts(t *testing.T) {
	r := talkOf(20)
	r.receivers[1].misses(10)
	down(r, "b", 11, 12)
	r.sendings[14].To = []string{"g0", "g1", "u0"} // still one copy for each
	r.sendings = append(r.sendings, &sending{mark: mark{From: "c1", No: 1, To: []string{"g0"}}, Node: "a", Unknown: true})
	v := judged(r)
	if len(v.broken) > 0 || v.due != 40 || v.delivered != 39 || v.unknown != 1 || v.refused != 0 {
		t.Errorf("the verdict is %+v", v)
	}
	if v.missed[causeReceiver] != 1 || v.reach[causeReceiver] != second || len(v.missed) != 1 {
		t.Errorf("missed are %v, reaching %v", v.missed, v.reach)
	}
	if v.delay(0) != 20 || v.delay(1) != 20 || len(v.delays) != 39 {
		t.Errorf("delays are %v", v.delays)
	}
}
