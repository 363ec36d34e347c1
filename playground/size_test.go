package playground

import (
	"regexp"
	"slices"
	"testing"
)

const (
	maxFirstLoad = 25 << 10 // compressed: what the documentation needs to be shown
	maxAll       = 200 << 10
)

var (
	named    = regexp.MustCompile(`(?:src|href)="([^"]+)"`)
	imported = regexp.MustCompile(`(?:from|import)\s*"\./([^"]+)"`)
)

// firstLoad returns the files that a browser fetches before the documentation is shown: what the page names, and what
// its script imports, directly or not. Imports at run time come later.
func firstLoad(t *testing.T) (names []string) {
	t.Helper()
	todo := []string{"index.html"}
	for len(todo) > 0 {
		name := todo[0]
		todo = todo[1:]
		a, ok := assets()[name]
		if slices.Contains(names, name) {
			continue
		}
		if !ok {
			t.Fatalf("the page refers to %s, which does not exist", name)
		}
		names = append(names, name)
		expression := imported
		if name == "index.html" {
			expression = named
		}
		for _, m := range expression.FindAllSubmatch(a.text(), -1) {
			if next := string(m[1]); next != "asyncapi.json" {
				todo = append(todo, next)
			}
		}
	}
	return names
}

func TestThePageIsSmall(t *testing.T) {
	t.Parallel()
	first, all := 0, 0
	names := firstLoad(t)
	for _, name := range names {
		t.Logf("%-28s %6d", name, len(assets()[name].packed))
		first += len(assets()[name].packed)
	}
	for _, a := range assets() {
		all += len(a.packed)
	}
	t.Logf("first load %d bytes, all assets %d", first, all)
	if len(names) < 4 {
		t.Errorf("the first load is %v, want the page, its icon, its style and scripts", names)
	}
	if first > maxFirstLoad {
		t.Errorf("the first load has %d bytes, want at most %d", first, maxFirstLoad)
	}
	if all > maxAll {
		t.Errorf("all assets have %d bytes, want at most %d", all, maxAll)
	}
}
