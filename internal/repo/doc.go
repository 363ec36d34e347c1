// Package repo tests the rules of this repository that no compiler checks: which package may import which, what must be
// documented, how long a function may be. Each rule states its reason and has samples that break it, so that a rule
// which has stopped working fails too.
package repo
