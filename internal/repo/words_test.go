package repo_test

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// coinedWords are words that once were names here, each with the term that a Go programmer expects. Parts of longer names
// count too.
var coinedWords = map[string]string{
	"patience": "timeout",
	"doom":     "pendingClose, or what is about to end and why",
	"deaf":     "discard, or what is not read",
	"respell":  "convert, encode",
	"vacate":   "release, unregister",
	"foretell": "predict",
	"foretold": "predicted",
	"telltale": "what it reports",
	"squeezed": "compressed",
}

var coinedWord = regexp.MustCompile(`(?i)(^|[^a-z])(` + strings.Join(slices.Sorted(maps.Keys(coinedWords)), "|") + `)(s|d|ed)?([^a-z]|$)|` +
	`[a-z](Patience|Doom|Deaf|Respell|Vacate|Untold)|` +
	`\b(un)?told\b[^"]* :?= `) // as a name only

var coinedWordRule = rule{
	name: "names and comments use the terms of the field",
	why:  "a reader has to learn a coined word; the table in words_test.go says which term to use",
	check: eachGo(func(f file) (broken []string) {
		if f.path == "internal/repo/words_test.go" {
			return nil
		}
		for i, line := range strings.Split(f.text, "\n") {
			for _, m := range coinedWord.FindAllString(line, 1) {
				broken = append(broken, fmt.Sprintf("%s:%d: %q", f.path, i+1, m))
			}
		}
		return broken
	}),
	breaks: []sample{
		{"a.go": "package a\n\nconst patience = 3"},
		{"a.go": "package a\n\nfunc isDoomed() {}"},
		{"a_test.go": "package a\n\n// A deaf client reads nothing."},
		{"a.go": "package a\n\nfunc f() {\n\ttold, ok := g()\n}"},
		{"a.go": "package a\n\nfunc logUntold() {}"},
	},
	keeps: []sample{
		{"a.go": "package a\n\n// A patient is deafened, and told so.\nconst timeout = 3"},
	},
}
