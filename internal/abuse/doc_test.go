package abuse_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// A test that is renamed or removed would leave its class without a test.
func TestTheTableNamesTestsThatExist(t *testing.T) {
	b, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile(`(?:([a-z/]+)\.)?((?:Test|Fuzz)[A-Z]\w+)`).FindAllStringSubmatch(string(b), -1)
	if len(named) < 30 {
		t.Errorf("only %d tests are named", len(named))
	}
	for _, n := range named {
		dir := n[1]
		switch {
		case dir == "" && strings.HasPrefix(n[2], "Fuzz"):
			dir = "." // the root package's
		case dir == "":
			dir = "internal/abuse"
		}
		if !declares(t, filepath.Join("..", "..", dir), n[2]) {
			t.Errorf("%s has no %s", dir, n[2])
		}
	}
}

// declares reports whether the tests in a folder include one.
func declares(t *testing.T, dir, test string) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(b), "\nfunc "+test+"(") {
			return true
		}
	}
	return false
}
