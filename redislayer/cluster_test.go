package redislayer_test

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/chanx-go/chanx/layer"
	"github.com/chanx-go/chanx/redislayer"
)

// channelOf is the channel of a subject in a cluster.
func channelOf(subject string) string { return "chanx:{}" + subject }

// TestSlotsMove moves the slot of a subscribed subject from node to node.
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

// TestPublicationsFollowASlot publishes while the slot of the subject moves from node to node. Publish returns no error.
func TestPublicationsFollowASlot(t *testing.T) {
	t.Parallel()
	all := startCluster(t)
	l := connect(t, all.url(), nil)
	a, b := open(t, l), open(t, l)
	b.subscribe("moving")
	var publishing sync.WaitGroup
	end := make(chan struct{})
	count := 0
	publishing.Go(func() {
		for running := true; running; count++ {
			if err := a.Publish(t.Context(), "moving", fmt.Append(nil, count)); err != nil {
				t.Errorf("publish: %v", err)
			}
			select {
			case <-end:
				running = false
			default:
			}
		}
	})
	for range 6 {
		mark := b.mark()
		all.moveSlot(t, "moving")
		b.recovers(mark)
	}
	close(end)
	publishing.Wait()
	a.publish("moving", "end")
	b.receives("moving", "end")
	b.expectIncreasing("moving")
	delivered := 0
	for _, s := range all {
		delivered += s.calls(t, "spublish")
	}
	if delivered != count+1 {
		t.Errorf("Redis has delivered %d publications, want %d", delivered, count+1)
	}
	if a.mark() > 0 {
		t.Errorf("the publisher got statuses %+v", a.statuses)
	}
}

// calls returns how often a command was executed, not counting refused ones.
func (s *server) calls(t *testing.T, command string) (n int) {
	t.Helper()
	_, after, _ := strings.Cut(s.must(t, "INFO", "commandstats"), "cmdstat_"+command+":")
	if _, err := fmt.Sscanf(after, "calls=%d", &n); err != nil && after != "" {
		t.Fatal(err)
	}
	return n
}

// TestASlotMovesToANewShard moves a slot to a shard that had no slots when the link connected.
func TestASlotMovesToANewShard(t *testing.T) {
	t.Parallel()
	all := startCluster(t)
	fourth := startServer(t, "--cluster-enabled", "yes", "--cluster-node-timeout", "2000")
	fourth.must(t, "CLUSTER", "SET-CONFIG-EPOCH", "4")
	fourth.must(t, "CLUSTER", "MEET", "127.0.0.1", strconv.Itoa(all[0].port))
	append(all, fourth).awaitReady(t)
	a := open(t, connect(t, all.url(), nil))
	a.publish("moving", "before")
	all.moveSlotTo(t, "moving", fourth)
	a.publish("moving", "lost")
	a.recovers(0)
	b := open(t, connect(t, all.url(), nil))
	b.subscribe("moving")
	a.publish("moving", "after")
	b.receives("moving", "after")
}

// moveSlot moves the slot of a subject to the next node.
func (all servers) moveSlot(t *testing.T, subject string) {
	t.Helper()
	all.moveSlotTo(t, subject, all[(all.owner(subject)+1)%len(all)])
}

func (all servers) owner(subject string) int {
	return slices.IndexFunc(all, func(s *server) bool {
		_, err := s.ask("EXISTS", channelOf(subject)) // the other nodes answer MOVED
		return err == nil
	})
}

// moveSlotTo moves the slot of a subject as redis-cli --cluster reshard does.
func (all servers) moveSlotTo(t *testing.T, subject string, to *server) {
	t.Helper()
	slot := all[0].must(t, "CLUSTER", "KEYSLOT", channelOf(subject))
	from := all[all.owner(subject)]
	source, target := from.must(t, "CLUSTER", "MYID"), to.must(t, "CLUSTER", "MYID")
	to.must(t, "CLUSTER", "SETSLOT", slot, "IMPORTING", source)
	from.must(t, "CLUSTER", "SETSLOT", slot, "MIGRATING", target)
	to.must(t, "CLUSTER", "SETSLOT", slot, "NODE", target)
	from.must(t, "CLUSTER", "SETSLOT", slot, "NODE", target)
}

// TestBracesInSubjectsAreNoHashTags would find all subjects on one shard if Redis took their braces for a hash tag.
func TestBracesInSubjectsAreNoHashTags(t *testing.T) {
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

// TestClassicUsesOneNode checks that a link uses one node of a cluster for all its subjects, which keeps their order.
func TestClassicUsesOneNode(t *testing.T) {
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
		t.Errorf("publications of one link went to %d nodes, want 1", used)
	}
}

// TestOneNodeOfAClusterIsDown stops one of three nodes, which has a third of all subjects.
func TestOneNodeOfAClusterIsDown(t *testing.T) {
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

// TestAClusterWithUnknownEndpoints uses nodes that do not know their own address, as behind some proxies.
func TestAClusterWithUnknownEndpoints(t *testing.T) {
	t.Parallel()
	all := startCluster(t, "--cluster-preferred-endpoint-type", "unknown-endpoint")
	l := connect(t, all.url(), nil)
	for _, subject := range []string{"1", "2", "3", "4", "5"} {
		exchange(t, l, l, subject)
	}
}

// TestAnOldClusterNeedsClassic uses a cluster without the commands of Redis 7.
func TestAnOldClusterNeedsClassic(t *testing.T) {
	t.Parallel()
	all := startCluster(t, "--rename-command", "SSUBSCRIBE", "")
	if _, err := redislayer.Connect(t.Context(), all.url(), nil); err == nil || !strings.Contains(err.Error(), "Options.Classic") {
		t.Errorf("connect: %v, want that it names Options.Classic", err)
	}
	l := connect(t, all.url(), &redislayer.Options{Classic: true})
	exchange(t, l, l, "s")
}
