// Command cluster runs the chat as several nodes: processes of their own, connected by a broker, behind one address. When one
// of them dies, its visitors find themselves at another, and it is started again.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

// rest is how long a process that has ended stays away, so that one can see what happens meanwhile.
const rest = 5 * time.Second

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "cluster:", err)
		os.Exit(1)
	}
}

// run serves until ctx is cancelled and all processes have ended.
func run(ctx context.Context, args []string, out io.Writer) error {
	c, err := parse(args, out)
	if err != nil {
		return err
	}
	return c.run(ctx, &screen{w: out})
}

// config is what the command line says.
type config struct {
	addr, chat, broker string
	wait               func(context.Context) // before a process is started again
}

// parse reads the command line. It writes to out only what was asked for: errors are for main to tell.
func parse(args []string, out io.Writer) (config, error) {
	c := config{wait: func(ctx context.Context) {
		select {
		case <-time.After(rest):
		case <-ctx.Done():
		}
	}}
	flags := flag.NewFlagSet("cluster", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.StringVar(&c.addr, "addr", "localhost:8080", "`host:port` to listen on")
	flags.StringVar(&c.chat, "chat", "", "`file` of the program of examples/chat (default: the file chat beside this program)")
	flags.StringVar(&c.broker, "broker", "nats", "`name` of what connects the nodes: nats, which runs in this process, or redis, which is started")
	err := flags.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprintln(out, "usage: cluster [flags]")
		flags.SetOutput(out)
		flags.PrintDefaults()
		return config{}, err
	case err == nil && flags.NArg() > 0:
		err = fmt.Errorf("unexpected argument %q", flags.Arg(0))
	case err == nil && brokers[c.broker] == nil:
		err = fmt.Errorf("-broker must be nats or redis, not %q", c.broker)
	}
	if err != nil {
		return config{}, fmt.Errorf("%w (-h lists the flags)", err)
	}
	c.chat, err = findChat(c.chat)
	return c, err
}

// findChat makes sure that the program is there. Its path is absolute, so that it is not looked for in PATH.
func findChat(file string) (string, error) {
	if file == "" {
		self, err := os.Executable()
		if err != nil {
			return "", err
		}
		file = filepath.Join(filepath.Dir(self), "chat")
	}
	if _, err := os.Stat(file); err != nil {
		return "", fmt.Errorf("the chat is missing: %w (build it by go build ./chat in examples; -chat says where it is)", err)
	}
	return filepath.Abs(file)
}
