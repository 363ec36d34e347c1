//go:build linux

package main

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"time"
)

func main() {
	runIfChild()
	cfg := full
	flag.StringVar(&cfg.Layer, "layer", cfg.Layer, "nats or redis")
	flag.IntVar(&cfg.Brokers, "brokers", cfg.Brokers, "brokers; 1 is no cluster")
	flag.DurationVar(&cfg.Lasts, "for", cfg.Lasts, "how long")
	flag.Float64Var(&cfg.Rate, "rate", cfg.Rate, "messages and events a second")
	flag.IntVar(&cfg.Clients, "clients", cfg.Clients, "connections")
	flag.Uint64Var(&cfg.Seed, "seed", rand.Uint64()>>40, "what is left to chance is the same with the same seed, but for the time that things take")
	flag.Parse()
	cfg.Out = os.Stdout
	if !report(cfg) {
		os.Exit(1)
	}
}

// full is what runs without flags. With 80 sendings a second, most to groups of 30, there are about 2,000 deliveries a second.
var full = config{
	Layer: "nats", Brokers: 3, Nodes: 3, Clients: 300, Groups: 20, Rate: 80, Leaves: 5, Lasts: time.Minute, KillNodes: true,
}

// shown is the number of printed violations.
const shown = 10

// report runs the soak, prints the result, and reports whether there was no violation.
func report(cfg config) bool {
	fmt.Fprintf(cfg.Out, "soak of a cluster over %s for %v, seed %d\n", cfg.Layer, cfg.Lasts, cfg.Seed)
	r, err := run(cfg)
	if err != nil {
		fmt.Fprintln(cfg.Out, "cannot run:", err)
		return false
	}
	r.print(cfg.Out)
	broken := r.violations()
	for i, text := range broken {
		if i == shown {
			fmt.Fprintf(cfg.Out, "… and %d more\n", len(broken)-shown)
			break
		}
		fmt.Fprintln(cfg.Out, "BROKEN:", text)
	}
	if len(broken) == 0 {
		fmt.Fprintln(cfg.Out, "all promises kept")
	}
	return len(broken) == 0
}
