//go:build linux

package main

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/chanx-go/chanx/bench/serve"
)

const profileExt = ".pprof"

var inFileName = strings.NewReplacer(", ", "-", " ", "-")

// options returns the default options of a server.
func (s scale) options(workload, server string) (o serve.Options) {
	if s.profiles != "" {
		o.Profile = filepath.Join(s.profiles, workload+"-"+inFileName.Replace(server)+profileExt)
	}
	return o
}

// ofNode gives each node after the first its own file.
func ofNode(o serve.Options, node int) serve.Options {
	if node > 0 && o.Profile != "" {
		o.Profile = fmt.Sprintf("%s-%d%s", strings.TrimSuffix(o.Profile, profileExt), node+1, profileExt)
	}
	return o
}
