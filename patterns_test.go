package chanx_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/chanx-go/chanx"
)

// TestBadPatternsNameThePlace where the program gave them, not one in this library.
func TestBadPatternsNameThePlace(t *testing.T) {
	for _, k := range []struct {
		name  string
		do    func(s *chanx.Server)
		texts []string
	}{
		{"taken", func(s *chanx.Server) {
			s.Handle("/ws/{a}", door())
			s.Handle("/ws/{a}", door())
		}, []string{`chanx: handle "/ws/{a}" at `, `pattern "/ws/{a}" (handled at `, `conflicts with pattern "/ws/{a}" (handled at `}},
		{"overlapping", func(s *chanx.Server) {
			s.Handle("/ws/{a}/x", door())
			s.Handle("/ws/y/{b}", door())
		}, []string{`chanx: handle "/ws/y/{b}" at `, `pattern "/ws/{a}/x" (handled at `}},
		{"open brace", func(s *chanx.Server) { s.Handle("/ws/{a", door()) }, []string{`chanx: handle "/ws/{a" at `, "wildcard"}},
		{"no slash", func(s *chanx.Server) { s.Handle("ws", door()) }, []string{`chanx: handle "ws" at `, "missing /"}},
		{"empty", func(s *chanx.Server) { s.Handle("", door()) }, []string{`chanx: handle "" at `, "invalid pattern"}},
		{"of Handler", func(s *chanx.Server) { s.Handler("/{a}/{a}", door()) }, []string{`chanx: handle "/{a}/{a}" at `, "duplicate"}},
	} {
		t.Run(k.name, func(t *testing.T) {
			s := chanx.NewServer(&chanx.ServerOptions{Logger: quiet})
			defer func() {
				text, _ := recover().(string)
				for _, want := range append(k.texts, "/patterns_test.go:") {
					if !strings.Contains(text, want) {
						t.Errorf("panic %q, want %q", text, want)
					}
				}
				if strings.Contains(text, "server.go") || strings.Contains(text, "router.go") || strings.Contains(text, "registered at") {
					t.Errorf("panic %q names a place of this library", text)
				}
				if places := regexp.MustCompile(`patterns_test\.go:\d+`).FindAllString(text, -1); len(places) == 3 && (places[0] != places[1] || places[1] == places[2]) {
					t.Errorf("places %q: want twice the new one, then the old one", places)
				}
				if n := len(s.Spec().Channels); n > 1 {
					t.Errorf("%d endpoints are described: the one that panicked is none", n)
				}
				if err := s.Shutdown(t.Context()); err != nil {
					t.Error(err)
				}
			}()
			k.do(s)
		})
	}
}
