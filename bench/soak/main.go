//go:build linux

// The soak command simulates many clients of one server, over real sockets and for minutes. It fails if they receive
// anything wrong, or if the server holds more connections, goroutines or memory afterwards than before.
package main

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"regexp"
	"time"

	"github.com/chanx-go/chanx/bench/soak/host"
)

// answerTimeout is how long the server may be silent while something is due.
const answerTimeout = 30 * time.Second

// scene is one of the soaks. It prints its figures and reports violations.
type scene struct {
	name, title string
	play        func(context.Context, *report, settings) error
}

// settings are those of a run.
type settings struct {
	length time.Duration // of the scenes without a fixed length
	seed   uint64
	scale  scale
}

// scale is how large a soak is.
type scale struct {
	actors      int           // mixed: clients at a time
	subscribers int           // slow: subscribers
	slow        int           // slow: subscribers that do not read, or too slowly
	crowd       int           // crowd: connections
	talkers     int           // shutdown: connections
	talk        time.Duration // shutdown: the time before it
	step        time.Duration // slow: the time between posts
	still       time.Duration // how long a host must not change before it is its baseline
	figures     bool          // whether times and memory are judged
}

var (
	full = scale{
		actors: 60, subscribers: 100, slow: 10, crowd: 10_000, talkers: 1000,
		talk: 3 * time.Second, step: 10 * time.Millisecond, still: 3 * time.Second, figures: true,
	}
	small = scale{
		actors: 12, subscribers: 6, slow: 2, crowd: 100, talkers: 30,
		talk: 300 * time.Millisecond, step: time.Millisecond, still: 500 * time.Millisecond,
	}
)

var scenes = []scene{
	{"mixed", "clients do all kinds of things and go in all kinds of ways", playMixed},
	{"slow", "some subscribers do not read, some too slowly", playSlow},
	{"crowd", "many connections come and go, three times", playCrowd},
	{"shutdown", "the server shuts down under load", playShutdown},
}

func main() {
	host.RunIfHost()
	ok, err := run()
	if err != nil {
		fmt.Fprintln(os.Stderr, "soak:", err)
	}
	if err != nil || !ok {
		os.Exit(1)
	}
}

func run() (ok bool, err error) {
	which := flag.String("run", ".", "regular `expression`: the scenes to play")
	length := flag.Duration("for", 2*time.Minute, "how long clients do all kinds of things; the slow ones, half as long")
	seed := flag.Uint64("seed", rand.Uint64(), "of what clients decide; what happens then is the machine's decision, too")
	quick := flag.Bool("quick", false, "few clients, and neither times nor memory are judged")
	flag.Parse()
	runs, err := regexp.Compile(*which)
	if err != nil {
		return false, err
	}
	s := settings{length: *length, seed: *seed, scale: full}
	if *quick {
		s.scale = small
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	fmt.Printf("seed %d\n", s.seed)
	return playAll(ctx, &report{out: os.Stdout}, s, runs)
}

func playAll(ctx context.Context, r *report, s settings, runs *regexp.Regexp) (ok bool, err error) {
	n := 0
	for _, sc := range scenes {
		if !runs.MatchString(sc.name) {
			continue
		}
		n++
		r.printf("\n=== %s: %s", sc.name, sc.title)
		if err := sc.play(ctx, r, s); err != nil {
			return false, fmt.Errorf("%s: %w", sc.name, err)
		}
		if err := context.Cause(ctx); err != nil {
			return false, err
		}
	}
	if n == 0 {
		return false, fmt.Errorf("no scene matches -run %q: there are mixed, slow, crowd and shutdown", runs)
	}
	return r.end(s.seed), nil
}
