//go:build linux

package main

import (
	"fmt"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/chanx-go/chanx/bench/decode"
	"github.com/chanx-go/chanx/bench/measure"
	"github.com/chanx-go/chanx/bench/serve"
)

const explanation = `Figures of ` + "`make bench`" + `: the processor time of a server's process, measured from outside, while one thread in
another process simulates all clients. The servers are measured in turn, in several rounds. A figure is the median of the
rounds; in brackets stands the median of its ratios to "bare" in the same round. Absolute times depend on the machine:
compare ratios. Messages have %d B, and every byte of every reply is checked.
`

const notes = `Echo: with 16 in flight, each connection sends 16 messages in one write, waits for the 16 replies, and sends the next 16.
Fan-out: one connection sends a message, or a burst of 16 in one write, to all connections; when all have received it, the
next connection sends. Connections are opened before each measurement and closed after it.

Processor time is what the scheduler counts for the whole process, user and kernel, in nanoseconds. "load" is the processor
time of the load generator for the same work. It has one thread, and must need less time than the server has on its cores.
No process is pinned to a core, because a server may use several; with a core reserved for the load generator the ratios
varied as much.

Memory is the growth of the resident size divided by the number of connections. It is measured after all connections have
sent and received, have then been idle for 9 s, and after a forced collection that returns free memory to the system;
1 KB is 1000 B. chanx shrinks the buffers of idle connections when it pings them. It does that every 3 s in this
measurement, and every 25 s by default.
`

const decodeExplanation = `The cost of decoding and validating a frame, without a connection. The frame has an action and five fields, each with a
constraint; the last one is a time. Processor time includes garbage collection. It and the allocations are those of the
process that runs the three ways in turn. The ratio is to encoding/json in the same round, which validates nothing.
Encoding writes the same frame again. For the invalid message both validators report all five fields; the figure of chanx
includes the texts for the client, that of validator does not.
`

const layersExplanation = `The cost of reaching connections of other processes: the processor time of all server processes together for one delivery,
that of the broker, and the delay from writing a message, or a burst, until the load generator has read it. Everything
runs on the same machine: with more processes than cores they also wait for each other, especially in bursts. Messages
and replies are those of the fan-out above. The connections are spread evenly over the nodes and send in turn. Figures are
medians, with the minimum and maximum of the rounds; ratios are to one process in memory in the same round.

The layers are those of chanx; centrifuge uses its own Redis broker. Each has its own broker process with default settings
and without storage: NATS %s, %s. In rows with a number of connections for each node, a ratio of 1 means that a delivery
costs as much on two nodes as on one. A delivery costs the machine itself more when there are twice as many connections:
the row of one process with as many connections as two nodes shows how much.
`

const natsServer = "github.com/nats-io/nats-server/v2"

func redisVersion() (string, error) {
	if missing := leftOut(); missing != "" {
		return missing, nil
	}
	v, err := serve.RedisVersion()
	return "Redis " + v, err
}

// report returns the content of the results file.
func report(rows []measure.Row, rounds int, busy string) (string, error) {
	machine, err := measure.Machine()
	if err != nil {
		return "", err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "# Results\n\n"+explanation+"\n", serve.Size)
	b.WriteString(overview(of("", rows)))
	fmt.Fprintf(&b, "\nMachine: %s; load average %s before. %d rounds.\n\n", machine, busy, rounds)
	b.WriteString(servers())
	b.WriteString("\n## Decoding\n\n" + decodeExplanation + "\n" + codingTable(of(decodeTable, rows)) + "\n" + ways())
	redis, err := redisVersion()
	if err != nil {
		return "", err
	}
	fmt.Fprintf(&b, "\n## Channel layers\n\n"+layersExplanation+"\n", version(natsServer), redis)
	b.WriteString(layerTable(of(layersTable, rows)))
	b.WriteString("\n## How\n\n" + notes + "\n## All figures\n\n" + details(of("", rows)))
	return b.String(), nil
}

// servers lists the compared servers and their versions.
func servers() string {
	t := table{{"server", "module", "what it does with a message"}}
	for _, s := range serve.All {
		t = append(t, []string{s.Name, strings.TrimSpace(s.Uses + " " + version(s.Uses)), s.Does})
	}
	return t.String()
}

// ways lists the compared ways to decode.
func ways() string {
	t := table{{"with", "module", "what it does with a message"}}
	for _, w := range decode.All {
		t = append(t, []string{w.Name, strings.TrimSpace(w.Uses + " " + version(w.Uses)), w.Does})
	}
	return t.String()
}

// version returns the version of a module in this program; empty for this repository, or if it was not recorded.
func version(path string) string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	i := slices.IndexFunc(info.Deps, func(m *debug.Module) bool { return m.Path == path && m.Replace == nil })
	if i < 0 || info.Deps[i].Version == "(devel)" {
		return ""
	}
	return info.Deps[i].Version
}
