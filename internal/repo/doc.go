// Package repo holds the rules of this repository that no compiler checks, as tests: which package may import which, what
// must be documented, how long a function may be. Each rule says why it exists, and each is shown samples that break
// it, so that a rule which has stopped seeing anything fails too.
package repo
