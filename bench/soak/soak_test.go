//go:build linux

package main

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/chanx-go/chanx/bench/soak/host"
)

// TestMain makes this program a host if it was started as one; else it fails the run if a goroutine is left.
func TestMain(m *testing.M) {
	host.RunIfHost()
	goleak.VerifyTestMain(m)
}

// TestScenes runs all scenes with few clients. It checks what they receive, but no times.
func TestScenes(t *testing.T) {
	for _, sc := range scenes {
		t.Run(sc.name, func(t *testing.T) {
			var out strings.Builder
			ok, err := playAll(t.Context(), &report{out: &out}, settings{2 * time.Second, 1, small}, regexp.MustCompile("^"+sc.name+"$"))
			if err != nil || !ok || !strings.Contains(out.String(), "drops: ") {
				t.Errorf("%v\n%s", err, &out)
			}
		})
	}
}

func TestNoSceneMatches(t *testing.T) {
	if ok, err := playAll(t.Context(), &report{}, settings{}, regexp.MustCompile("nothing")); err == nil || ok {
		t.Errorf("playAll returned %t, %v", ok, err)
	}
}

func TestReportOfViolations(t *testing.T) {
	var out strings.Builder
	r := &report{out: &out}
	for range maxViolations + 5 {
		r.violation("it is %s", "wrong")
	}
	if r.end(7) || strings.Count(out.String(), "VIOLATION it is wrong\n") != maxViolations || !strings.Contains(out.String(), "25 violations") ||
		!strings.Contains(out.String(), "-seed 7") {
		t.Errorf("the report is %s", &out)
	}
}

func TestWhatAHostKeepsIsNoticed(t *testing.T) {
	before := usage{host.State{Goroutines: 5, Heap: 1e6}, 10e6}
	for name, c := range map[string]struct {
		after usage
		want  string
	}{
		"nothing":     {before, ""},
		"connections": {usage{host.State{Goroutines: 5, Heap: 1e6, Connections: 2}, 10e6}, "2 connections"},
		"goroutines":  {usage{host.State{Goroutines: 6, Heap: 1e6}, 10e6}, "6 goroutines"},
		"errors":      {usage{host.State{Goroutines: 5, Heap: 1e6, Faults: 3}, 10e6}, "3 errors"},
		"heap":        {usage{host.State{Goroutines: 5, Heap: 4e6}, 10e6}, "heap 4.0"},
		"memory":      {usage{host.State{Goroutines: 5, Heap: 1e6}, 40e6}, "resident 40.0"},
	} {
		var out strings.Builder
		r := &report{out: &out}
		r.compare("x", before, c.after, true)
		if (r.violations > 0) != (c.want != "") || !strings.Contains(out.String(), c.want) {
			t.Errorf("%s: %d violations: %s", name, r.violations, &out)
		}
	}
}
