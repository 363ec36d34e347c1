// Command assistant is a server that answers like an AI assistant: a token at a time, until the user stops it. Its model is
// a toy, so it needs no key and no network.
package main

//go:generate go run github.com/chanx-go/chanx/cmd/chanx docs ./...

import (
	"context"
	"embed"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/asyncapi"
	"github.com/chanx-go/chanx/examples/assistant/dialog"
	"github.com/chanx-go/chanx/examples/assistant/model"
	"github.com/chanx-go/chanx/playground"
)

const (
	answerTime   = 2 * time.Minute  // for one answer
	shutdownTime = 10 * time.Second // for answers and requests to end at shutdown
)

func main() {
	addr := flag.String("addr", "localhost:8080", "`host:port` to listen on")
	pace := flag.Duration("pace", 80*time.Millisecond, "`time` that the model takes for a token")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	if err := run(ctx, *addr, *pace, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "assistant:", err)
		os.Exit(1)
	}
}

// run serves until ctx is cancelled and the answers that have begun are complete, or shutdownTime is over.
func run(ctx context.Context, addr string, pace time.Duration, log io.Writer) error {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return fmt.Errorf("%w (-addr chooses another address)", err)
	}
	logger := slog.New(slog.NewTextHandler(log, nil))
	assistant := chanx.NewServer(&chanx.ServerOptions{Logger: logger})
	assistant.Handle("/ws", dialog.New(dialog.Options{Model: model.Model{Pace: pace}, Limit: answerTime, Logger: logger}))
	logger.InfoContext(ctx, "listening", "url", "http://"+l.Addr().String())
	return serve(ctx, l, assistant)
}

func serve(ctx context.Context, l net.Listener, assistant *chanx.Server) error {
	server := &http.Server{
		Handler: routes(assistant), ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second,
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
	err := errors.Join(assistant.Shutdown(ctx), server.Shutdown(ctx))
	if failed == nil {
		<-served // http.ErrServerClosed, which is not a failure
	}
	return errors.Join(failed, err)
}

//go:embed page
var files embed.FS

// routes serves the page, the assistant, and its contract: the document and a page to try it.
func routes(assistant *chanx.Server) http.Handler {
	page, err := fs.Sub(files, "page")
	if err != nil {
		panic(err) // the name is wrong
	}
	static := http.FileServerFS(page)
	mux := http.NewServeMux()
	mux.Handle("GET /ws", assistant)
	mux.Handle("GET /docs/", playground.Handler(assistant, &playground.Options{Title: "Assistant"}))
	mux.Handle("GET /asyncapi.json", asyncapi.Handler(assistant, &asyncapi.Options{Title: "Assistant", Version: "1.0.0"}))
	mux.HandleFunc("GET /", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", "default-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		static.ServeHTTP(w, r)
	})
	return mux
}
