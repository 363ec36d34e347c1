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

const explanation = `Figures of ` + "`make bench`" + `: what a server's process spends, seen from outside, while one thread in another process
plays all clients. The servers have their turns in rounds; a figure is the median of the rounds and, in brackets, the
median of its ratios to bare in the same round. Absolute times are this machine's; compare ratios. Messages have
%d B, and every reply is compared to the byte.
`

const notes = `A message in flight is sent when all of a connection's earlier ones are answered: 16 in flight are 16 messages in
one write, then 16 replies. Fan-out: one connection speaks, and the next one does when all have received; in bursts it
sends 16 messages in one write. Connections are opened for each turn and closed after it.

Processor time is the scheduler's own count for the whole process, user and kernel, in nanoseconds. "load" is what the
load spends on the same: one thread, which must stay below what the server needs of its cores. No process is pinned to a
core: a server that uses several must be able to, and where the load had a core of its own the ratios were no steadier.

Memory is the growth of the resident size divided by the connections, after all have spoken and heard, have been idle
for 9 s, and after a forced collection that returns free memory to the system; 1 KB is 1000 B. chanx tidies up idle
connections when it pings them, which it does every 3 s there instead of every 25 s.
`

const decodeExplanation = `What it takes to make a checked value of a frame, without a connection: the frame has an action and five fields of which
each has its constraint, the last that of being a time. Processor time, garbage collection included, and allocations are
those of the process that runs the three in turns. The ratio is to encoding/json in the same round, which checks nothing.
Encoding writes the same frame again. Of the wrong message both that check name all five fields; chanx has made the
texts for the client by then, validator has not.
`

const layersExplanation = `What it takes to reach connections of other processes: processor time of all server processes together for one
delivery, beside it that of the broker, and how long deliveries took from the writing of a message, or of a burst, until
the load had read them. Everything runs on the same machine: with more processes than cores they also wait for each
other, most of all in bursts. Messages and replies are those of the fan-out above, and connections, which speak in turn,
are spread evenly over the nodes. Figures are medians with the least and the most of the rounds; ratios are to one
process in memory in the same round.

The layers are chanx's; centrifuge uses its own Redis broker. Each has a broker process of its own, as it comes and without
storage: NATS %s, %s. Where connections are counted at each node, a delivery costs as
much on two nodes as on one if the ratio is 1. The machine itself needs more for a delivery where there are twice the
connections, which one process shows that has as many as two nodes.
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
