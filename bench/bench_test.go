//go:build linux

package main

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/chanx-go/chanx/bench/measure"
	"github.com/chanx-go/chanx/bench/serve"
)

// TestMain makes this program a server process if it was started as one; else it fails the run if a goroutine is left.
func TestMain(m *testing.M) {
	serve.RunIfServer()
	goleak.VerifyTestMain(m)
}

func startServer(t *testing.T, s *serve.Server, o serve.Options) team {
	t.Helper()
	all, err := start(s.Name, o)
	return watch(t, all, err)
}

// watch stops a team when the test ends.
func watch(t *testing.T, all team, err error) team {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := all.Stop(); err != nil {
			t.Error(err)
		}
	})
	return all
}

// play has some connections send and receive each kind of message. The load compares every reply.
func play(t *testing.T, all team, size int) {
	t.Helper()
	const conns = 7
	l, err := open(all, conns, size)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}()
	for _, burst := range []int{1, 16, 3} {
		if n, err := l.Echo(0, burst); err != nil || n != conns*burst {
			t.Fatalf("echo in bursts of %d: %d replies, %v", burst, n, err)
		}
		if n, err := l.Say(0, burst); err != nil || n != conns*burst {
			t.Fatalf("fan-out in bursts of %d: %d deliveries, %v", burst, n, err)
		}
		if n, err := l.Say(10*time.Millisecond, burst); err != nil || n%(conns*burst) != 0 {
			t.Fatalf("fan-out for a while in bursts of %d: %d deliveries, %v", burst, n, err)
		}
	}
}

func playAgain(t *testing.T, all team) {
	t.Helper()
	play(t, all, serve.Size)
	if err := all.waitIdle(); err != nil {
		t.Error(err)
	}
	play(t, all, serve.Size) // the connections of the first time have left its group
}

func TestEveryServerAnswersTheLoad(t *testing.T) {
	for _, s := range serve.All {
		t.Run(s.Name, func(t *testing.T) {
			all := startServer(t, s, serve.Options{})
			playAgain(t, all)
			if err := all.nodes[0].Collect(); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestEveryFormationAnswersTheLoad needs a redis-server, which make test installs.
func TestEveryFormationAnswersTheLoad(t *testing.T) {
	for _, f := range formations {
		t.Run(f.name, func(t *testing.T) {
			all, err := startTeam(f.server, f.broker, f.nodes, serve.Options{})
			playAgain(t, watch(t, all, err))
			if len(all.addrs()) != f.nodes || (all.broker != nil) != (f.broker != "") {
				t.Errorf("it has %d nodes, and a broker: %t", len(all.nodes), all.broker != nil)
			}
		})
	}
}

func TestFormationsWithoutRedis(t *testing.T) {
	whole := len(tiny.layers(100, 1).Servers)
	if whole != 7 || leftOut() != "" {
		t.Errorf("there are %d formations; %s", whole, leftOut())
	}
	t.Setenv("PATH", "")
	want := []string{inMemory, "NATS", "NATS, 3 nodes"}
	if got := tiny.layers(100, 1).Servers; !slices.Equal(got, want) || !strings.Contains(leftOut(), "redis-server") {
		t.Errorf("without a redis-server there are %v, not %v; %q", got, want, leftOut())
	}
	if text, err := redisVersion(); err != nil || text != leftOut() {
		t.Errorf("the results would say %q, %v", text, err)
	}
	if all, err := startTeam(serve.Chanx.Name, serve.Redis, 1, serve.Options{}); err == nil {
		t.Errorf("without a redis-server there is a Redis: %v", all.Stop())
	}
}

func TestServersThatDeflate(t *testing.T) {
	for _, s := range serve.All {
		if !s.Deflates {
			if p, err := serve.Start(s, serve.Options{Deflate: true}); err == nil {
				t.Errorf("%s deflates: %v", s.Name, p.Stop())
			}
			continue
		}
		t.Run(s.Name, func(t *testing.T) {
			play(t, startServer(t, s, serve.Options{Deflate: true}), deflatedSize)
			play(t, startServer(t, s, serve.Options{}), deflatedSize)
		})
	}
}

// TestPingsAreAnswered checks that servers which send pings keep connections that send nothing else.
func TestPingsAreAnswered(t *testing.T) {
	for _, name := range []string{"chanx", "centrifuge"} {
		t.Run(name, func(t *testing.T) {
			s, err := serve.Named(name)
			if err != nil {
				t.Fatal(err)
			}
			l, err := open(startServer(t, s, serve.Options{PingInterval: time.Second}), 5, serve.Size)
			if err != nil {
				t.Fatal(err)
			}
			for range 100 { // ends after two seconds or so
				if err = l.Idle(100 * time.Millisecond); err != nil || l.Beats() >= 10 {
					break
				}
			}
			if n, echoErr := l.Echo(0, 1); err != nil || echoErr != nil || n != 5 || l.Beats() < 10 {
				t.Errorf("after %d pings: %v; then %d replies, %v", l.Beats(), err, n, echoErr)
			}
			if err := l.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestNobodyHasThatName(t *testing.T) {
	if s, err := serve.Named("nobody"); err == nil {
		t.Errorf("it is %v", s)
	}
}

// tiny is the scale of tests.
var tiny = scale{func(int) int { return 5 }, 0, time.Millisecond, 100 * time.Millisecond, ""}

func TestResultsHaveEveryWorkloadAndServer(t *testing.T) {
	all := []measure.Workload{
		tiny.echo(100, 16, []string{"bare", "chanx"}), tiny.memory(10000), tiny.deflate(1000), tiny.layers(100, 16), tiny.nodes(500, 1),
		tiny.decode(), tiny.decodeAndEncode(), tiny.decodeWrong(),
	}
	all[1].Servers, all[2].Servers = []string{"chanx"}, []string{"gws"}
	all[3].Servers, all[4].Servers = []string{inMemory, "Redis, 3 nodes"}, []string{inMemory, "NATS, 2 nodes"}
	file := filepath.Join(t.TempDir(), "results")
	if err := runAll(all, 1, file); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range all {
		if !strings.Contains(string(text), "| "+w.Title) {
			t.Errorf("there is no line for %s", w.Title)
		}
		for _, s := range w.Servers {
			name := w.Name
			if w.Table != "" {
				name = w.Title
			}
			if !strings.Contains(strings.Join(strings.Fields(string(text)), " "), "| "+name+" | "+s+" |") {
				t.Errorf("there is no line for %s of %s", s, w.Name)
			}
		}
	}
	if t.Failed() {
		t.Logf("%s", text)
	}
}

func TestEachServerProcessWritesAProfile(t *testing.T) {
	s := tiny
	s.profiles = filepath.Join(t.TempDir(), "profiles")
	all := []measure.Workload{s.echo(100, 16, []string{"by hand"}), s.memory(10000), s.deflate(1000), s.layers(100, 1)}
	all[1].Servers, all[2].Servers, all[3].Servers = []string{"chanx"}, []string{"gws"}, []string{inMemory, "NATS, 3 nodes"}
	for _, w := range all {
		if _, err := measure.Run(w, 1); err != nil {
			t.Fatal(err)
		}
	}
	files, err := filepath.Glob(filepath.Join(s.profiles, "*"))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range files {
		checkProfile(t, f)
		got = append(got, filepath.Base(f))
	}
	want := []string{
		"deflate-gws.pprof", "deflate-plain-gws.pprof", "echo-100-16-by-hand.pprof",
		"layers-100-1-NATS-3-nodes-2.pprof", "layers-100-1-NATS-3-nodes-3.pprof", "layers-100-1-NATS-3-nodes.pprof",
		"layers-100-1-memory.pprof", "memory-chanx.pprof",
	}
	if !slices.Equal(got, want) {
		t.Errorf("the profiles are %q", got)
	}
}

// checkProfile fails the test if a file is not a complete CPU profile.
func checkProfile(t *testing.T, file string) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Errorf("%s: %v", file, err)
		return
	}
	text, err := io.ReadAll(z)
	if err != nil || !bytes.Contains(text, []byte("nanoseconds")) {
		t.Errorf("%s: %q, %v", file, text, err)
	}
}

func TestServersWithoutAPlaceForTheirProfile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	s := tiny
	s.profiles = file
	if all, err := start("bare", s.options("echo", "bare")); err == nil {
		t.Errorf("it serves: %v", all.Stop())
	}
}

// TestWaysAreMeasured measures a way that allocates once each time, and one that fails.
func TestWaysAreMeasured(t *testing.T) {
	var kept []*int
	f, err := inProcess{tiny, func() error {
		kept = append(kept[:0], new(int))
		return nil
	}}.Measure()
	if err != nil || f.Value <= 0 || f.Allocs < 1 || f.Allocs > 2 {
		t.Errorf("it is %+v, %v, and not one allocation", f, err)
	}
	if _, err := (inProcess{tiny, func() error { return errors.New("wrong") }}).Measure(); err == nil {
		t.Error("a failure is measured")
	}
}

func TestChoose(t *testing.T) {
	all := workloads(tiny)
	seen := map[string]bool{}
	for _, w := range all {
		if seen[w.Name] {
			t.Errorf("two workloads are called %s", w.Name)
		}
		seen[w.Name] = true
	}
	chosen := choose(all, regexp.MustCompile("^echo-100-"), regexp.MustCompile("bare|coder"))
	if len(chosen) != 2 || !slices.Equal(chosen[1].Servers, []string{"bare", "coder"}) {
		t.Errorf("chosen are %v", chosen)
	}
	if got := len(all[0].Servers); got != len(serve.All) {
		t.Errorf("choosing has left %d servers", got)
	}
}
