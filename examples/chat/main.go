// Command chat is a chat server: rooms with history, messages about who joins, leaves and types, a
// members-only room, a small page for browsers, and an HTTP endpoint that sends notices to a room.
package main

//go:generate go run github.com/chanx-go/chanx/cmd/chanx docs ./...

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/chanx-go/chanx/examples/chat/room"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	if err := run(ctx, os.Args[1:], os.Stderr); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "chat:", err)
		os.Exit(1)
	}
}

// run serves until ctx is cancelled and all connections are closed.
func run(ctx context.Context, args []string, log io.Writer) error {
	c, err := parse(args, log)
	if err != nil {
		return err
	}
	logger := slog.New(slog.NewTextHandler(log, nil))
	l, err := net.Listen("tcp", c.addr)
	if err != nil {
		return fmt.Errorf("%w (-addr chooses another address)", err)
	}
	n, err := listenNumbers(c.metrics)
	if err != nil {
		return errors.Join(err, l.Close())
	}
	a, err := newApp(ctx, c, logger)
	if err != nil {
		return errors.Join(err, l.Close(), n.close())
	}
	n.serve(a.chat, logger)
	logger.InfoContext(ctx, "listening", "url", "http://"+l.Addr().String(), "docs", "http://"+l.Addr().String()+"/docs/")
	return errors.Join(a.serve(ctx, l), n.close())
}

// config is the parsed command line.
type config struct {
	addr, db, key   string
	metrics         string
	layer, layerKey string
	node            string
	members         room.Members
}

// parse reads the command line. It writes only requested help to out; main prints errors.
func parse(args []string, out io.Writer) (config, error) {
	var c config
	flags := flag.NewFlagSet("chat", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.StringVar(&c.addr, "addr", "localhost:8080", "`host:port` to listen on")
	flags.StringVar(&c.db, "db", "", "SQLite `file` for the history; none keeps it in memory")
	flags.StringVar(&c.key, "key", "", "`file` with the key that signs logins, made if absent (default: the -db file with .key added; without -db, logins end with the process)")
	flags.StringVar(&c.metrics, "metrics", "", "another `host:port` that serves GET /metrics to Prometheus; none serves it nowhere")
	flags.StringVar(&c.layer, "layer", "", "`URL` of the NATS or Redis that connects several servers, as nats://host:4222 or redis://host:6379; none is a server of its own")
	flags.StringVar(&c.layerKey, "layer-key", "", "`file` with the key that signs what the servers send each other, made if absent; none leaves it unsigned")
	flags.StringVar(&c.node, "node", "", "`name` of this server, shown to visitors")
	staff := flags.String("staff", "Ann,Bob", "comma-separated `names` of those who may enter the room staff")
	err := flags.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprintln(out, "usage: chat [flags]")
		flags.SetOutput(out)
		flags.PrintDefaults()
		return config{}, err
	case err == nil && flags.NArg() > 0:
		err = fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	if err != nil {
		return config{}, fmt.Errorf("%w (-h lists the flags)", err)
	}
	if c.key == "" && c.db != "" {
		c.key = c.db + ".key"
	}
	c.members = room.Members{"staff": names(*staff)}
	return c, nil
}

func names(list string) []string {
	var all []string
	for name := range strings.SplitSeq(list, ",") {
		if name = strings.TrimSpace(name); name != "" {
			all = append(all, name)
		}
	}
	return all
}
