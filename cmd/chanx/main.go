// Command chanx helps to write and to document services that use package chanx. See chanx --help.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/alecthomas/kong"
)

// Exit statuses of the command.
const (
	exitFailed = 1 // what was asked for is not so, such as a file that is stale
	exitUsage  = 2 // the command line is wrong, or an input cannot be read
)

// commands are the commands and their flags.
type commands struct {
	Docs docsCommand `cmd:"" help:"Write the comments of message types into zz_docs.go, for documents."`
}

// output is where commands print.
type output struct{ io.Writer }

// failure is an error with an exit status of its own.
type failure struct {
	error
	status int
}

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// run runs a command line and returns the exit status.
func run(args []string, stdout, stderr io.Writer) int {
	status := -1
	parser, err := kong.New(&commands{},
		kong.Name("chanx"),
		kong.Description("Tools for services that use the Go package chanx."),
		kong.UsageOnError(), kong.Writers(stdout, stderr),
		kong.Exit(func(code int) { status = code }),
		kong.Bind(output{stdout}),
	)
	if err != nil {
		panic(err) // the commands above are wrong
	}
	ctx, err := parser.Parse(args)
	switch {
	case status >= 0: // --help was answered
		return status
	case err != nil:
		fmt.Fprintln(stderr, "chanx:", err)
		return exitUsage
	}
	err = ctx.Run()
	if err == nil {
		return 0
	}
	fmt.Fprintln(stderr, "chanx:", err)
	if f, ok := errors.AsType[failure](err); ok {
		return f.status
	}
	return exitUsage
}
