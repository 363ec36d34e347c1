package chanx_test

import (
	"bytes"
	"context"
	"slices"
	"testing"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/internal/nodetest"
	"github.com/chanx-go/chanx/layer"
	"github.com/chanx-go/chanx/layer/memlayer"
)

// newerLayer makes a node one of a later release: what it publishes is rewritten.
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

// newerNode is an option of a cluster: node 1 is of a later release.
func newerNode(rewrite func([]byte) []byte) func(int, *chanx.ServerOptions) {
	return func(node int, o *chanx.ServerOptions) {
		if node == 1 {
			o.Layer = newerLayer{o.Layer, rewrite}
		}
	}
}

// grown adds all that may be new within version 1: headers, flags that may be ignored, a kind of target, a member of a
// command.
func grown(data []byte) []byte {
	data[2] |= 0xf0
	at := 5 // behind the number of headers
	for range 3 {
		at += 1 + int(data[at]) // node, connection and user, all of less than 128 bytes
	}
	data = slices.Concat(
		data[:4], []byte("\x02\x06chanx2\x03new\x00\x00"), data[5:at],
		[]byte{data[at] + 1}, []byte("\x05t/new"), data[at+1:],
	)
	return bytes.Replace(data, []byte(`{"code":`), []byte(`{"after":"1s","code":`), 1)
}

// TestANodeOfALaterReleaseIsUnderstood: everything that nodes promise holds while every second one is newer.
func TestANodeOfALaterReleaseIsUnderstood(t *testing.T) {
	older, opened := memlayer.New(), 0
	nodetest.Run(t, func(*testing.T) layer.Layer {
		if opened++; opened%2 == 0 {
			return newerLayer{older, grown}
		}
		return older
	}, nodetest.Features{})
}

// TestDataOfAnIncompatibleReleaseIsDropped: data that a node must not ignore and does not know is dropped and counted,
// not carried out in part. What the node itself publishes still arrives.
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
