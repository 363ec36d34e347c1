package room

import (
	"context"
	"database/sql"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/chanxtest"
	"github.com/chanx-go/chanx/examples/chat/store"
	"github.com/chanx-go/chanx/layer"
)

// exec changes a database without using its store.
func exec(t *testing.T, file, statement string) {
	t.Helper()
	db, err := sql.Open("sqlite", file)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.ExecContext(t.Context(), statement); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestAFullDiskIsToldWithoutItsCause: only the sender gets an error for a post that cannot be stored.
func TestAFullDiskIsToldWithoutItsCause(t *testing.T) {
	file := filepath.Join(t.TempDir(), "chat.db")
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, file)
		all := h.gather("Ann", "Bob")
		exec(t, file, `CREATE TRIGGER full BEFORE INSERT ON messages BEGIN SELECT RAISE(FAIL, 'the disk is full'); END`)
		all[0].SendRef(ChatMessage{"lost"}, "1")
		f := chanxtest.Receive[chanx.ErrorMessage](all[0])
		if f.Ref != "1" {
			t.Errorf("the error answers ref %q, want 1", f.Ref)
		}
		all[0].Send(ChatMessage{"lost"})
		if detail := all[0].ExpectError("internal"); detail != "Failed to process message" {
			t.Errorf("detail %q reveals the cause", detail)
		}
		expectNothing(t, all...)
		if log := h.log.String(); !strings.Contains(log, "store: add message: ") || !strings.Contains(log, "the disk is full") {
			t.Errorf("the cause is not in the log: %s", log)
		}

		exec(t, file, `DROP TRIGGER full`)
		all[0].Send(ChatMessage{"kept"})
		for _, c := range all {
			if f := chanxtest.Receive[ChatGroupMessage](c); f.Message.Content != "kept" {
				t.Errorf("got %+v", f)
			}
		}
		if _, past := h.enter("Ann", "lobby"); len(past) != 1 || past[0].Content != "kept" {
			t.Errorf("history %+v, want only what was kept", past)
		}
		h.close()
	})
}

// TestWithoutHistoryNobodyEnters: a visitor who cannot get the history is closed and may retry; the room gets no message
// about it.
func TestWithoutHistoryNobodyEnters(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		ann, _ := h.enter("Ann", "lobby")
		if err := h.store.Close(); err != nil {
			t.Fatal(err)
		}
		bob := h.dial("Bob", "lobby")
		chanxtest.Receive[chanx.AuthenticationMessage](bob)
		bob.ExpectError("internal")
		bob.ExpectClosed(1011)
		ann.Send(ChatMessage{"hello?"})
		ann.ExpectError("internal")
		expectNothing(t, ann)
		if log := h.log.String(); !strings.Contains(log, "store: read messages: ") {
			t.Errorf("the cause is not in the log: %s", log)
		}
	})
}

// away is a layer whose broker cannot be reached.
type away struct{}

func (away) Open(layer.Receiver) layer.Link                { return away{} }
func (away) Publish(context.Context, string, []byte) error { return layer.ErrUnavailable }
func (away) Subscribe(context.Context, string) error       { return layer.ErrUnavailable }
func (away) Unsubscribe(context.Context, string) error     { return layer.ErrUnavailable }
func (away) Close(context.Context) error                   { return nil }

// TestWithoutTheBrokerTheRoomGoesOn: visitors on this node still get posts, and the sender gets no error.
func TestWithoutTheBrokerTheRoomGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, err := store.Open(t.Context(), "")
		if err != nil {
			t.Fatal(err)
		}
		h := newHouseOn(t, away{}, s)
		all := h.gather("Ann", "Bob")
		all[0].Send(ChatMessage{"still here"})
		for _, c := range all {
			if f := chanxtest.Receive[ChatGroupMessage](c); f.Message.Content != "still here" {
				t.Errorf("got %+v", f)
			}
		}
		expectNothing(t, all...)
		if _, past := h.enter("Ann", "lobby"); len(past) != 1 {
			t.Errorf("history %+v, want what was said", past)
		}
		if log := h.log.String(); !strings.Contains(log, "other nodes not informed") {
			t.Errorf("the log says nothing of it: %s", log)
		}
		h.close()
	})
}
