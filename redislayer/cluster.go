package redislayer

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/redis/rueidis"
)

const slots = 16384

// errCluster is wrapped by the errors of a cluster that can be reached but not used.
var errCluster = errors.New("the cluster is not ready")

// streamToEachShard makes a stream to the primary of every shard, and records the owner of each slot.
func (a *attachment) streamToEachShard(ctx context.Context, l listener) error {
	a.nodes = a.client.Nodes()
	ranges, err := topology(ctx, a.nodes)
	if err != nil {
		return err
	}
	a.owners = make([]*stream, slots)
	streams := map[string]*stream{}
	for _, r := range ranges {
		if streams[r.owner] == nil {
			node := a.nodes[r.owner]
			if node == nil {
				return fmt.Errorf("%w: %s has just joined", errCluster, r.owner)
			}
			if err := checkState(ctx, node); err != nil {
				return err
			}
			streams[r.owner] = a.stream(node, l)
		}
		for i := r.first; i <= r.last; i++ {
			a.owners[i] = streams[r.owner]
		}
	}
	if slices.Contains(a.owners, nil) {
		return fmt.Errorf("%w: some slots have no node", errCluster)
	}
	return nil
}

// streamToOneNode makes one stream, to the node that the link also publishes to: the node forwards classic publications to all
// others. The client would use a different node each time, and publications could overtake each other.
func (a *attachment) streamToOneNode(ctx context.Context, l listener) error {
	nodes := a.client.Nodes()
	ranges, err := topology(ctx, nodes)
	if err != nil {
		return err
	}
	owners := map[string]rueidis.Client{} // primaries, in Go's random order
	for _, r := range ranges {
		owners[r.owner] = nodes[r.owner]
	}
	err = fmt.Errorf("%w: no slot has a node", errCluster)
	for _, node := range owners {
		if node == nil {
			continue
		}
		if err = checkLinks(ctx, node); err == nil {
			a.stream(node, l)
			return nil
		}
	}
	return err
}

// slotRange is a row of a cluster's topology.
type slotRange struct {
	first, last int64
	owner       string
}

// topology asks one node after another until one answers.
func topology(ctx context.Context, nodes map[string]rueidis.Client) (ranges []slotRange, err error) {
	err = fmt.Errorf("%w: it has no nodes", errCluster)
	for _, address := range slices.Sorted(maps.Keys(nodes)) {
		node := nodes[address]
		var rows []rueidis.RedisMessage
		if rows, err = node.Do(ctx, node.B().ClusterSlots().Build()).ToArray(); err == nil {
			return slotRanges(rows, address)
		}
	}
	return nil, err
}

// slotRanges parses the answer to CLUSTER SLOTS. Each row has the first slot, the last slot, host and port of the primary, and
// the replicas.
func slotRanges(rows []rueidis.RedisMessage, asked string) (ranges []slotRange, err error) {
	host, _, err := net.SplitHostPort(asked)
	if err != nil {
		return nil, err
	}
	for _, row := range rows {
		r, err := readRange(row, host)
		if err != nil {
			return nil, fmt.Errorf("%w: CLUSTER SLOTS: %v", errCluster, err)
		}
		ranges = append(ranges, r)
	}
	return ranges, nil
}

func readRange(row rueidis.RedisMessage, asked string) (r slotRange, err error) {
	values, err := row.ToArray()
	if err != nil {
		return r, err
	}
	if len(values) < 3 {
		return r, fmt.Errorf("a range of %d values", len(values))
	}
	primary, err := values[2].ToArray()
	if err != nil {
		return r, err
	}
	if len(primary) < 2 {
		return r, fmt.Errorf("a node of %d values", len(primary))
	}
	first, err1 := values[0].ToInt64()
	last, err2 := values[1].ToInt64()
	port, err3 := primary[1].ToInt64()
	if err := errors.Join(err1, err2, err3); err != nil {
		return r, err
	}
	if first < 0 || last >= slots {
		return r, fmt.Errorf("slots %d to %d", first, last)
	}
	host, err := primary[0].ToString()
	if err != nil && !rueidis.IsRedisNil(err) {
		return r, err
	}
	if host == "" { // the node does not know its own name: use the address it was reached at
		host = asked
	}
	return slotRange{first, last, net.JoinHostPort(host, strconv.FormatInt(port, 10))}, nil
}

// checkState returns an error if a node does not serve its slots, for example because it has just started.
func checkState(ctx context.Context, node rueidis.Client) error {
	info, err := node.Do(ctx, node.B().ClusterInfo().Build()).ToString()
	if err != nil {
		return err
	}
	if !strings.Contains(info, "cluster_state:ok") {
		return fmt.Errorf("%w: a node reports that it is down", errCluster)
	}
	return nil
}

// checkLinks returns an error if a node cannot forward publications to all other live nodes.
func checkLinks(ctx context.Context, node rueidis.Client) error {
	if err := checkState(ctx, node); err != nil {
		return err
	}
	list, err := node.Do(ctx, node.B().ClusterNodes().Build()).ToString()
	if err != nil {
		return err
	}
	for line := range strings.Lines(list) {
		// id, address, flags, primary, ping, pong, epoch, link, slots
		f := strings.Fields(line)
		if len(f) < 8 {
			return fmt.Errorf("%w: CLUSTER NODES: a line of %d fields", errCluster, len(f))
		}
		flags := strings.Split(f[2], ",")
		dead := slices.Contains(flags, "fail") || slices.Contains(flags, "noaddr") || slices.Contains(flags, "handshake")
		if !dead && f[7] != "connected" {
			return fmt.Errorf("%w: a node has lost %s", errCluster, f[1])
		}
	}
	return nil
}
