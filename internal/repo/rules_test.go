package repo_test

import (
	"testing"
)

// rule is a property of the whole repository.
type rule struct {
	name   string // a sentence
	why    string
	check  func([]file) []string // returns each violation: place and text
	breaks []sample              // each violates the rule in one place
	keeps  []sample              // each looks similar, but does not violate it
}

var rules = []rule{
	arrowRule, productionRule,
	packageDocRule, exportedDocRule,
	fileLengthRule, functionLengthRule, nameRule,
	sleepRule, sentinelRule, panicRule, logRule,
	goVersionRule, oneVersionRule, coinedWordRule, leftoverRule, machineRule, compiledDocsRule,
}

func TestTheRepositoryKeepsItsRules(t *testing.T) {
	t.Parallel()
	files := repository(t)
	for _, r := range rules {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			for _, broken := range r.check(files) {
				t.Errorf("%s\n\tThe rule: %s: %s.", broken, r.name, r.why)
			}
		})
	}
}

func TestEachRuleSeesWhatBreaksIt(t *testing.T) {
	t.Parallel()
	for _, r := range rules {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			if len(r.breaks) == 0 || r.why == "" {
				t.Error("the rule has no sample that breaks it, or no reason")
			}
			for _, s := range r.breaks {
				if got := r.check(s.files(t)); len(got) != 1 {
					t.Errorf("found %q, want one place, in %q", got, s)
				}
			}
			for _, s := range r.keeps {
				if got := r.check(s.files(t)); len(got) != 0 {
					t.Errorf("found %q, want nothing, in %q", got, s)
				}
			}
		})
	}
}

// eachGo turns a check of one Go file into a check of all files.
func eachGo(check func(f file) []string) func([]file) []string {
	return func(files []file) (broken []string) {
		for _, f := range files {
			if f.isGo() {
				broken = append(broken, check(f)...)
			}
		}
		return broken
	}
}
