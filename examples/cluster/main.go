// Command cluster runs the chat as several nodes: separate processes, connected by a broker, behind one address. When a node
// dies, its visitors reconnect to another one, and the node is restarted.
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

// restartDelay is the delay before a process is restarted, so that the user can watch what happens meanwhile.
const restartDelay = 5 * time.Second

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

// config is the parsed command line.
type config struct {
	addr, chat, broker string
	wait               func(context.Context) // before a process is started again
}

// parse reads the command line. It writes only requested help to out; main prints errors.
func parse(args []string, out io.Writer) (config, error) {
	c := config{wait: func(ctx context.Context) {
		select {
		case <-time.After(restartDelay):
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

// findChat checks that the chat program exists. It returns an absolute path, so that PATH is not searched.
func findChat(file string) (string, error) {
	if file == "" {
		self, err := os.Executable()
		if err != nil {
			return "", err
		}
		file = filepath.Join(filepath.Dir(self), "chat")
	}
	if _, err := os.Stat(file); err != nil {
		return "", fmt.Errorf("the chat is missing: %w (build it by go build ./chat in examples; -chat names its path)", err)
	}
	return filepath.Abs(file)
}
