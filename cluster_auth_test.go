package chanx_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/chanx-go/chanx"
)

// secret returns the signing key with that name.
func secret(name string) []byte { return []byte(strings.Repeat(name, 32)[:32]) }

const sealLength = 4 + 32

// unsigned takes the signature out of layer data.
func unsigned(data []byte) []byte {
	return slices.Concat(data[:3], []byte{0}, data[4+sealLength:])
}

// TestForgedLayerDataIsRefused publishes as an attacker who can read and write at the broker but has no key.
func TestForgedLayerDataIsRefused(t *testing.T) {
	log := &logRecorder{}
	keys := func(node int, o *chanx.ServerOptions) {
		o.LayerAuth.Keys = [][]byte{secret("key")}
		logOfNode0(log)(node, o)
	}
	inCluster(t, clusterOptions{nodes: 2, server: keys}, func(t *testing.T, k *cluster) {
		ctx := t.Context()
		ann, bob := k.dial(0, "ann", "g"), k.dial(1, "bob", "g")
		tap, toBob := k.outsider("g/g"), k.outsider("u/bob")
		k.ok(bob.conn.Broadcast(ctx, saidMessage{"hi"}, chanx.To("g"), chanx.ExceptSelf()))
		k.expect("signed", map[*peer]string{ann: "hi"})
		good := tap.last
		for what, change := range map[string]func([]byte) []byte{
			"kind":      func(b []byte) []byte { b[1] = 3; return b },
			"flags":     func(b []byte) []byte { b[2] = 0; return b },
			"new flags": func(b []byte) []byte { b[2] |= 0x80; return b },
			"header":    func(b []byte) []byte { return slices.Concat(b[:40], []byte("\x01\x01x\x01y"), b[41:]) },
			"user":      func(b []byte) []byte { return bytes.Replace(b, []byte("\x03bob"), []byte("\x03ann"), 1) },
			"target":    func(b []byte) []byte { return bytes.Replace(b, []byte("\x03g/g"), []byte("\x02a/"), 1) },
			"action":    func(b []byte) []byte { return bytes.Replace(b, []byte("\x04said"), []byte("\x04sail"), 1) },
			"payload":   func(b []byte) []byte { return bytes.Replace(b, []byte("hi"), []byte("ho"), 1) },
			"more":      func(b []byte) []byte { return append(b, ' ') },
			"less":      func(b []byte) []byte { return b[:len(b)-1] },
			"key id":    func(b []byte) []byte { b[4]++; return b },
			"MAC":       func(b []byte) []byte { b[39] ^= 1; return b },
			"no seal":   unsigned,
		} {
			bad := change(slices.Clone(good))
			if bytes.Equal(bad, good) {
				t.Fatalf("%s is not changed", what)
			}
			k.refused(tap, log, forged, "g/g", bad, "sign")
		}
		k.expect("forged", nil)
		k.refused(tap, log, unreadable, "u/ann", good, "the subject is not that of one of its targets")
		k.ok(k.nodes[1].Broadcast(ctx, saidMessage{"to both"}, chanx.To("g"), chanx.ToUser("bob")))
		k.expect("two targets", map[*peer]string{ann: "to both", bob: "to both"})
		if !bytes.Equal(tap.last, toBob.last) {
			t.Error("the copies of one publication differ")
		}
		k.ok(tap.Publish(ctx, "g/g", good)) // a replay is not prevented, as documented
		k.expect("sent again", map[*peer]string{ann: "hi"})
		k.ok(tap.Close(ctx))
		k.ok(toBob.Close(ctx))
	})
}

// TestServersWithoutTheKeyCannotSendCommands runs complete servers without the key on the layer of a cluster.
func TestServersWithoutTheKeyCannotSendCommands(t *testing.T) {
	keys := func(_ int, o *chanx.ServerOptions) { o.LayerAuth.Keys = [][]byte{secret("new"), secret("old")} }
	inCluster(t, clusterOptions{nodes: 2, server: keys}, func(t *testing.T, k *cluster) {
		ctx := t.Context()
		ann := k.dial(0, "ann", "g")
		var drops uint64
		for name, auth := range map[string]chanx.LayerAuth{
			"none": {}, "another": {Keys: [][]byte{secret("other")}}, "a newer one first": {Keys: [][]byte{secret("x"), secret("new")}},
		} {
			s := chanx.NewServer(&chanx.ServerOptions{Layer: k.layer, Logger: quiet, LayerAuth: auth})
			for _, err := range []error{
				s.Broadcast(ctx, saidMessage{"x"}, chanx.To("g")), s.Emit(ctx, ringEvent{"x"}, chanx.ToUser("ann")),
				s.Join(ctx, chanx.All(), "h"), s.Leave(ctx, chanx.To("g"), "g"),
				s.Disconnect(ctx, 4000, "", chanx.ToConn(ann.conn.ID())),
			} {
				k.ok(err)
				drops++
			}
			k.expect(name, nil)
			if got := k.nodes[0].Stats().Drops[forged]; got != drops {
				t.Errorf("%s: %d drops are counted, want %d", name, got, drops)
			}
			if got := ann.conn.Groups(); ann.Ended() != nil || !slices.Equal(got, []string{"g"}) {
				t.Errorf("%s: the connection is in %q, ended %v", name, got, ann.Ended())
			}
			k.ok(s.Shutdown(ctx))
		}
		older := chanx.NewServer(&chanx.ServerOptions{Layer: k.layer, Logger: quiet, LayerAuth: chanx.LayerAuth{Keys: [][]byte{secret("old")}}})
		k.ok(older.Broadcast(ctx, saidMessage{"old"}, chanx.To("g")))
		k.expect("the old key", map[*peer]string{ann: "old"})
		k.ok(older.Disconnect(ctx, 4000, "", chanx.ToUser("ann")))
		ann.ExpectClosed(4000)
		k.ok(older.Shutdown(ctx))
	})
}

// TestKeysAreIntroducedNodeByNode has a node with keys, one without, and one that requires signatures too early.
func TestKeysAreIntroducedNodeByNode(t *testing.T) {
	auth := []chanx.LayerAuth{
		{},
		{Keys: [][]byte{secret("key")}, AcceptUnsigned: true},
		{Keys: [][]byte{secret("key")}},
	}
	o := clusterOptions{nodes: 3, server: func(node int, o *chanx.ServerOptions) { o.LayerAuth = auth[node] }}
	inCluster(t, o, func(t *testing.T, k *cluster) {
		none, both, strict := k.dial(0, "a", "g"), k.dial(1, "b", "g"), k.dial(2, "c", "g")
		for i, s := range k.nodes {
			k.ok(s.Broadcast(t.Context(), saidMessage{fmt.Sprintf("g%d", i)}, chanx.To("g")))
			synctest.Wait()
		}
		k.expect("node by node", map[*peer]string{none: "g0 g1 g2", both: "g0 g1 g2", strict: "g1 g2"})
		for i, want := range []uint64{0, 0, 1} {
			if got := k.nodes[i].Stats().Drops[forged]; got != want {
				t.Errorf("node %d has refused %d, want %d", i, got, want)
			}
		}
	})
}

// TestAFloodOfForgeriesDoesNotFillTheLog checks that each kind of refusal gets one line a minute, with their number.
func TestAFloodOfForgeriesDoesNotFillTheLog(t *testing.T) {
	log := &logRecorder{}
	keys := func(node int, o *chanx.ServerOptions) {
		o.LayerAuth.Keys = [][]byte{secret("key")}
		logOfNode0(log)(node, o)
	}
	inCluster(t, clusterOptions{nodes: 1, server: keys}, func(t *testing.T, k *cluster) {
		k.dial(0, "ann", "g")
		tap := k.outsider("g/g")
		log.take()
		for range 3 {
			for range 300 {
				k.ok(tap.Publish(t.Context(), "g/g", []byte{1, 1, 0, 0})) // unsigned
				k.ok(tap.Publish(t.Context(), "g/g", []byte{2, 1, 0, 0}))
				time.Sleep(time.Minute / 300) // in a bubble
			}
		}
		synctest.Wait()
		got := log.take()
		if len(got) != 8 { // two kinds, each at the beginning and after each of three minutes
			t.Fatalf("%d lines: %q", len(got), got)
		}
		lines := map[string]int{}
		for _, line := range got {
			for _, what := range []string{forged, otherVersion} {
				if strings.HasPrefix(line, "ERROR layer data refused what="+what+" subject=g/g error=") {
					lines[what] += occurrences(line)
				}
			}
		}
		if lines[forged] != 900 || lines[otherVersion] != 900 {
			t.Errorf("the lines count %v", lines)
		}
		if d := k.nodes[0].Stats().Drops; d[forged] != 900 || d[otherVersion] != 900 {
			t.Errorf("counted is %v", d)
		}
		k.ok(tap.Close(t.Context()))
	})
}
