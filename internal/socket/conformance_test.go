package socket

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"
)

// autobahnCases are the cases of Autobahn|Testsuite 0.8.2 that run by default: all of RFC 6455, and one of each
// negotiable kind of the 216 of permessage-deflate (RFC 7692), which would take a quarter of an hour. A * matches any
// rest of a name.
var autobahnCases = []string{
	"1.*", "2.*", "3.*", "4.*", "5.*", "6.*", "7.*", "9.*", "10.*",
	"12.1.3", "12.3.5", "12.5.5", "13.1.3", "13.2.5", "13.7.1",
}

const autobahnCount = 307

// TestAutobahnFindsNothingWrong runs the fuzzing client of Autobahn|Testsuite against an echo server. WSTEST is the
// path of its command, which make conformance installs. With -artifacts its reports are kept, with the bytes of each
// case. AUTOBAHN_CASES selects other cases, separated by spaces: with "12.* 13.*" the cases that ask for a smaller
// window are reported as unimplemented, and therefore not as wrong.
func TestAutobahnFindsNothingWrong(t *testing.T) {
	wstest := os.Getenv("WSTEST")
	if wstest == "" {
		t.Skip("WSTEST is not the path of Autobahn's wstest: make conformance installs and runs it")
	}
	reports, begin := t.ArtifactDir(), time.Now()
	cases, count := autobahnCases, autobahnCount
	if others := strings.Fields(os.Getenv("AUTOBAHN_CASES")); len(others) > 0 {
		cases, count = others, 0
	}
	play(t, wstest, reports, serveReturner(t), cases)
	index, err := os.ReadFile(filepath.Join(reports, "index.json"))
	must(t, err)
	all, err := outcomes(index)
	must(t, err)

	behavior, closing := map[string]int{}, map[string]int{}
	for _, o := range all {
		behavior[o.Behavior]++
		closing[o.BehaviorClose]++
		if !o.fine() && (count > 0 || o.Behavior != unimplemented) {
			t.Errorf("%s\n%s", o, o.details(t, reports))
		}
	}
	t.Logf("%d cases in %.1f s; behaviour %v, closing %v", len(all), time.Since(begin).Seconds(), behavior, closing)
	if len(all) == 0 || count > 0 && len(all) != count {
		t.Errorf("%d cases were played, want %d", len(all), count)
	}
}

// serveReturner returns the address of an echo server without the limits that the cases 9.* exceed: 16 MiB in one
// message, 65,536 frames in one message, and any duration on a busy machine.
func serveReturner(t *testing.T) (url string) {
	t.Helper()
	s := newServer(t, Options{MaxMessageBytes: 16 << 20, MaxFragments: -1, MessageTimeout: -1, Deflate: true, DeflateMinBytes: -1}, false)
	go func() {
		for {
			select {
			case c := <-s.conns:
				c.Start(&returner{echoer{c}}, nil)
			case <-t.Context().Done():
				return
			}
		}
	}()
	return "ws" + strings.TrimPrefix(s.http.URL, "http")
}

// returner is an echoer that keeps the message type.
type returner struct{ echoer }

func (r *returner) Message(p []byte, binary bool) {
	f := r.c.up.PrepareText(p)
	if binary {
		f.b[0] = 0x80 | byte(ws.OpBinary)
	}
	_ = r.c.WritePrepared([]Prepared{f}, true) // fails if Autobahn has disconnected; otherwise Autobahn misses the answer
}

// play runs the fuzzing client. Its exit code does not depend on the cases.
func play(t *testing.T, wstest, reports, url string, cases []string) {
	t.Helper()
	spec, err := json.Marshal(map[string]any{
		"outdir":              reports,
		"servers":             []any{map[string]string{"agent": "chanx", "url": url}},
		"cases":               cases,
		"exclude-cases":       []string{},
		"exclude-agent-cases": map[string]any{},
	})
	must(t, err)
	file := filepath.Join(reports, "spec.json")
	must(t, os.WriteFile(file, spec, 0o600))
	ctx := t.Context()
	if end, ok := t.Deadline(); ok { // otherwise go test would leave wstest running
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, end.Add(-30*time.Second))
		defer cancel()
	}
	cmd := exec.CommandContext(ctx, wstest, "-m", "fuzzingclient", "-s", file)
	cmd.WaitDelay = time.Second
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("wstest: %v (%v)\n%s", err, ctx.Err(), out)
	}
}

const unimplemented = "UNIMPLEMENTED"

// An outcome is one case in Autobahn's index.
type outcome struct {
	id              string
	Behavior        string
	BehaviorClose   string
	RemoteCloseCode any // a number, or nil for none
	ReportFile      string
}

// outcomes parses the index, which lists the cases of each server.
func outcomes(index []byte) (all []outcome, err error) {
	var servers map[string]map[string]outcome
	if err := json.Unmarshal(index, &servers); err != nil {
		return nil, err
	}
	for _, cases := range servers {
		for _, id := range slices.Sorted(maps.Keys(cases)) {
			o := cases[id]
			o.id = id
			all = append(all, o)
		}
	}
	return all, nil
}

// fine is strict: it accepts INFORMATIONAL, where RFC 6455 allows a choice, but not NON-STRICT.
func (o outcome) fine() bool {
	good := []string{"OK", "INFORMATIONAL"}
	return slices.Contains(good, o.Behavior) && slices.Contains(good, o.BehaviorClose)
}

func (o outcome) String() string {
	return fmt.Sprintf("case %s: behaviour %s, closing %s, code of our Close frame %v",
		o.id, o.Behavior, o.BehaviorClose, o.RemoteCloseCode)
}

// details returns Autobahn's report of the case.
func (o outcome) details(t *testing.T, reports string) string {
	t.Helper()
	var r struct{ Description, Expectation, Result, ResultClose string }
	file := filepath.Join(reports, o.ReportFile)
	b, err := os.ReadFile(file)
	must(t, err)
	must(t, json.Unmarshal(b, &r))
	return fmt.Sprintf("case: %s\nexpected: %s\nseen: %s\nclosing: %s\nreport: %s",
		r.Description, r.Expectation, r.Result, r.ResultClose, file)
}

func TestAutobahnIsTakenAtItsWord(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		behavior, closing string
		fine              bool
	}{
		{"OK", "OK", true},
		{"INFORMATIONAL", "INFORMATIONAL", true},
		{"OK", "INFORMATIONAL", true},
		{"FAILED", "OK", false},
		{"NON-STRICT", "OK", false},
		{"UNIMPLEMENTED", "OK", false},
		{"OK", "FAILED", false},
		{"OK", "WRONG CODE", false},
		{"OK", "UNCLEAN", false},
		{"OK", "FAILED BY CLIENT", false},
		{"", "", false},
	} {
		index := fmt.Sprintf(`{"chanx": {
			"9.1.1": {"behavior": "OK", "behaviorClose": "OK"},
			"1.1.1": {"behavior": %q, "behaviorClose": %q, "duration": 2, "remoteCloseCode": 1000, "reportfile": "r.json"}
		}}`, c.behavior, c.closing)
		all, err := outcomes([]byte(index))
		must(t, err)
		if want := (outcome{"1.1.1", c.behavior, c.closing, 1000.0, "r.json"}); len(all) != 2 || all[0] != want {
			t.Fatalf("parsed as %v, want two, the first one %v", all, want)
		}
		if all[0].fine() != c.fine || !all[1].fine() {
			t.Errorf("%v: fine is %v", all[0], all[0].fine())
		}
	}
}
