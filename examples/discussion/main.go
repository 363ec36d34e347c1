// Command discussion is a server for a discussion, with an HTTP endpoint that sends notices to its members.
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
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/asyncapi"
	"github.com/chanx-go/chanx/examples/discussion/talk"
	"github.com/chanx-go/chanx/playground"
)

// shutdownTime is how long open connections and requests have to end at shutdown.
const shutdownTime = 10 * time.Second

func main() {
	addr := flag.String("addr", "localhost:8080", "`host:port` to listen on")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	if err := run(ctx, *addr, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "discussion:", err)
		os.Exit(1)
	}
}

// run serves until ctx is cancelled and all connections are closed.
func run(ctx context.Context, addr string, log io.Writer) error {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return fmt.Errorf("%w (-addr chooses another address)", err)
	}
	logger := slog.New(slog.NewTextHandler(log, nil))
	logger.InfoContext(ctx, "listening", "discussion", "ws://"+l.Addr().String()+"/ws/discussion")
	return serve(ctx, l, logger)
}

func serve(ctx context.Context, l net.Listener, logger *slog.Logger) error {
	chat := chanx.NewServer(&chanx.ServerOptions{Logger: logger})
	server := &http.Server{
		Handler: routes(chat, logger), ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second,
		MaxHeaderBytes: 16 << 10,
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	var failed error
	select {
	case failed = <-served:
	case <-ctx.Done():
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTime)
	defer cancel()
	err := errors.Join(chat.Shutdown(ctx), server.Shutdown(ctx))
	if failed == nil {
		<-served // http.ErrServerClosed, which is not a failure
	}
	return errors.Join(failed, err)
}

// routes mounts the discussion on a server, and its document and HTTP endpoint beside it.
func routes(srv *chanx.Server, logger *slog.Logger) http.Handler {
	discussion := talk.New()
	srv.Handle("/ws/discussion", discussion)
	mux := http.NewServeMux()
	mux.Handle("/ws/", srv)
	mux.Handle("/docs/", playground.Handler(srv, &playground.Options{Title: "Discussion"}))
	mux.Handle("GET /asyncapi.json", asyncapi.Handler(srv, &asyncapi.Options{Title: "Discussion", Version: "1.0.0", Logger: logger}))
	mux.Handle("POST /notify", notify{discussion, logger})
	return http.NewCrossOriginProtection().Handler(mux)
}
