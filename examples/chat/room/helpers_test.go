package room

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"testing"
	"testing/synctest"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/chanxtest"
	"github.com/chanx-go/chanx/examples/chat/login"
	"github.com/chanx-go/chanx/examples/chat/store"
	"github.com/chanx-go/chanx/layer"
)

// byHeader reads a user's name and the ID of a login from headers; the cookie has its own tests.
var byHeader = chanx.AuthenticatorFunc(func(r *http.Request) (chanx.Identity, error) {
	if name := r.Header.Get("User"); name != "" {
		return chanx.Identity{UserID: login.Fold(name), Claims: login.Login{ID: r.Header.Get("Login"), Name: name}}, nil
	}
	return chanx.Identity{}, chanx.Refuse(http.StatusUnauthorized, "log in first")
})

// house is a server with its history.
type house struct {
	t     *testing.T
	srv   *chanx.Server
	store *store.Store
	log   *bytes.Buffer // read it after synctest.Wait only
}

func newHouse(t *testing.T, file string) *house {
	t.Helper()
	s, err := store.Open(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	return newHouseOn(t, nil, s)
}

func newHouseOn(t *testing.T, l layer.Layer, s *store.Store) *house {
	log := &bytes.Buffer{}
	logger := slog.New(slog.NewTextHandler(log, nil))
	srv := chanx.NewServer(&chanx.ServerOptions{Layer: l, Logger: logger})
	srv.Handle("/ws/rooms/{room}", New(Options{Store: s, Members: Members{"staff": {"Ann"}}, Logins: byHeader, Logger: logger}))
	return &house{t, srv, s, log}
}

// close shuts the server down and closes its history.
func (h *house) close() {
	h.t.Helper()
	if err := h.srv.Shutdown(context.Background()); err != nil {
		h.t.Error(err)
	}
	if err := h.store.Close(); err != nil {
		h.t.Error(err)
	}
}

// inHouse runs a test in a synctest bubble, with a server that has its history in memory.
func inHouse(t *testing.T, test func(t *testing.T, h *house)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, "")
		test(t, h)
		h.close()
	})
}

// dial connects to a room as a user; "" is no login.
func (h *house) dial(user, room string) *chanxtest.Conn {
	h.t.Helper()
	header := http.Header{}
	if user != "" {
		header.Set("User", user)
	}
	return chanxtest.Dial(h.t, h.srv, "/ws/rooms/"+room, &chanxtest.DialOptions{Header: header})
}

// enter enters a room and returns the connection, whose last frame was its own UserJoinedMessage, and the history.
func (h *house) enter(user, room string) (*chanxtest.Conn, HistoryMessage) {
	h.t.Helper()
	c := h.dial(user, room)
	if f := chanxtest.Receive[chanx.AuthenticationMessage](c); f.Message.StatusCode != http.StatusOK {
		h.t.Fatalf("%s in %s: %+v", user, room, f.Message)
	}
	past := chanxtest.Receive[HistoryMessage](c).Message
	if f := chanxtest.Receive[UserJoinedMessage](c); !f.IsCurrent || f.Message.Username != user {
		h.t.Fatalf("%s in %s: got %+v, want the own coming", user, room, f)
	}
	return c, past
}

// gather opens the lobby for several users, and returns their connections when all have received each other's joins.
func (h *house) gather(users ...string) []*chanxtest.Conn {
	h.t.Helper()
	all := make([]*chanxtest.Conn, len(users))
	for i, user := range users {
		all[i], _ = h.enter(user, "lobby")
		for _, c := range all[:i] {
			chanxtest.Receive[UserJoinedMessage](c)
		}
	}
	return all
}

// expectNothing expects no further frame on any of the connections.
func expectNothing(t *testing.T, all ...*chanxtest.Conn) {
	t.Helper()
	synctest.Wait()
	for i, c := range all {
		if got := c.Pending(); len(got) > 0 || c.Ended() != nil {
			t.Errorf("connection %d of %d: got %q, ended %v; want nothing", i+1, len(all), got, c.Ended())
		}
	}
}
