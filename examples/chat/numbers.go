package main

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/examples/chat/metrics"
)

// numbers serves GET /metrics on a separate address, because metrics should not be public. Nil serves nothing.
type numbers struct {
	l     net.Listener
	http  *http.Server
	ended chan struct{}
}

// listenNumbers listens on the address, so that a bad one is reported before anything else starts; "" is none.
func listenNumbers(addr string) (*numbers, error) {
	if addr == "" {
		return nil, nil
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("%w (-metrics chooses another address)", err)
	}
	return &numbers{l: l, http: &http.Server{
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    16 << 10,
	}, ended: make(chan struct{})}, nil
}

// serve runs until close. If it fails, the chat continues.
func (n *numbers) serve(chat *chanx.Server, logger *slog.Logger) {
	if n == nil {
		return
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", metrics.Handler(chat.Stats))
	n.http.Handler, n.http.ErrorLog = mux, slog.NewLogLogger(logger.Handler(), slog.LevelWarn)
	logger.Info("serving metrics", "url", "http://"+n.l.Addr().String()+"/metrics")
	go func() {
		defer close(n.ended)
		if err := n.http.Serve(n.l); !errors.Is(err, http.ErrServerClosed) {
			logger.Error("metrics are not served any more", "error", err)
		}
	}()
}

// close returns when the address is free.
func (n *numbers) close() error {
	if n == nil {
		return nil
	}
	err := errors.Join(n.http.Close(), ignoreClosed(n.l.Close()))
	if n.http.Handler != nil {
		<-n.ended
	}
	return err
}

func ignoreClosed(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}
