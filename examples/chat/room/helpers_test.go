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

// byHeader takes a user's name, and the ID of a login, from headers; the cookie has tests of its own.
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

// close ends the house as a restart does.
func (h *house) close() {
	h.t.Helper()
	if err := h.srv.Shutdown(context.Background()); err != nil {
		h.t.Error(err)
	}
	if err := h.store.Close(); err != nil {
		h.t.Error(err)
	}
}

// inHouse runs a test in a synctest bubble, in a house with a history in memory.
func inHouse(t *testing.T, test func(t *testing.T, h *house)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, "")
		test(t, h)
		h.close()
	})
}

// dial knocks at a room as a user; "" is nobody.
func (h *house) dial(user, room string) *chanxtest.Conn {
	h.t.Helper()
	header := http.Header{}
	if user != "" {
		header.Set("User", user)
	}
	return chanxtest.Dial(h.t, h.srv, "/ws/rooms/"+room, &chanxtest.DialOptions{Header: header})
}

// enter enters a room and returns the connection, which has received its own coming last, and the history shown.
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

// gather has users enter the lobby, and returns their connections once all have been told of each other.
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

// expectNothing expects that nothing more has come to any of the connections.
func expectNothing(t *testing.T, all ...*chanxtest.Conn) {
	t.Helper()
	synctest.Wait()
	for i, c := range all {
		if got := c.Pending(); len(got) > 0 || c.Ended() != nil {
			t.Errorf("connection %d of %d: got %q, ended %v; want nothing", i+1, len(all), got, c.Ended())
		}
	}
}
