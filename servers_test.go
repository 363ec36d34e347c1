package chanx_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/chanxtest"
)

// quiet is the logger of servers whose log does not matter.
var quiet = slog.New(slog.DiscardHandler)

// bubble runs a test in a synctest bubble with a server, and shuts the server down.
func bubble(t *testing.T, o chanx.ServerOptions, test func(t *testing.T, srv *chanx.Server)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		if o.Logger == nil {
			o.Logger = quiet
		}
		srv := chanx.NewServer(&o)
		test(t, srv)
		if err := srv.Shutdown(context.Background()); err != nil {
			t.Errorf("shutdown: %v", err)
		}
	})
}

// serve returns a server with one endpoint.
func serve(o *chanx.ServerOptions, pattern string, consumer chanx.Endpoint) *chanx.Server {
	srv := chanx.NewServer(o)
	srv.Handle(pattern, consumer)
	return srv
}

func shutDown(t *testing.T, servers ...*chanx.Server) {
	t.Helper()
	for _, s := range servers {
		if err := s.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	}
}

// pass sleeps, and then waits until all other goroutines of the bubble are blocked.
func pass(d time.Duration) {
	time.Sleep(d) // in a bubble
	synctest.Wait()
}

// byHeader authenticates by the header User. It refuses "nobody" and fails for "broken".
var byHeader = chanx.AuthenticatorFunc(func(r *http.Request) (chanx.Identity, error) {
	switch name := r.Header.Get("User"); name {
	case "nobody":
		return chanx.Identity{}, chanx.Refuse(http.StatusUnauthorized, "log in first")
	case "broken":
		return chanx.Identity{}, errors.New("the user table is gone")
	default:
		return chanx.Identity{UserID: name}, nil
	}
})

// asUser returns options to dial as a user that byHeader accepts.
func asUser(name string) *chanxtest.DialOptions {
	return &chanxtest.DialOptions{Header: http.Header{"User": {name}}}
}
