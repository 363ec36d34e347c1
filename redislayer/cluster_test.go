package redislayer_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/chanx-go/chanx/layer"
	"github.com/chanx-go/chanx/redislayer"
)

// channelOf is where a subject is published in a cluster.
func channelOf(subject string) string { return "chanx:{}" + subject }

// TestSlotsMove takes the slot of a subject from one node to another while it is subscribed.
func TestSlotsMove(t *testing.T) {
	t.Parallel()
	all := startCluster(t)
	l := connect(t, all.url(), nil)
	a, b := open(t, l), open(t, l)
	b.subscribe("moving", "1", "2", "3", "4", "5", "6")
	a.publish("moving", "before")
	for round := range 3 {
		mark := b.mark()
		all.moveSlot(t, "moving")
		b.recovers(mark)
		eventually(t, "publish", func() bool {
			err := a.Publish(t.Context(), "moving", fmt.Append(nil, "after ", round))
			if err != nil && !errors.Is(err, layer.ErrUnavailable) {
				t.Fatal(err)
			}
			return err == nil
		})
		b.receives("moving", fmt.Sprint("after ", round))
		for _, other := range []string{"1", "2", "3", "4", "5", "6"} {
			a.publish(other, fmt.Sprint("round ", round))
			b.receives(other, fmt.Sprint("round ", round))
		}
	}
	b.expect("moving", "before", "after 0", "after 1", "after 2")
}

// moveSlot gives the slot of a subject to another node, as redis-cli --cluster reshard does.
func (all servers) moveSlot(t *testing.T, subject string) {
	t.Helper()
	slot := all[0].must(t, "CLUSTER", "KEYSLOT", channelOf(subject))
	owner := slices.IndexFunc(all, func(s *server) bool {
		_, err := s.ask("EXISTS", channelOf(subject)) // of a key by that name: the others say MOVED
		return err == nil
	})
	from, to := all[owner], all[(owner+1)%len(all)]
	source, target := from.must(t, "CLUSTER", "MYID"), to.must(t, "CLUSTER", "MYID")
	to.must(t, "CLUSTER", "SETSLOT", slot, "IMPORTING", source)
	from.must(t, "CLUSTER", "SETSLOT", slot, "MIGRATING", target)
	to.must(t, "CLUSTER", "SETSLOT", slot, "NODE", target)
	from.must(t, "CLUSTER", "SETSLOT", slot, "NODE", target)
}

// TestBracesDoNotGatherSubjects would find all of them on one shard if Redis took what is in their braces for a hash tag.
func TestBracesDoNotGatherSubjects(t *testing.T) {
	t.Parallel()
	all := startCluster(t)
	l := connect(t, all.url(), nil)
	a, b := open(t, l), open(t, l)
	for i := range 30 {
		subject := fmt.Sprintf("{room} %d", i)
		b.subscribe(subject)
		a.publish(subject, "here")
		b.receives(subject, "here")
	}
	for _, s := range all {
		if n := channels(t, s, "SHARDCHANNELS"); n == 0 || n == 30 {
			t.Errorf("a shard has %d of 30 subjects", n)
		}
	}
}

// TestClassicStaysAtHome sees that a link uses one node of a cluster for all its subjects: that is what keeps their order.
func TestClassicStaysAtHome(t *testing.T) {
	t.Parallel()
	all := startCluster(t)
	l := connect(t, all.url(), &redislayer.Options{Classic: true})
	a, b := open(t, l), open(t, l)
	for i := range 20 {
		b.subscribe(fmt.Sprint(i))
		a.publish(fmt.Sprint(i), "here")
		b.receives(fmt.Sprint(i), "here")
	}
	used := 0
	for _, s := range all {
		if strings.Contains(s.must(t, "INFO", "commandstats"), "cmdstat_publish:") {
			used++
		}
	}
	if used != 1 {
		t.Errorf("publications of one link entered the cluster by %d nodes, want 1", used)
	}
}

// TestAPartOfAClusterIsDown has a cluster lose one of three nodes, and with it a third of all subjects.
func TestAPartOfAClusterIsDown(t *testing.T) {
	t.Parallel()
	all := startCluster(t)
	l := connect(t, all.url(), nil)
	a, b := open(t, l), open(t, l)
	b.subscribe("s")
	all[1].stop()
	b.awaits("down", func() bool { return len(b.statuses) > 0 })
	if err := b.Subscribe(t.Context(), "t"); !errors.Is(err, layer.ErrUnavailable) {
		t.Errorf("subscribe: %v, want ErrUnavailable", err)
	}
	if err := all[1].start(); err != nil {
		t.Fatal(err)
	}
	a.recovers(0)
	b.recovers(0)
	for _, subject := range []string{"s", "t"} {
		a.publish(subject, "after")
		b.receives(subject, "after")
	}
}

// TestAClusterWithoutNames has nodes that do not know their own address, as behind some proxies.
func TestAClusterWithoutNames(t *testing.T) {
	t.Parallel()
	all := startCluster(t, "--cluster-preferred-endpoint-type", "unknown-endpoint")
	l := connect(t, all.url(), nil)
	for _, subject := range []string{"1", "2", "3", "4", "5"} {
		exchange(t, l, l, subject)
	}
}

// TestAnOldClusterNeedsClassic has one without the commands of Redis 7.
func TestAnOldClusterNeedsClassic(t *testing.T) {
	t.Parallel()
	all := startCluster(t, "--rename-command", "SSUBSCRIBE", "")
	if _, err := redislayer.Connect(t.Context(), all.url(), nil); err == nil || !strings.Contains(err.Error(), "Options.Classic") {
		t.Errorf("connect: %v, want that it names Options.Classic", err)
	}
	l := connect(t, all.url(), &redislayer.Options{Classic: true})
	exchange(t, l, l, "s")
}
