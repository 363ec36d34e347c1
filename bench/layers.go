//go:build linux

package main

import (
	"fmt"
	"slices"
	"time"

	"github.com/chanx-go/chanx/bench/load"
	"github.com/chanx-go/chanx/bench/measure"
	"github.com/chanx-go/chanx/bench/serve"
)

// layersTable is the table of workloads about channel layers.
const layersTable = "layers"

// formation is one or several processes of a server, with the broker between them.
type formation struct {
	name   string
	server string
	broker string // its kind; empty: none
	nodes  int
	crowd  int // a factor for the connections of each node in the workload nodes
}

// inMemory is the baseline.
const inMemory = "memory"

var formations = []formation{
	{inMemory, serve.Chanx.Name, "", 1, 1},
	{"memory, twice as many", serve.Chanx.Name, "", 1, 2},
	{"NATS", serve.Chanx.Name, serve.NATS, 1, 1},
	{"NATS, 2 nodes", serve.Chanx.Name, serve.NATS, 2, 1},
	{"NATS, 3 nodes", serve.Chanx.Name, serve.NATS, 3, 1},
	{"Redis", serve.Chanx.Name, serve.Redis, 1, 1},
	{"Redis, 2 nodes", serve.Chanx.Name, serve.Redis, 2, 1},
	{"Redis, 3 nodes", serve.Chanx.Name, serve.Redis, 3, 1},
	{"centrifuge, Redis", "centrifuge", serve.Redis, 1, 1},
	{"centrifuge, Redis, 3 nodes", "centrifuge", serve.Redis, 3, 1},
}

// possible returns the names of requested formations that can be started here.
func possible(wanted func(formation) bool) (names []string) {
	for _, f := range formations {
		if wanted(f) && serve.Installed(f.broker) == nil {
			names = append(names, f.name)
		}
	}
	return names
}

// leftOut names the formations that are not possible, with the reason; empty if all are.
func leftOut() string {
	err := serve.Installed(serve.Redis)
	if err == nil {
		return ""
	}
	return fmt.Sprintf("without Redis: %v", err)
}

// layers is a workload of messages to conns connections, spread over the nodes.
func (s scale) layers(conns, burst int) measure.Workload {
	w := s.formed(fmt.Sprintf("layers-%d-%d", conns, burst), burst, func(formation) int { return s.conns(conns) })
	w.Title = fmt.Sprintf("to %s in all, %s", thousands(s.conns(conns)), bursts(burst))
	w.Servers = possible(func(f formation) bool { return f.nodes != 2 && f.crowd == 1 })
	return w
}

// nodes is a workload of messages to local connections on each node. With twice the nodes there are twice the connections,
// and a delivery should cost the same, except for the machine's cost of twice the connections, which one process with all of
// them shows.
func (s scale) nodes(local, burst int) measure.Workload {
	w := s.formed(fmt.Sprintf("nodes-%d-%d", local, burst), burst, func(f formation) int { return s.conns(local) * f.nodes * f.crowd })
	w.Title = fmt.Sprintf("to %s at each node, %s", thousands(s.conns(local)), bursts(burst))
	w.Servers = possible(func(f formation) bool { return f.nodes < 3 && f.server == serve.Chanx.Name })
	return w
}

// formed is a workload whose columns are formations.
func (s scale) formed(workload string, burst int, conns func(formation) int) measure.Workload {
	return measure.Workload{
		Name: workload, Table: layersTable, Unit: cpuUnit, Base: inMemory,
		Start: func(name string) (measure.Subject, error) {
			f := formations[slices.IndexFunc(formations, func(f formation) bool { return f.name == name })]
			t, err := startTeam(f.server, f.broker, f.nodes, s.options(workload, name))
			return worker{
				team: t, scale: s, conns: conns(f), size: serve.Size, delays: true,
				do: func(l *load.Load, d time.Duration) (int, error) { return l.Say(d, burst) },
			}, err
		},
	}
}
