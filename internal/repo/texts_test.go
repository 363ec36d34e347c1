package repo_test

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// goVersion includes the patch number: go mod tidy raises "1.26" in one module, and then every command of the workspace
// fails.
const goVersion = "go 1.26.0"

var goVersionRule = rule{
	name: "every go.mod and go.work says " + goVersion,
	why:  "a module that requires a newer Go makes the whole workspace require it",
	check: func(files []file) (broken []string) {
		for _, f := range files {
			base := path.Base(f.path)
			if (base == "go.mod" || base == "go.work") && !slices.Contains(strings.Split(f.text, "\n"), goVersion) {
				broken = append(broken, f.path+": no line says "+goVersion)
			}
		}
		return broken
	},
	breaks: []sample{
		{"go.mod": "module a\n\ngo 1.26\n"},
		{"bench/go.mod": "module a\n\ngo 1.26.1\n"},
		{"go.work": "use .\n"},
	},
	keeps: []sample{{"go.mod": "module a\n\n" + goVersion + "\n"}},
}

var requirement = regexp.MustCompile(`(?m)^(?:require )?\t?([\w./-]+\.[\w./-]+) (v\S+)`)

var oneVersionRule = rule{
	name: "all modules of the workspace require one version of a dependency",
	why:  "make modules builds each module alone, and would compile the other version and all that imports it once more",
	check: func(files []file) (broken []string) {
		first := map[string][2]string{} // by module path: the version and the file
		for _, f := range files {
			if path.Base(f.path) != "go.mod" || f.dir() == "tools" { // tools is not in the workspace
				continue
			}
			for _, m := range requirement.FindAllStringSubmatch(f.text, -1) {
				if v, seen := first[m[1]]; !seen {
					first[m[1]] = [2]string{m[2], f.path}
				} else if v[0] != m[2] {
					broken = append(broken, fmt.Sprintf("%s: %s %s, but %s has %s", f.path, m[1], m[2], v[1], v[0]))
				}
			}
		}
		return broken
	},
	breaks: []sample{
		{"go.mod": "module a\n\nrequire b.c/d v1.0.0\n", "x/go.mod": "module a/x\n\nrequire (\n\tb.c/d v1.0.1 // indirect\n)\n"},
	},
	keeps: []sample{
		{"go.mod": "module a\n\nrequire b.c/d v1.0.0\n", "x/go.mod": "module a/x\n\nrequire b.c/d v1.0.0\n", "tools/go.mod": "require b.c/d v1.1.0\n"},
	},
}

// find returns a check that no line of any file matches an expression.
func find(bad *regexp.Regexp) func([]file) []string {
	return func(files []file) (broken []string) {
		for _, f := range files {
			for i, line := range strings.Split(f.text, "\n") {
				if m := bad.FindString(line); m != "" {
					broken = append(broken, fmt.Sprintf("%s:%d: %q", f.path, i+1, m))
				}
			}
		}
		return broken
	}
}

// Written in two parts, so that the rules do not match this file.
const todo, workFolder = "TO" + "DO", "/wor" + "k/"

var leftoverRule = rule{
	name:   "nothing is left to be done in a comment",
	why:    "missing work belongs into docs/rough-edges.md or an issue, where people look for it",
	check:  find(regexp.MustCompile(`\b(` + todo + `|FIX` + `ME)\b`)),
	breaks: []sample{{"a.go": "package a // " + todo + ": finish"}, {"README.md": todo}},
	keeps:  []sample{{"a.go": "package a // method"}},
}

var machineRule = rule{
	name:   "no text contains an absolute path",
	why:    "the path exists on one machine only",
	check:  find(regexp.MustCompile(`(^|[\s"'(=` + "`" + `])(` + workFolder + `|/home/|/ro` + `ot/|/Users/)`)),
	breaks: []sample{{"a.go": `package a; const dir = "` + workFolder + `main"`}},
	keeps:  []sample{{"README.md": "see http://example.com/home/page and net" + workFolder}},
}

var codeBlock = regexp.MustCompile("(?ms)^```go\n(.*?)^```$")

// bare removes indentation and empty lines, so that a code block can be found anywhere.
func bare(code string) string {
	var b strings.Builder
	for line := range strings.SplitSeq(code, "\n") {
		if line = strings.TrimSpace(line); line != "" {
			b.WriteString(line + "\n")
		}
	}
	return b.String()
}

var compiledDocsRule = rule{
	name: "Go in README and docs is Go of this repository",
	why:  "code that is not compiled is soon wrong; write it into an example and copy the lines",
	check: func(files []file) (broken []string) {
		var code []string
		for _, f := range files {
			if f.isGo() {
				code = append(code, bare(f.text))
			}
		}
		for _, f := range files {
			if path.Ext(f.path) != ".md" {
				continue
			}
			for _, m := range codeBlock.FindAllStringSubmatchIndex(f.text, -1) {
				block := bare(f.text[m[2]:m[3]])
				if !slices.ContainsFunc(code, func(c string) bool { return strings.Contains("\n"+c, "\n"+block) }) {
					broken = append(broken, fmt.Sprintf("%s:%d: no Go file has these lines", f.path, 1+strings.Count(f.text[:m[0]], "\n")))
				}
			}
		}
		return broken
	},
	breaks: []sample{
		{"README.md": "# A\n\n```go\nf(1)\n```\n", "a_test.go": "package a\n\nfunc ExampleF() {\n\tf(2)\n}\n"},
		{"docs/design.md": "```go\nf(1)\n```\n"},
	},
	keeps: []sample{
		{"README.md": "```go\nf(1)\n\ng(2)\n```\n", "a_test.go": "package a\n\nfunc ExampleF() {\n\tf(1)\n\tg(2)\n}\n"},
		{"README.md": "```sh\nmake test\n```\n"},
	},
}

func TestTheReadmeHasGo(t *testing.T) {
	t.Parallel()
	for _, f := range repository(t) {
		if f.path == "README.md" && !codeBlock.MatchString(f.text) {
			t.Error("README.md has no Go block: compiledDocsRule would check nothing there")
		}
	}
}
