package repo_test

import (
	"fmt"
	"go/ast"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

const (
	requirementsPage = "docs/requirements.md"
	designPage       = "docs/design.md"
	differences      = "## Differences from the original"
)

// requirementIDs are the ids that the page must have: S1 to S138, and so on.
func requirementIDs() (ids []string) {
	for _, part := range []struct {
		prefix string
		count  int
	}{{"S", 138}, {"SC", 24}, {"SR", 10}, {"ST", 18}, {"SX", 14}} {
		for i := range part.count {
			ids = append(ids, part.prefix+strconv.Itoa(i+1))
		}
	}
	return ids
}

var (
	tableRow = regexp.MustCompile(`^\|\s*(.*?)\s*\|$`)
	idCell   = regexp.MustCompile(`^S[CRTX]?[0-9]+$`)
	linked   = regexp.MustCompile(`\[([^\]]+)\]\(design\.md#differences-from-the-original\)`)
	named    = regexp.MustCompile("`(?:([a-z0-9_/]+)\\.)?((?:Test|Example|Fuzz)\\w*)(?:/([^`]+))?`")
)

// evidence is everything that a row of the page can refer to.
type evidence struct {
	tests       map[string][]testFunc // by folder and name
	transcripts map[string]string     // texts below testdata, by path
	statements  map[string]bool       // sentences about differences
}

type testFunc struct {
	file file
	decl *ast.FuncDecl
}

func newEvidence(files []file) evidence {
	e := evidence{map[string][]testFunc{}, map[string]string{}, map[string]bool{}}
	for _, f := range files {
		switch {
		case f.path == designPage:
			e.statements = statements(f.text)
		case strings.HasSuffix(f.path, ".txt"):
			e.transcripts[f.path] = f.text
		case f.isGo() && f.isTest():
			for _, d := range f.ast.Decls {
				if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil {
					at := f.dir() + "." + fn.Name.Name
					e.tests[at] = append(e.tests[at], testFunc{f, fn})
				}
			}
		}
	}
	return e
}

// statements returns the sentences of the section about differences, each without its full stop.
func statements(design string) map[string]bool {
	all := map[string]bool{}
	_, section, _ := strings.Cut(design, differences+"\n")
	section, _, _ = strings.Cut(section, "\n## ")
	for item := range strings.SplitSeq(section, "\n- ") {
		item = strings.TrimSuffix(strings.Join(strings.Fields(item), " "), ".")
		for s := range strings.SplitSeq(item, ". ") {
			all[s] = true
		}
	}
	return all
}

// hasTest reports whether a test exists. sub is a subtest: a string in the test's file, with _ for a blank as go test
// writes it, or a transcript of the package, optionally with a slash and a case in it.
func (e evidence) hasTest(dir, name, sub string) bool {
	for _, t := range e.tests[dir+"."+name] {
		if sub == "" || t.runs() && (t.says(sub) || e.plays(dir, sub)) {
			return true
		}
	}
	return false
}

// plays reports whether a folder has the transcript and, if sub names one, the case: a line that ends with its name.
func (e evidence) plays(dir, sub string) bool {
	name, at, _ := strings.Cut(sub, "/")
	for file, text := range e.transcripts {
		if strings.HasPrefix(file, path.Join(dir, "testdata")+"/") && path.Base(file) == name+".txt" &&
			(at == "" || strings.Contains(text, " "+at+"\n")) {
			return true
		}
	}
	return false
}

// runs reports whether a test has subtests.
func (t testFunc) runs() (found bool) {
	ast.Inspect(t.decl, func(n ast.Node) bool {
		if sel, ok := n.(*ast.SelectorExpr); ok && sel.Sel.Name == "Run" {
			found = true
		}
		return !found
	})
	return found
}

func (t testFunc) says(sub string) (found bool) {
	ast.Inspect(t.file.ast, func(n ast.Node) bool {
		if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
			text, err := strconv.Unquote(lit.Value)
			found = found || err == nil && strings.ReplaceAll(text, " ", "_") == sub
		}
		return !found
	})
	return found
}

// pointsNowhere returns what is wrong with the last cell of a row. It may contain names of tests and links to
// differences, separated by commas, and nothing else.
func (e evidence) pointsNowhere(cell string) (broken []string) {
	links := linked.FindAllStringSubmatch(cell, -1)
	tests := named.FindAllStringSubmatch(linked.ReplaceAllString(cell, ""), -1)
	for _, l := range links {
		if !e.statements[l[1]] {
			broken = append(broken, fmt.Sprintf("%q is no sentence of %q in %s", l[1], differences, designPage))
		}
	}
	for _, t := range tests {
		dir := t[1]
		if dir == "" {
			dir = "."
		}
		if !e.hasTest(dir, t[2], t[3]) {
			broken = append(broken, "there is no test "+strings.Trim(t[0], "`"))
		}
	}
	rest := named.ReplaceAllString(linked.ReplaceAllString(cell, ""), "")
	if rest = strings.Trim(rest, ", "); rest != "" {
		broken = append(broken, fmt.Sprintf("%q is neither the name of a test nor a link to a difference", rest))
	} else if len(links)+len(tests) == 0 {
		broken = append(broken, "it points at nothing")
	}
	return broken
}

// unmet is what is wrong with the page of requirements, given the ids that it must have.
func unmet(ids []string, files []file) (broken []string) {
	e, seen := newEvidence(files), map[string]int{}
	for _, f := range files {
		if f.path != requirementsPage {
			continue
		}
		for line := range strings.SplitSeq(f.text, "\n") {
			row := tableRow.FindStringSubmatch(line)
			if row == nil {
				continue
			}
			cells := strings.Split(row[1], " | ")
			if !idCell.MatchString(cells[0]) {
				continue // a table's head
			}
			seen[cells[0]]++
			if len(cells) != 3 || strings.Trim(cells[1], " -–—") == "" {
				broken = append(broken, cells[0]+": the row must say what chanx does and what shows it")
				continue
			}
			for _, b := range e.pointsNowhere(cells[2]) {
				broken = append(broken, cells[0]+": "+b)
			}
		}
	}
	for _, id := range ids {
		if n := seen[id]; n != 1 {
			broken = append(broken, fmt.Sprintf("%s: it has %d rows, want 1", id, n))
		}
		delete(seen, id)
	}
	for id := range seen {
		broken = append(broken, id+": there is no such requirement")
	}
	return broken
}

// transcripts are the conversations that tests play: the rules do not look at testdata.
func transcripts(t *testing.T) (files []file) {
	t.Helper()
	err := fs.WalkDir(os.DirFS(root), ".", func(name string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case e.IsDir() && (e.Name() == "node_modules" || len(e.Name()) > 1 && strings.HasPrefix(e.Name(), ".")):
			return fs.SkipDir
		case e.IsDir() || filepath.Ext(name) != ".txt" || !strings.Contains("/"+name, "/testdata/"):
			return nil
		}
		text, err := os.ReadFile(filepath.Join(root, name))
		files = append(files, file{path: name, text: string(text)})
		return err
	})
	if err != nil || len(files) == 0 {
		t.Fatalf("no transcripts: %v", err)
	}
	return files
}

func TestEachRequirementNamesTheTestThatShowsIt(t *testing.T) {
	t.Parallel()
	ids := requirementIDs()
	if len(ids) != 204 {
		t.Fatalf("%d ids, want 204", len(ids))
	}
	for _, broken := range unmet(ids, append(repository(t), transcripts(t)...)) {
		t.Errorf("%s: %s", requirementsPage, broken)
	}
}

// page is a small repository whose page of requirements has these rows.
func page(rows ...string) sample {
	return sample{
		requirementsPage:      "# Requirements\n\n| id | chanx | shown by |\n|---|---|---|\n" + strings.Join(rows, "\n") + "\n",
		designPage:            "# Design\n\n" + differences + "\n\nOn purpose:\n\n- `x` has no\n  y. Z is not.\n\n## Rejected\n\n- Others.\n",
		"a_test.go":           "package a\n\nfunc TestA(t *testing.T) { t.Run(\"of a kind\", nil) }\n\nfunc TestFiles(t *testing.T) { t.Run(name, nil) }\n",
		"b/c/a_test.go":       "package a\n\nfunc TestB(*testing.T) { _ = \"no subtest\" }\n\nfunc help() {}\n",
		"b/c/a.go":            "package a\n\nfunc TestC(*testing.T) {}\n",
		"testdata/x.txt":      "",
		"testdata/kept/z.txt": "case one\nit runs\n",
	}
}

func TestTheCheckOfRequirementsSeesWhatIsWrong(t *testing.T) {
	t.Parallel()
	ids := []string{"S1", "SC1"}
	const link = "](design.md#differences-from-the-original)"
	good := "| SC1 | does it | `TestA` |"
	for row, want := range map[string]string{
		"| S1 | does it | `TestA`, `b/c.TestB` |":                 "",
		"| S1 | does it | `TestA/of_a_kind` |":                    "",
		"| S1 | does it | `TestFiles/x` |":                        "",
		"| S1 | does it otherwise | [`x` has no y" + link + " |":  "",
		"| S1 | does it, `so` | `TestA`, [Z is not" + link + " |": "",
		"":                               "S1: it has 0 rows, want 1",
		good + "\n| S1 | it | `TestA` |": "SC1: it has 2 rows, want 1",
		"| S1 | it | `TestA` |\n| S2 | it | `TestA` |":        "S2: there is no such requirement",
		"| S1 | does it | `TestB` |":                          "S1: there is no test TestB",
		"| S1 | does it | `b/c.TestC` |":                      "S1: there is no test b/c.TestC",
		"| S1 | does it | `TestA/of_another_kind` |":          "S1: there is no test TestA/of_another_kind",
		"| S1 | does it | `b/c.TestB/no_subtest` |":           "S1: there is no test b/c.TestB/no_subtest",
		"| S1 | does it | `TestFiles/y` |":                    "S1: there is no test TestFiles/y",
		"| S1 | does it | `TestFiles/z`, `TestFiles/z/one` |": "",
		"| S1 | does it | `TestFiles/z/two` |":                "S1: there is no test TestFiles/z/two",
		"| S1 | does it | `b/c.TestB/x` |":                    "S1: there is no test b/c.TestB/x",
		"| S1 | does it | `TestA` `help` |":                   "S1: \"`help`\" is neither the name of a test nor a link to a difference",
		"| S1 | does it | see TestA |":                        "S1: \"see TestA\" is neither the name of a test nor a link to a difference",
		"| S1 | does it | , |":                                "S1: it points at nothing",
		"| S1 | does it | [Others" + link + " |":              `S1: "Others" is no sentence of "` + differences + `" in docs/design.md`,
		"| S1 | — | `TestA` |":                                "S1: the row must say what chanx does and what shows it",
		"| S1 | `TestA` |":                                    "S1: the row must say what chanx does and what shows it",
	} {
		got := strings.Join(unmet(ids, page(good, row).files(t)), "\n")
		if got != want {
			t.Errorf("%s\ngot  %s\nwant %s", row, got, want)
		}
	}
}
