package chanx_test

import (
	"context"
	"go/ast"
	"go/parser"
	"go/token"
	"log/slog"
	"net/http"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/chanxtest"
)

// TestEveryDropReasonIsExplained checks that each constant is named for its value and says what it counts.
func TestEveryDropReasonIsExplained(t *testing.T) {
	t.Parallel()
	reasons := dropReasons(t)
	if len(reasons) < 22 {
		t.Errorf("%d constants were found", len(reasons))
	}
	for name, r := range reasons {
		if !regexp.MustCompile(`^[a-z]+s(_[a-z]+)*$`).MatchString(r.value) {
			t.Errorf("%s: %q is not a unit in the plural, and why", name, r.value)
		}
		words := strings.Split(r.value, "_")
		for i, word := range words {
			words[i] = strings.ToUpper(word[:1]) + word[1:]
		}
		want := "Drop" + strings.Join(words, "")
		if name != want {
			t.Errorf("%s: the name for %q is %s", name, r.value, want)
		}
		if !strings.HasPrefix(r.doc, name+" counts ") || strings.Count(r.doc, ". ") == 0 {
			t.Errorf("%s: its comment does not say what it counts, and why or what to do: %s", name, r.doc)
		}
	}
}

// TestDropsAreCountedByConstants makes sure that TestEveryDropReasonIsExplained sees every reason.
func TestDropsAreCountedByConstants(t *testing.T) {
	t.Parallel()
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		ast.Inspect(parsed(t, name), func(n ast.Node) bool {
			what := keyOf(n)
			if what == nil {
				return true
			}
			if seen++; isText(what) {
				t.Errorf("%s: %s is no constant of DropReason", name, what.(*ast.BasicLit).Value)
			}
			return true
		})
	}
	if seen < 15 {
		t.Errorf("%d places were found where something is counted", seen)
	}
}

// keyOf returns the key under which the node counts a drop, or nil if the node counts none.
func keyOf(n ast.Node) ast.Expr {
	call, is := n.(*ast.CallExpr)
	if !is || len(call.Args) < 2 {
		return nil
	}
	if f, is := call.Fun.(*ast.SelectorExpr); is && slices.Contains([]string{"dropped", "skipped", "countDrop"}, f.Sel.Name) {
		return call.Args[1]
	}
	return nil
}

func isText(e ast.Expr) bool {
	lit, is := e.(*ast.BasicLit)
	return is && lit.Kind == token.STRING
}

type reasonConstant struct{ value, doc string }

// dropReasons returns the constants of DropReason by their names.
func dropReasons(t *testing.T) map[string]reasonConstant {
	t.Helper()
	all := map[string]reasonConstant{}
	ast.Inspect(parsed(t, "stats.go"), func(n ast.Node) bool {
		v, is := n.(*ast.ValueSpec)
		if !is || len(v.Values) != 1 {
			return true
		}
		if typ, is := v.Type.(*ast.Ident); !is || typ.Name != "DropReason" {
			return true
		}
		value, err := strconv.Unquote(v.Values[0].(*ast.BasicLit).Value)
		if err != nil {
			t.Fatal(err)
		}
		all[v.Names[0].Name] = reasonConstant{value, strings.ReplaceAll(v.Doc.Text(), "\n", " ")}
		return false
	})
	return all
}

func parsed(t *testing.T, name string) *ast.File {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// TestLossesBeforeOpenAreCounted sends a connection in open more than its queue holds.
func TestLossesBeforeOpenAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := chanx.NewServer(&chanx.ServerOptions{Logger: quiet, Limits: chanx.Limits{SendQueueBytes: 1000}})
		opening, gate := make(chan struct{}), make(chan struct{})
		c := chanx.NewConsumer(func(c *chanx.Conn, r *http.Request) (*state, error) {
			if err := c.Join(r.Context(), "g"); err != nil {
				t.Error(err)
			}
			close(opening)
			<-gate
			return &state{c}, nil
		}, &chanx.ConsumerOptions{AuthenticationMessage: chanx.Enabled})
		chanx.Broadcasts[plainMessage](c)
		srv.Handle("/ws", c)
		go func() {
			<-opening
			if err := srv.Broadcast(t.Context(), plainMessage{strings.Repeat("x", 2000)}, chanx.To("g")); err != nil {
				t.Error(err)
			}
			for range 3 {
				if err := srv.Emit(t.Context(), ringEvent{}, chanx.To("g")); err != nil {
					t.Error(err)
				}
			}
			synctest.Wait()
			close(gate)
		}()
		client := chanxtest.Dial(t, srv, "/ws", nil)
		chanxtest.Receive[chanx.AuthenticationMessage](client)
		client.ExpectClosed(1013)
		synctest.Wait()
		drops := srv.Stats().Drops
		if drops["bytes_overflow"] < 2000 || drops["events_undelivered"] != 3 || drops["events_unhandled"] != 0 {
			t.Errorf("counted %v", drops)
		}
		if err := srv.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// TestLostEventsAreLogged: the emitter of an event does not learn that a connection refused it, or that a server has no
// handler for it.
func TestLostEventsAreLogged(t *testing.T) {
	log := &logRecorder{}
	o := chanx.ServerOptions{Logger: slog.New(log), Limits: chanx.Limits{MaxConcurrent: 1}}
	bubble(t, o, func(t *testing.T, srv *chanx.Server) {
		c := newState()
		chanx.OnEvent(c, func(_ *state, ctx context.Context, _ ringEvent) error {
			<-ctx.Done()
			return nil
		}, chanx.Concurrent(2))
		srv.Handle("/ws", c)
		chanx.OnNode(srv, func(context.Context, newsEvent) error { return nil })
		client := chanxtest.Dial(t, srv, "/ws", nil)
		emit := func(want string, to chanx.Target) {
			t.Helper()
			if err := srv.Emit(t.Context(), ringEvent{}, to); err != nil {
				t.Error(err)
			}
			synctest.Wait()
			if got := strings.Join(log.take(), "\n"); got != want {
				t.Errorf("logged %q, want %q", got, want)
			}
		}
		emit("", chanx.All())
		emit("WARN event refused event=ring error=too_busy: Too many handlers of this connection are running", chanx.All())
		emit("DEBUG skipped what=events_undeclared", chanx.Nodes())
		client.ExpectError("too_busy")
		client.Close(1000, "")
	})
}
