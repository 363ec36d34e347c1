package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/chanx-go/chanx/cmd/chanx/godocs"
)

// docsCommand writes the comments of packages into their zz_docs.go.
type docsCommand struct {
	Packages []string `arg:"" default:"./..." help:"Packages, as for go build."`
	Check    bool     `help:"Write nothing; fail if a file is stale."`
}

// docsFile is the name of the written files. They sort last in a folder.
const docsFile = "zz_docs.go"

// Run writes or checks the file of each package. A package without anything to document loses its file. After a mistake
// in one package nothing is written.
func (d *docsCommand) Run(out output) error {
	packages, err := godocs.Load(d.Packages...)
	if err != nil {
		return err
	}
	var files []staleFile
	for _, p := range packages {
		text, err := p.Source()
		if err != nil {
			return err
		}
		file := staleFile{filepath.Join(p.Dir, docsFile), text}
		old, err := os.ReadFile(file.path)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if !bytes.Equal(old, text) {
			files = append(files, file)
		}
	}
	if d.Check {
		return report(files)
	}
	for _, f := range files {
		if err := f.write(); err != nil {
			return err
		}
		fmt.Fprintln(out, f)
	}
	return nil
}

// staleFile is a file whose text on disk is not what it should be.
type staleFile struct {
	path string
	text []byte // nil: there should be no file
}

// report returns an error that names stale files.
func report(files []staleFile) error {
	if len(files) == 0 {
		return nil
	}
	names := make([]string, len(files))
	for i, f := range files {
		names[i] = f.String()
	}
	return failure{fmt.Errorf("stale: %s: run chanx docs", strings.Join(names, ", ")), exitFailed}
}

func (f staleFile) write() error {
	if f.text == nil {
		return os.Remove(f.path)
	}
	return os.WriteFile(f.path, f.text, 0o644)
}

// String returns the path from the working directory.
func (f staleFile) String() string {
	dir, err := os.Getwd()
	if err != nil {
		return f.path
	}
	if rel, err := filepath.Rel(dir, f.path); err == nil {
		return rel
	}
	return f.path
}
