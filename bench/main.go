//go:build linux

// The bench command compares chanx with a bare socket and with other servers: processor time of a message, memory of a
// connection, the cost of decoding alone, and the cost of reaching connections of other processes over each channel layer.
// Without flags it takes about ten minutes.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"time"

	"github.com/chanx-go/chanx/bench/measure"
	"github.com/chanx-go/chanx/bench/serve"
)

func main() {
	serve.RunIfServer()
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run() error {
	which := flag.String("run", ".", "regular `expression`: the workloads to run")
	who := flag.String("servers", ".", "regular `expression`: the servers to run; without bare there are no ratios")
	rounds := flag.Int("rounds", 5, "rounds in which the servers have their turns; workloads with 10,000 connections have fewer")
	small := flag.Bool("quick", false, "a quick check that everything works: few connections, one short round, meaningless figures")
	list := flag.Bool("list", false, "list the workloads")
	profiles := flag.String("profile", "", "`directory` that a pprof profile of each server process is written into; figures are a little higher then")
	results := flag.String("results", "", "`file` that the results are written to")
	flag.Parse()
	runs, err := regexp.Compile(*which)
	if err != nil {
		return err
	}
	servers, err := regexp.Compile(*who)
	if err != nil {
		return err
	}
	size := full
	if *small {
		size, *rounds = quick, 1
	}
	size.profiles = *profiles
	chosen := choose(workloads(size), runs, servers)
	switch {
	case *list:
		for _, w := range chosen {
			fmt.Printf("%-16s %s\n", w.Name, w.Title)
		}
		return nil
	case len(chosen) == 0:
		return fmt.Errorf("no workload matches -run %q and -servers %q: -list shows them", *which, *who)
	case *rounds < 1:
		return errors.New("-rounds must be at least 1")
	}
	return runAll(chosen, *rounds, *results)
}

// choose leaves out the workloads and servers that do not match.
func choose(all []measure.Workload, runs, servers *regexp.Regexp) (chosen []measure.Workload) {
	for _, w := range all {
		w.Servers = slices.DeleteFunc(slices.Clone(w.Servers), func(s string) bool { return !servers.MatchString(s) })
		if runs.MatchString(w.Name) && len(w.Servers) > 0 {
			chosen = append(chosen, w)
		}
	}
	return chosen
}

// runAll runs the workloads, prints the table, and writes the results if there is a file for them.
func runAll(chosen []measure.Workload, rounds int, results string) error {
	if missing := leftOut(); missing != "" {
		fmt.Fprintln(os.Stderr, "bench:", missing)
	}
	busy, err := measure.Busy()
	if err != nil {
		return err
	}
	var rows []measure.Row
	for _, w := range chosen {
		began := time.Now()
		fmt.Fprintf(os.Stderr, "%s ... ", w.Name)
		r, err := measure.Run(w, rounds)
		if err != nil {
			fmt.Print(tables(rows))
			return err
		}
		fmt.Fprintf(os.Stderr, "%.0f s\n", time.Since(began).Seconds())
		rows = append(rows, r)
	}
	fmt.Print(tables(rows))
	if results == "" {
		return nil
	}
	text, err := report(rows, rounds, busy)
	if err != nil {
		return err
	}
	return os.WriteFile(results, []byte(text), 0o644)
}
