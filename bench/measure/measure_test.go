//go:build linux

package measure_test

import (
	"errors"
	"os"
	"reflect"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"github.com/chanx-go/chanx/bench/measure"
)

// TestMain fails the run if a goroutine is left.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestCPUOfAProcessCountsAllItsThreads(t *testing.T) {
	before := cpu(t)
	done := make(chan time.Duration)
	for range 2 {
		go func() {
			runtime.LockOSThread() // and the thread ends with the goroutine
			done <- burn(t)
		}()
	}
	sum := <-done + <-done
	if spent := cpu(t) - before; spent < sum {
		t.Errorf("the process has used %s, two of its threads %s", spent, sum)
	}
}

func cpu(t *testing.T) time.Duration {
	t.Helper()
	d, err := measure.CPU(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// burn keeps its thread busy until that has used some processor time, and returns how much.
func burn(t *testing.T) time.Duration {
	before, err := measure.ThreadCPU()
	now := before
	for err == nil && now-before < 20*time.Millisecond {
		now, err = measure.ThreadCPU()
	}
	if err != nil {
		t.Error(err)
	}
	return now - before
}

func TestCPUOfNobody(t *testing.T) {
	if d, err := measure.CPU(1 << 22); err == nil { // beyond the largest id
		t.Errorf("it is %s", d)
	}
	if n, err := measure.Resident(1 << 22); err == nil {
		t.Errorf("its memory is %d", n)
	}
	if err := measure.WaitIdle(1 << 22); err == nil {
		t.Error("it has settled")
	}
}

func TestResident(t *testing.T) {
	debug.FreeOSMemory() // so that the runtime has nothing to give back meanwhile
	before, err := measure.Resident(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	occupy(t)
	after, err := measure.Resident(os.Getpid())
	if err != nil || after-before < occupied*9/10 || after-before > occupied*2 {
		t.Errorf("it grew by %d for %d bytes, %v", after-before, occupied, err)
	}
}

const occupied = 64 << 20 // bytes

// occupy has the process hold memory until the test ends. It is outside the heap, which may have free memory of an earlier
// test.
func occupy(t *testing.T) {
	t.Helper()
	b, err := unix.Mmap(-1, 0, occupied, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Munmap(b); err != nil {
			t.Error(err)
		}
	})
	for i := 0; i < len(b); i += os.Getpagesize() {
		b[i] = 1
	}
}

// fake is a subject that records its calls.
type fake struct {
	name   string
	log    *[]string
	value  float64
	broken error
}

func (f *fake) Measure() (measure.Figure, error) {
	*f.log = append(*f.log, f.name)
	f.value++
	return measure.Figure{Value: f.value}, f.broken
}

func (f *fake) Stop() error {
	*f.log = append(*f.log, "stop "+f.name)
	return nil
}

func workload(log *[]string, broken error) measure.Workload {
	return measure.Workload{
		Name: "w", Servers: []string{"a", "b", "c"}, Base: "a",
		Start: func(name string) (measure.Subject, error) {
			f := &fake{name: name, log: log, value: float64(strings.Index("abc", name) * 10)}
			if name == "c" {
				f.broken = broken
			}
			return f, nil
		},
	}
}

func TestRunGivesEveryoneATurnAndTheFirstOneToAnother(t *testing.T) {
	var log []string
	row, err := measure.Run(workload(&log, nil), 3)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := strings.Join(log, " "), "a b c b c a c a b stop a stop b stop c"; got != want {
		t.Errorf("the turns were %s, not %s", got, want)
	}
	if v, ok := row.Value("b"); !ok || v != (measure.Summary{Median: 12, Min: 11, Max: 13}) {
		t.Errorf("b is %v, %t", v, ok)
	}
	if q, ok := row.Ratio("b"); !ok || q != (measure.Summary{Median: 6, Min: 13.0 / 3, Max: 11}) {
		t.Errorf("the ratio of b is %v, %t", q, ok) // 11/1, 12/2, 13/3
	}
	double := func(f measure.Figure) float64 { return 2 * f.Value }
	if p, ok := row.Part("b", double); !ok || p != (measure.Summary{Median: 24, Min: 22, Max: 26}) {
		t.Errorf("twice b is %v, %t", p, ok)
	}
	if l, ok := row.Part("b", func(f measure.Figure) float64 { return f.Load }); ok {
		t.Errorf("the load of b is %v", l)
	}
	if v, ok := row.Value("d"); ok {
		t.Errorf("d is %v", v)
	}
}

func TestRunStopsEverybodyAfterAnError(t *testing.T) {
	var log []string
	broken := errors.New("broken")
	if _, err := measure.Run(workload(&log, broken), 3); !errors.Is(err, broken) || !strings.Contains(err.Error(), "w: c: ") {
		t.Errorf("Run returned %v", err)
	}
	if got, want := strings.Join(log, " "), "a b c stop a stop b stop c"; got != want {
		t.Errorf("the turns were %s, not %s", got, want)
	}
	log = nil
	w := workload(&log, nil)
	start := w.Start
	w.Start = func(name string) (measure.Subject, error) {
		if name == "b" {
			return &fake{name: "no", log: &log}, broken
		}
		return start(name)
	}
	if _, err := measure.Run(w, 3); !errors.Is(err, broken) {
		t.Errorf("Run returned %v", err)
	}
	if !reflect.DeepEqual(log, []string{"stop a"}) {
		t.Errorf("after a start that failed: %v", log)
	}
}

func TestRatioToAnOwnBase(t *testing.T) {
	row := measure.Row{Figures: map[string][]measure.Figure{"a": {{Value: 6, Base: 4}, {Value: 2, Base: 4}}}}
	if q, ok := row.Ratio("a"); !ok || q != (measure.Summary{Median: 1, Min: 0.5, Max: 1.5}) {
		t.Errorf("the ratio is %v, %t", q, ok)
	}
	row.Figures["a"][0].Base, row.Figures["a"][1].Base = 0, 0
	if q, ok := row.Ratio("a"); ok {
		t.Errorf("the ratio to nothing is %v", q)
	}
}

func TestSummarize(t *testing.T) {
	for _, c := range []struct {
		in   []float64
		want measure.Summary
	}{
		{[]float64{3}, measure.Summary{Median: 3, Min: 3, Max: 3}},
		{[]float64{9, 1, 2}, measure.Summary{Median: 2, Min: 1, Max: 9}},
		{[]float64{4, 1, 3, 2}, measure.Summary{Median: 2.5, Min: 1, Max: 4}},
	} {
		if got := measure.Summarize(c.in); got != c.want {
			t.Errorf("of %v it is %v", c.in, got)
		}
	}
}

func TestMachine(t *testing.T) {
	s, err := measure.Machine()
	if err != nil || !strings.Contains(s, runtime.Version()) || !strings.Contains(s, "Linux ") {
		t.Errorf("it is %q, %v", s, err)
	}
	if s, err := measure.Busy(); err != nil || s == "" {
		t.Errorf("it is busy: %q, %v", s, err)
	}
}

func TestPeakFollowsResident(t *testing.T) {
	pid := os.Getpid()
	debug.FreeOSMemory() // so that the runtime has nothing to give back meanwhile
	if err := measure.ResetPeak(pid); err != nil {
		t.Fatal(err)
	}
	before, err := measure.Peak(pid)
	if err != nil {
		t.Fatal(err)
	}
	occupy(t)
	after, err := measure.Peak(pid)
	if err != nil || after < before+occupied*9/10 {
		t.Errorf("the peak went from %d to %d with %d bytes more, %v", before, after, occupied, err)
	}
}

func TestPeakOfNobody(t *testing.T) {
	if _, err := measure.Peak(0); err == nil {
		t.Error("Peak of no process")
	}
	if err := measure.ResetPeak(0); err == nil {
		t.Error("ResetPeak of no process")
	}
}
