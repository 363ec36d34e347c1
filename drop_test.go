package chanx_test

import (
	"go/ast"
	"go/parser"
	"go/token"
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
	"github.com/chanx-go/chanx/internal/socket"
)

// TestEveryKeyOfDropsIsDocumented compares the keys with the comment of Stats.Drops.
func TestEveryKeyOfDropsIsDocumented(t *testing.T) {
	t.Parallel()
	keys := dropConstants(t)
	for kind := range len(socket.Stats{}.Drops) {
		keys = append(keys, socket.Drop(kind).String())
	}
	documented := documentedDrops(t)
	for _, key := range keys {
		if !slices.Contains(documented, key) {
			t.Errorf("%q is not documented", key)
		}
	}
	for i, key := range documented {
		if !slices.Contains(keys, key) || slices.Contains(documented[:i], key) {
			t.Errorf("%q is documented, and no key, or twice", key)
		}
		if !regexp.MustCompile(`^[a-z]+s(_[a-z]+)*$`).MatchString(key) {
			t.Errorf("%q is not a unit in the plural, and why", key)
		}
	}
}

// documentedDrops returns the first word of each indented line of that comment.
func documentedDrops(t *testing.T) (keys []string) {
	t.Helper()
	ast.Inspect(parsed(t, "stats.go"), func(n ast.Node) bool {
		f, is := n.(*ast.Field)
		if !is || len(f.Names) != 1 || f.Names[0].Name != "Drops" {
			return true
		}
		for line := range strings.Lines(f.Doc.Text()) {
			if strings.HasPrefix(line, "\t") {
				keys = append(keys, strings.Fields(line)[0])
			}
		}
		return false
	})
	return keys
}

// TestDropsAreCountedByConstants makes sure that TestEveryKeyOfDropsIsDocumented sees every key.
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
				t.Errorf("%s: %s is no constant drop… of stats.go", name, what.(*ast.BasicLit).Value)
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

// dropConstants returns the values of the constants drop… of stats.go.
func dropConstants(t *testing.T) (values []string) {
	t.Helper()
	ast.Inspect(parsed(t, "stats.go"), func(n ast.Node) bool {
		v, is := n.(*ast.ValueSpec)
		if !is || len(v.Names) != 1 || !strings.HasPrefix(v.Names[0].Name, "drop") {
			return true
		}
		value, err := strconv.Unquote(v.Values[0].(*ast.BasicLit).Value)
		if err != nil {
			t.Fatal(err)
		}
		values = append(values, value)
		return false
	})
	return values
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
		if drops["bytes_overflow"] < 2000 || drops["events_refused"] != 3 || drops["events_unhandled"] != 0 {
			t.Errorf("counted %v", drops)
		}
		if err := srv.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	})
}
