package main

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/asyncapi"
	"github.com/chanx-go/chanx/examples/chat/login"
	"github.com/chanx-go/chanx/examples/chat/room"
	"github.com/chanx-go/chanx/examples/chat/site"
	"github.com/chanx-go/chanx/examples/chat/store"
	"github.com/chanx-go/chanx/playground"
)

// shutdownTime is how long open connections and requests have to end at shutdown.
const shutdownTime = 10 * time.Second

// app is the chat server with its listener, store and broker.
type app struct {
	store  *store.Store
	broker broker
	chat   *chanx.Server
	http   *http.Server
}

func newApp(ctx context.Context, c config, logger *slog.Logger) (*app, error) {
	key := login.NewKey()
	if c.key != "" {
		var err error
		if key, err = login.LoadKey(c.key); err != nil {
			return nil, err
		}
	}
	auth, err := layerAuth(c.layerKey)
	if err != nil {
		return nil, err
	}
	history, err := store.Open(ctx, c.db)
	if err != nil {
		return nil, err
	}
	b, err := connect(ctx, c.layer)
	if err != nil {
		return nil, errors.Join(err, history.Close())
	}
	logins := login.New(key)
	chat := chanx.NewServer(&chanx.ServerOptions{Layer: b, LayerAuth: auth, Logger: logger})
	chat.Handle("/ws/rooms/{room}", room.New(room.Options{
		Store: history, Members: c.members, Logins: logins, Logger: logger, Node: c.node,
	}))

	mux := http.NewServeMux()
	mux.Handle("/ws/", chat)
	mux.Handle("/docs/", playground.Handler(chat, &playground.Options{Title: "Chat"})) // read its contract, and try it
	mux.Handle("GET /asyncapi.json", asyncapi.Handler(chat, &asyncapi.Options{Title: "Chat", Version: "1.0.0", Logger: logger}))
	mux.Handle("/", site.New(site.Options{Server: chat, Store: history, Members: c.members, Logins: logins, Logger: logger}))
	return &app{history, b, chat, &http.Server{
		Handler:           mux,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(logger.Handler(), slog.LevelWarn),
	}}, nil
}

// serve accepts connections until ctx is cancelled, then ends them in order: WebSocket connections
// are closed with 1001, upon which pages reconnect to the next server, and requests are finished.
func (a *app) serve(ctx context.Context, l net.Listener) error {
	served := make(chan error, 1)
	go func() { served <- a.http.Serve(l) }()
	var failed error
	select {
	case failed = <-served:
	case <-ctx.Done():
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTime)
	defer cancel()
	err := errors.Join(a.chat.Shutdown(ctx), a.http.Shutdown(ctx))
	if failed == nil {
		<-served // http.ErrServerClosed, which is not a failure; from now on the address is free
	}
	a.broker.Close()
	return errors.Join(failed, err, a.store.Close())
}
