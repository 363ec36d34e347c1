//go:build linux

package main

import (
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// TestMain makes this program a broker or a node if it was started as one; else it fails the run if a goroutine is left.
func TestMain(m *testing.M) {
	runIfChild()
	goleak.VerifyTestMain(m)
}

// TestSmoke is a short soak with few clients. With a single Redis all nodes are down until it is back; in a cluster of NATS the
// node whose broker is killed moves to another.
func TestSmoke(t *testing.T) {
	for _, c := range []config{{Layer: "nats", Brokers: 3}, {Layer: "redis", Brokers: 1}} {
		t.Run(c.Layer, func(t *testing.T) {
			var out strings.Builder
			c.Nodes, c.Clients, c.Groups, c.Rate, c.Leaves, c.Lasts = 3, 24, 4, 60, 4, 3*time.Second
			c.Seed, c.Out = 1, &out
			if !report(c) {
				t.Errorf("%s", out.String())
			}
		})
	}
}

// TestKilledNode has a node killed.
func TestKilledNode(t *testing.T) {
	var out strings.Builder
	if !report(config{
		Layer: "nats", Brokers: 1, Nodes: 2, Clients: 8, Groups: 2, Rate: 60, Leaves: 4, Lasts: 2 * time.Second, KillNodes: true, Seed: 1, Out: &out,
	}) {
		t.Errorf("%s", out.String())
	}
	if !strings.Contains(out.String(), "node 1 is back") {
		t.Errorf("no node was killed:\n%s", out.String())
	}
}

func TestWhatCannotBeRun(t *testing.T) {
	pigeons, nobody := full, full
	pigeons.Layer, nobody.Clients = "pigeons", 0
	for want, c := range map[string]config{`no layer "pigeons"`: pigeons, "at least a broker, a node, a client": nobody} {
		var out strings.Builder
		c.Out = &out
		if report(c) || !strings.Contains(out.String(), want) {
			t.Errorf("it ran, or did not say %q:\n%s", want, out.String())
		}
	}
}
