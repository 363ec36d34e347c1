//go:build linux

package main

import (
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

func startServer(t *testing.T, s *serve.Server, o serve.Options) *serve.Process {
	t.Helper()
	p, err := serve.Start(s, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Stop(); err != nil {
			t.Error(err)
		}
	})
	return p
}

// play has five connections say and hear each kind of message; the load compares every reply.
func play(t *testing.T, p *serve.Process, size int) {
	t.Helper()
	const conns = 5
	l, err := open(p, conns, size)
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
			t.Errorf("echo in bursts of %d: %d replies, %v", burst, n, err)
		}
		if n, err := l.Say(0, burst); err != nil || n != conns*burst {
			t.Errorf("fan-out in bursts of %d: %d deliveries, %v", burst, n, err)
		}
		if n, err := l.Say(10*time.Millisecond, burst); err != nil || n%(conns*burst) != 0 {
			t.Errorf("fan-out for a while in bursts of %d: %d deliveries, %v", burst, n, err)
		}
	}
}

func TestEveryServerAnswersTheLoad(t *testing.T) {
	for _, s := range serve.All {
		t.Run(s.Name, func(t *testing.T) {
			p := startServer(t, s, serve.Options{})
			play(t, p, serve.Size)
			if err := measure.Settle(p.Pid()); err != nil {
				t.Error(err)
			}
			play(t, p, serve.Size) // nobody of before is in its group
			if err := p.Collect(); err != nil {
				t.Error(err)
			}
		})
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

// TestPingsAreAnswered shows that servers which ping keep connections that say nothing.
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

// tiny is enough to see that a workload works.
var tiny = scale{func(int) int { return 5 }, 0, time.Millisecond, 100 * time.Millisecond}

func TestResultsHaveEveryWorkloadAndServer(t *testing.T) {
	all := []measure.Workload{tiny.echo(100, 16, []string{"bare", "chanx"}), tiny.memory(10000), tiny.deflate(1000)}
	all[1].Servers, all[2].Servers = []string{"chanx"}, []string{"gws"}
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
			if !strings.Contains(strings.Join(strings.Fields(string(text)), " "), "| "+w.Name+" | "+s+" |") {
				t.Errorf("there is no line for %s of %s", s, w.Name)
			}
		}
	}
	if t.Failed() {
		t.Logf("%s", text)
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
