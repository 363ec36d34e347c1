package chanx_test

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/chanxtest"
)

var update = flag.Bool("update", false, "rewrite the transcripts in testdata with what happens now")

// TestTranscripts performs the steps in testdata/*.txt and compares what happens with the file. A step is one of
//
//	# a comment
//	server NAME                  starts a server of the table in transcript_servers_test.go
//	alice dials PATH [USER]      connects, as an anonymous user if there is no name
//	alice refused PATH [USER]    sends a handshake that is answered with an HTTP status
//	pass DURATION                lets time pass
//	alice > TEXT                 sends a text message; \x00 and the like as in Go strings if TEXT is quoted
//	alice binary TEXT            sends a binary message
//	alice closes CODE REASON
//	alice vanishes               disconnects without a Close frame
//	server NAME does ARG…        performs an action of the application, see transcript_servers_test.go
//
// After each step follows what happens until all goroutines are blocked:
//
//	alice < TEXT
//	alice closed CODE REASON
//	log LEVEL TEXT               what the server logs
//	error TEXT                   the error that the action of the application returns
func TestTranscripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no transcripts: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var got string
			synctest.Test(t, func(t *testing.T) { got = replay(t, string(want)) })
			if got == string(want) {
				return
			}
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			t.Errorf("%s is not what comes now (refresh with -update and read the difference):\n%s", file, firstDifference(string(want), got))
		})
	}
}

func firstDifference(want, got string) string {
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range max(len(w), len(g)) {
		a, b := line(w, i), line(g, i)
		if a != b {
			return fmt.Sprintf("line %d\nwant %s\ngot  %s", i+1, a, b)
		}
	}
	return ""
}

func line(all []string, i int) string {
	if i < len(all) {
		return all[i]
	}
	return "(end)"
}

// stage is the state of a transcript while its steps are performed.
type stage struct {
	t     *testing.T
	out   strings.Builder
	name  string
	srv   *chanx.Server
	log   *logRecorder
	order []string // the names of connections, in the order of their first step
	conns map[string]*chanxtest.Conn
	ended map[string]bool
}

// replay performs the steps of a transcript and returns the transcript of what happens.
func replay(t *testing.T, text string) string {
	s := &stage{t: t, conns: map[string]*chanxtest.Conn{}, ended: map[string]bool{}}
	lines := bufio.NewScanner(strings.NewReader(text))
	for lines.Scan() {
		line := lines.Text()
		name, rest, _ := strings.Cut(line, " ")
		verb, _, _ := strings.Cut(rest, " ")
		switch {
		case verb == "<" || verb == "closed" || name == "log" || name == "error": // a result of the last run
		case line == "" || strings.HasPrefix(line, "#"):
			fmt.Fprintln(&s.out, line)
		default:
			fmt.Fprintln(&s.out, line)
			s.step(line)
			synctest.Wait()
			s.collect()
		}
	}
	s.shutDown()
	return s.out.String()
}

func (s *stage) step(line string) {
	f := strings.SplitN(line, " ", 3)
	if len(f) < 2 {
		s.t.Fatalf("what is %q?", line)
	}
	name, verb, rest := f[0], f[1], ""
	if len(f) == 3 {
		rest = f[2]
	}
	if name == "pass" {
		d, err := time.ParseDuration(verb)
		if err != nil {
			s.t.Fatal(err)
		}
		time.Sleep(d) // in a bubble
		return
	}
	if name == "server" {
		if does, ok := strings.CutPrefix(rest, "does "); ok {
			s.scene(verb).act(s, strings.Fields(does))
			return
		}
		s.open(verb)
		return
	}
	c := s.conns[name]
	switch verb {
	case "dials":
		if c == nil {
			s.order = append(s.order, name)
		}
		delete(s.ended, name)
		s.conns[name] = chanxtest.Dial(s.t, s.srv, path(rest), dialOptions(rest))
	case "refused":
		res := chanxtest.DialRefused(s.t, s.srv, path(rest), dialOptions(rest))
		fmt.Fprintf(&s.out, "%s < HTTP %s\n", name, res.Status)
	case ">":
		c.SendText(unquote(s.t, rest))
	case "binary":
		c.SendBinary([]byte(unquote(s.t, rest)))
	case "closes":
		var code int
		var reason string
		fmt.Sscan(rest, &code, &reason)
		c.Close(code, reason)
	case "vanishes":
		c.Abort()
	default:
		s.t.Fatalf("what is %q?", line)
	}
}

func path(rest string) string {
	path, _, _ := strings.Cut(rest, " ")
	return path
}

func dialOptions(rest string) *chanxtest.DialOptions {
	_, user, _ := strings.Cut(rest, " ")
	o := &chanxtest.DialOptions{Header: http.Header{}}
	if user != "" {
		o.Header.Set("User", user)
	}
	return o
}

func unquote(t *testing.T, s string) string {
	if !strings.HasPrefix(s, `"`) {
		return s
	}
	var text string
	if _, err := fmt.Sscanf(s, "%q", &text); err != nil {
		t.Fatalf("%s: %v", s, err)
	}
	return text
}

func (s *stage) open(name string) {
	s.shutDown()
	s.name, s.log = name, &logRecorder{}
	s.srv = s.scene(name).new(slog.New(s.log))
}

func (s *stage) scene(name string) scene {
	sc, ok := scenes[name]
	if !ok {
		s.t.Fatalf("there is no server %q in scenes", name)
	}
	return sc
}

// shutDown shuts the server down. What the server sends and logs then is not part of the transcript.
func (s *stage) shutDown() {
	if s.srv == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := s.srv.Shutdown(ctx); err != nil && !errors.Is(err, context.DeadlineExceeded) { // a handler may never end
		s.t.Error(err)
	}
	s.order, s.srv = nil, nil
	clear(s.conns)
	clear(s.ended)
}

// collect writes what the clients received, connection by connection.
func (s *stage) collect() {
	for _, name := range s.order {
		c := s.conns[name]
		for range c.Pending() {
			fmt.Fprintf(&s.out, "%s < %s\n", name, c.Next())
		}
		if end := c.Ended(); end != nil && !s.ended[name] {
			s.ended[name] = true
			fmt.Fprintln(&s.out, strings.TrimSpace(fmt.Sprintf("%s closed %d %s", name, end.Code, reason(end))))
		}
	}
	for _, l := range slices.Sorted(slices.Values(s.log.take())) { // sorted, because connections log concurrently
		fmt.Fprintf(&s.out, "log %s\n", l)
	}
}

// reason returns the reason of a Close frame, or "" for a lost connection, whose Reason is a text of the client library.
func reason(end *chanx.CloseError) string {
	if end.Code == 1006 {
		return ""
	}
	return end.Reason
}
