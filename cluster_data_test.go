package chanx_test

import (
	"bytes"
	"context"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/internal/faultlayer"
	"github.com/chanx-go/chanx/internal/nodetest"
	"github.com/chanx-go/chanx/layer"
	"github.com/chanx-go/chanx/layer/memlayer"
)

// outsider is a link to the cluster's layer that belongs to no server.
type outsider struct {
	layer.Link
	last []byte
}

func (k *cluster) outsider(subject string) *outsider {
	o := &outsider{}
	o.Link = k.layer.Open(layer.Receiver{Receive: func(_ string, data []byte) { o.last = data }})
	k.ok(o.Subscribe(k.t.Context(), subject))
	return o
}

const (
	unreadable   = "publications_unreadable"
	otherVersion = "publications_other_version"
	forged       = "publications_unauthentic"
	tooLong      = "publications_too_long"
)

// refused publishes data that node 0 must drop, count as what, and log with a line that begins with says.
func (k *cluster) refused(by layer.Link, log *logRecorder, what, subject string, data []byte, says string) {
	k.t.Helper()
	pass(time.Minute) // so that the next line is not throttled
	before := k.nodes[0].Stats().Drops
	k.ok(by.Publish(k.t.Context(), subject, data))
	synctest.Wait()
	want := maps.Clone(before)
	if want == nil {
		want = map[chanx.DropReason]uint64{}
	}
	want[chanx.DropReason(what)]++
	if got := k.nodes[0].Stats().Drops; !maps.Equal(got, want) {
		k.t.Errorf("%s: counted is %v, want %v", says, got, want)
	}
	head := "ERROR layer data refused what=" + what + " subject=" + subject + " error=chanx: read layer data: "
	if got := log.take(); len(got) != 1 || !strings.HasPrefix(got[0], head) || !strings.Contains(got[0], says) || !strings.HasSuffix(got[0], " count=1") {
		k.t.Errorf("log %q, want %q and %q", got, head, says)
	}
}

// TestInvalidLayerDataIsRefused publishes data as other versions or faulty brokers may send it.
func TestInvalidLayerDataIsRefused(t *testing.T) {
	log := &logRecorder{}
	inCluster(t, clusterOptions{nodes: 2, server: logOfNode0(log)}, func(t *testing.T, k *cluster) {
		ctx := t.Context()
		p, tap := k.dial(0, "ann", "one", "two"), k.outsider("g/three")
		k.ok(k.nodes[1].Broadcast(ctx, saidMessage{"hi"}, chanx.To("one", "three")))
		k.expect("good", map[*peer]string{p: "hi"})
		good := tap.last
		for n := range len(good) - len(`{"text":"hi"}`) {
			k.refused(tap, log, unreadable, "g/one", good[:n], "")
		}
		for _, bad := range []struct {
			at         int
			to         byte
			what, says string
		}{
			{0, 0, otherVersion, "version 0 is not known"},
			{0, 2, otherVersion, "version 2 is not known"},
			{1, 0, otherVersion, "kind 0 is not known"},
			{1, 99, otherVersion, "kind 99 is not known"},
			{2, 0x08 | 1, otherVersion, "flag 0x8 is not known"},
			{3, 255, unreadable, "it ends too early"},
			{4, 65, unreadable, "count 65 is more than 64"},
		} {
			data := slices.Clone(good)
			data[bad.at] = bad.to
			k.refused(tap, log, bad.what, "g/one", data, bad.says)
		}
		k.refused(tap, log, unreadable, "g/two", good, "the subject is not that of one of its targets")
		long := append(slices.Clone(good), make([]byte, 16<<20-len(good)+1)...)
		k.refused(tap, log, tooLong, "g/one", long, "it has 16777217 bytes, more than 16777216")
		k.expect("bad", nil)
		k.ok(tap.Publish(ctx, "g/one", good))
		k.expect("good again", map[*peer]string{p: "hi"})
		k.ok(tap.Close(ctx))
	})
}

// longHeader is an Observer whose header makes publications long.
type longHeader struct {
	chanx.NopObserver
	header string
	ended  []error
}

func (o *longHeader) Publish(_ context.Context, p *chanx.Publication) func(error) {
	p.SetHeader("longHeader", o.header)
	return func(err error) { o.ended = append(o.ended, err) }
}

// TestMessagesTooLongForTheLayerAreNotDelivered checks that the call returns an error and that no node delivers them.
func TestMessagesTooLongForTheLayerAreNotDelivered(t *testing.T) {
	w, o := &wiretap{}, &longHeader{header: strings.Repeat("x", 16<<20)}
	options := clusterOptions{nodes: 2, faults: faultlayer.Faults{Call: w.call}, server: func(node int, so *chanx.ServerOptions) {
		if node == 0 {
			so.Observer = o
		}
	}}
	inCluster(t, options, func(t *testing.T, k *cluster) {
		ctx, s := t.Context(), k.nodes[0]
		ann, bob := k.dial(0, "ann", "g"), k.dial(1, "bob", "g")
		for verb, do := range map[string]func() error{
			"Server.Broadcast": func() error { return s.Broadcast(ctx, saidMessage{"x"}, chanx.To("g")) },
			"Conn.Broadcast":   func() error { return ann.conn.Broadcast(ctx, saidMessage{"x"}) },
			"Server.Emit":      func() error { return s.Emit(ctx, ringEvent{"x"}, chanx.To("g")) },
			"Server.Join":      func() error { return s.Join(ctx, chanx.To("g"), "h") },
			"Disconnect":       func() error { return s.Disconnect(ctx, 4000, "", chanx.To("g")) },
		} {
			o.ended = nil
			err := do()
			if err == nil || !strings.Contains(err.Error(), "more than 16777216: send less") {
				t.Errorf("%s: %v", verb, err)
			}
			if !slices.Equal(o.ended, []error{err}) {
				t.Errorf("%s: the Observer was called with %v", verb, o.ended)
			}
		}
		if subjects, _ := w.take(); len(subjects) != 0 {
			t.Errorf("what is too long was published to %q", subjects)
		}
		k.expect("what is too long", nil)
		if got := ann.conn.Groups(); !slices.Equal(got, []string{"g"}) || ann.Ended() != nil {
			t.Errorf("the connection is in %q, ended %v", got, ann.Ended())
		}
		o.header = o.header[:16<<20-300]
		k.ok(s.Broadcast(ctx, saidMessage{"fits"}, chanx.To("g")))
		k.expect("what is not", map[*peer]string{ann: "fits", bob: "fits"})
	})
}

func TestUnreadableCommandsAreRefused(t *testing.T) {
	log := &logRecorder{}
	inCluster(t, clusterOptions{nodes: 2, server: logOfNode0(log)}, func(t *testing.T, k *cluster) {
		ctx := t.Context()
		p, tap := k.dial(0, "ann", "one"), k.outsider("u/ann")
		refused := func(says string, change func([]byte) []byte) {
			t.Helper()
			k.refused(tap, log, unreadable, "u/ann", change(slices.Clone(tap.last)), says)
		}
		cut := func(b []byte) []byte { return b[:len(b)-1] }
		k.ok(k.nodes[1].Join(ctx, chanx.ToUser("ann"), "new"))
		synctest.Wait()
		refused("unexpected end", cut)
		refused("it is empty", func(b []byte) []byte { return append(b[:len(b)-len(`["new"]`)], `[""]`...) })
		k.ok(p.conn.Leave(ctx, "one"))
		last := tap.last
		k.ok(k.nodes[1].Disconnect(ctx, 4000, "", chanx.ToUser("zoe", "nobody")))
		if !bytes.Equal(tap.last, last) {
			t.Error("what was for others came")
		}
		k.ok(k.nodes[1].Disconnect(ctx, 4000, "", chanx.ToUser("bob", "ann")))
		p.ExpectClosed(4000)
		ann := k.dial(0, "ann")
		refused("unexpected end", cut)
		refused("1006 may not be sent", func(b []byte) []byte { return bytes.Replace(b, []byte("4000"), []byte("1006"), 1) })
		k.expect("bad commands", nil)
		if ann.Ended() != nil {
			t.Errorf("bad commands closed the connection: %v", ann.Ended())
		}
		k.ok(tap.Close(ctx))
	})
}

// newerLayer simulates a node of a later release: it rewrites what the node publishes.
type newerLayer struct {
	layer.Layer
	rewrite func(data []byte) []byte
}

func (n newerLayer) Open(r layer.Receiver) layer.Link { return newerLink{n.Layer.Open(r), n.rewrite} }

type newerLink struct {
	layer.Link
	rewrite func(data []byte) []byte
}

func (l newerLink) Publish(ctx context.Context, subject string, data []byte) error {
	return l.Link.Publish(ctx, subject, l.rewrite(slices.Clone(data)))
}

// newerNode is a clusterOptions.server that makes node 1 one of a later release.
func newerNode(rewrite func([]byte) []byte) func(int, *chanx.ServerOptions) {
	return func(node int, o *chanx.ServerOptions) {
		if node == 1 {
			o.Layer = newerLayer{o.Layer, rewrite}
		}
	}
}

// grown adds what a later release may add within version 1: headers, flags that may be ignored, a kind of target, and a
// member of a command.
func grown(data []byte) []byte {
	data[2] |= 0xf0
	at := 5 // after the number of headers
	for range 3 {
		at += 1 + int(data[at]) // node, connection and user, all of less than 128 bytes
	}
	data = slices.Concat(
		data[:4], []byte("\x02\x06chanx2\x03new\x00\x00"), data[5:at],
		[]byte{data[at] + 1}, []byte("\x05t/new"), data[at+1:],
	)
	return bytes.Replace(data, []byte(`{"code":`), []byte(`{"after":"1s","code":`), 1)
}

// TestANodeOfALaterReleaseIsUnderstood runs the tests of nodetest with every second node newer than the others.
func TestANodeOfALaterReleaseIsUnderstood(t *testing.T) {
	older, opened := memlayer.New(), 0
	nodetest.Run(t, func(*testing.T) layer.Layer {
		if opened++; opened%2 == 0 {
			return newerLayer{older, grown}
		}
		return older
	}, nodetest.Features{})
}

// TestDataOfAnIncompatibleReleaseIsDropped checks that a publication with a part that a node does not know and must not
// ignore is dropped as a whole, and counted. What the node itself publishes still arrives.
func TestDataOfAnIncompatibleReleaseIsDropped(t *testing.T) {
	for name, rewrite := range map[string]func([]byte) []byte{
		"version": func(b []byte) []byte { b[0] = 2; return b },
		"kind":    func(b []byte) []byte { b[1] += 5; return b },
		"flag 4":  func(b []byte) []byte { b[2] |= 4; return b },
		"flag 8":  func(b []byte) []byte { b[2] |= 8; return b },
	} {
		inCluster(t, clusterOptions{nodes: 2, server: newerNode(rewrite)}, func(t *testing.T, k *cluster) {
			ctx, newer := t.Context(), k.nodes[1]
			a, b := k.dial(0, "ann", "g"), k.dial(1, "bob", "g")
			k.ok(newer.Broadcast(ctx, saidMessage{"1"}, chanx.To("g")))
			k.ok(newer.Emit(ctx, ringEvent{"2"}, chanx.To("g")))
			k.ok(newer.Join(ctx, chanx.To("g"), "h"))
			k.ok(newer.Leave(ctx, chanx.ToUser("ann"), "g"))
			k.expect(name, map[*peer]string{b: "1 (2)"})
			k.ok(newer.Disconnect(ctx, 4000, "", chanx.ToUser("ann")))
			k.ok(k.nodes[0].Broadcast(ctx, saidMessage{"3"}, chanx.To("g")))
			k.ok(k.nodes[0].Broadcast(ctx, saidMessage{"4"}, chanx.To("h")))
			k.expect(name+", the other way", map[*peer]string{a: "3", b: "3 4"})
			if d := k.nodes[0].Stats().Drops; len(d) != 1 || d[otherVersion] != 5 {
				t.Errorf("%s: dropped are %v, want 5 as %q", name, d, otherVersion)
			}
			if got := a.conn.Groups(); !slices.Equal(got, []string{"g"}) || a.Ended() != nil {
				t.Errorf("%s: the connection is in %q, ended %v", name, got, a.Ended())
			}
		})
	}
}
