package room

import (
	"fmt"
	"log/slog"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/chanxtest"
	"github.com/chanx-go/chanx/examples/chat/login"
	"github.com/chanx-go/chanx/examples/chat/store"
)

func TestEnteringShowsTheLatestPostsOldestFirst(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		if _, past := h.enter("Ann", "lobby"); past == nil || len(past) != 0 {
			t.Errorf("history of an empty room: %#v, want an empty list", past)
		}
		for i := range HistorySize + 10 {
			m := store.Message{Room: "lobby", Sender: []string{"Ann", "Bob"}[i%2], Content: fmt.Sprint(i), SentAt: time.Now()}
			if _, err := h.store.Add(t.Context(), m); err != nil {
				t.Fatal(err)
			}
			m.Room = "elsewhere"
			if _, err := h.store.Add(t.Context(), m); err != nil {
				t.Fatal(err)
			}
		}
		_, past := h.enter("Bob", "lobby")
		if len(past) != 50 {
			t.Fatalf("%d posts, want the latest 50", len(past))
		}
		for i, p := range past {
			n := i + 10
			if p.Content != fmt.Sprint(n) || p.SenderName != []string{"Ann", "Bob"}[n%2] || p.IsMine != (n%2 == 1) {
				t.Errorf("post %d is %+v, want number %d, mine if it is Bob's", i, p, n)
			}
		}
		if !slices.IsSortedFunc(past, func(a, b PastPost) int { return int(a.ID - b.ID) }) {
			t.Error("ids do not rise")
		}
	})
}

func TestAServerWithANameTellsIt(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		h.srv.Handle("/ws/named/{room}", New(Options{Store: h.store, Logins: byHeader, Logger: slog.New(slog.DiscardHandler), Node: "node-2"}))
		c := chanxtest.Dial(t, h.srv, "/ws/named/lobby", &chanxtest.DialOptions{Header: http.Header{"User": {"Ann"}}})
		chanxtest.Receive[chanx.AuthenticationMessage](c)
		if f := chanxtest.Receive[NodeMessage](c); f.Message.Name != "node-2" || f.Grouped {
			t.Errorf("got %+v, want node-2", f)
		}
		chanxtest.Receive[HistoryMessage](c)
		chanxtest.Receive[UserJoinedMessage](c)
		expectNothing(t, c)
	})
}

func TestWhatIsSaidReachesTheRoomWithTheRightMarks(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		all := h.gather("Ann", "Ann", "Bob")
		elsewhere, _ := h.enter("Ann", "go")
		all[0].SendRef(ChatMessage{"it's <b>\n\"ü\""}, "1")
		var posts []Post
		for i, c := range all {
			f := chanxtest.Receive[ChatGroupMessage](c)
			if !f.Grouped || f.IsMine != (i < 2) || f.IsCurrent != (i == 0) || f.Ref != "" {
				t.Errorf("connection %d got %+v; want is_mine for both tabs of Ann, is_current for her first", i, f)
			}
			posts = append(posts, f.Message.Post)
		}
		if f := chanxtest.Receive[chanx.CompleteMessage](all[0]); f.Ref != "1" {
			t.Errorf("the sender got %+v, want the answer to ref 1", f)
		}
		want := Post{ID: 1, SenderName: "Ann", Content: "it's <b>\n\"ü\"", Timestamp: time.Now().UTC()} // no time passes in a bubble
		if slices.ContainsFunc(posts, func(p Post) bool { return p != want }) {
			t.Errorf("posts %+v, want each to be %+v", posts, want)
		}
		expectNothing(t, append(all, elsewhere)...)
		if _, past := h.enter("Bob", "lobby"); !slices.Equal(past, HistoryMessage{{want, false}}) {
			t.Errorf("history %+v, want what was received", past)
		}
		if _, past := h.enter("Ann", "lobby"); !slices.Equal(past, HistoryMessage{{want, true}}) {
			t.Errorf("history %+v, want what was received, as her own", past)
		}
	})
}

// TestNamesThatLookTheSameAreOneUser: a name that looks like Ann is the user Ann.
func TestNamesThatLookTheSameAreOneUser(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		all := h.gather("Ann", "Ann\u200b", "Eve")
		all[1].Send(ChatMessage{"it is me"})
		for i, mine := range []bool{true, true, false} {
			if f := chanxtest.Receive[ChatGroupMessage](all[i]); f.IsMine != mine {
				t.Errorf("connection %d: is_mine %v, want %v", i+1, f.IsMine, mine)
			}
		}
		for _, name := range []string{"Ann\u200b", "\u0410nn"} {
			c, past := h.enter(name, "staff")
			if len(past) > 0 {
				t.Errorf("%q reads %v in staff", name, past)
			}
			c.Close(1000, "")
		}
		_, past := h.enter("ANN", "lobby")
		if len(past) != 1 || !past[0].IsMine {
			t.Errorf("the history is %+v, want the own post", past)
		}
	})
}

// TestALogoutClosesItsOwnConnections: another login of the same user, such as in another browser, stays.
func TestALogoutClosesItsOwnConnections(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		dial := func(user, id, room string) *chanxtest.Conn {
			c := chanxtest.Dial(t, h.srv, "/ws/rooms/"+room, &chanxtest.DialOptions{Header: http.Header{"User": {user}, "Login": {id}}})
			chanxtest.ReceiveUntil[UserJoinedMessage](c)
			return c
		}
		ended := []*chanxtest.Conn{dial("Ann", "1", "lobby"), dial("Ann", "1", "staff")}
		others := []*chanxtest.Conn{dial("Ann", "2", "go"), dial("Eve", "1", "random")}
		if err := h.srv.Emit(t.Context(), LogoutEvent{Login: "1"}, chanx.ToUser(login.Fold("Ann"))); err != nil {
			t.Fatal(err)
		}
		for _, c := range ended {
			c.ExpectClosed(4401)
		}
		expectNothing(t, others...)
	})
}

func TestPostsOfOneSenderKeepTheirOrder(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		all := h.gather("Ann", "Bob", "Cat")
		const each = 20
		for i := range each {
			all[0].Send(ChatMessage{fmt.Sprint(i)})
			all[1].Send(ChatMessage{fmt.Sprint(i)})
		}
		for _, c := range all {
			heard := map[string]int{}
			for range 2 * each {
				p := chanxtest.Receive[ChatGroupMessage](c).Message.Post
				if p.Content != fmt.Sprint(heard[p.SenderName]) {
					t.Fatalf("%s said %s after %d posts", p.SenderName, p.Content, heard[p.SenderName])
				}
				heard[p.SenderName]++
			}
		}
		expectNothing(t, all...)
	})
}

func TestComingAndGoingIsToldForEachTab(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		bob, _ := h.enter("Bob", "lobby")
		ann, _ := h.enter("Ann", "lobby")
		want := Presence{Username: "Ann", RoomName: "lobby", Timestamp: time.Now().UTC()}
		if f := chanxtest.Receive[UserJoinedMessage](bob); f.Message.Presence != want || f.IsMine || f.IsCurrent {
			t.Errorf("Bob got %+v, want Ann's coming, not his", f)
		}
		tab, _ := h.enter("Ann", "lobby")
		if f := chanxtest.Receive[UserJoinedMessage](ann); !f.IsMine || f.IsCurrent {
			t.Errorf("Ann's first tab got %+v, want is_mine, not is_current", f)
		}
		chanxtest.Receive[UserJoinedMessage](bob)
		h.enter("Ann", "go")

		tab.Close(1000, "")
		if f := chanxtest.Receive[UserLeftMessage](ann); !f.IsMine || f.IsCurrent {
			t.Errorf("Ann's first tab got %+v, want is_mine, not is_current", f)
		}
		if f := chanxtest.Receive[UserLeftMessage](bob); f.Message.Presence != want || f.IsMine {
			t.Errorf("Bob got %+v, want Ann's going", f)
		}
		ann.Abort()
		if f := chanxtest.Receive[UserLeftMessage](bob); f.Message.Presence != want {
			t.Errorf("Bob got %+v, want Ann's going", f)
		}
		expectNothing(t, bob)
	})
}

func TestWhatIsSaidBeforeLeavingIsHeard(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		all := h.gather("Ann", "Bob")
		all[0].Send(ChatMessage{"bye"})
		all[0].Close(1000, "")
		if f := chanxtest.Receive[ChatGroupMessage](all[1]); f.Message.Content != "bye" {
			t.Errorf("Bob got %+v", f)
		}
		chanxtest.Receive[UserLeftMessage](all[1])
	})
}

func TestTypingIsToldToEverybodyElse(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		all := h.gather("Ann", "Ann", "Bob")
		all[0].Send(TypingMessage{})
		for i, c := range all[1:] {
			f := chanxtest.Receive[UserTypingMessage](c)
			if f.Message.Username != "Ann" || f.IsMine != (i == 0) || f.IsCurrent {
				t.Errorf("connection %d got %+v; want Ann, is_mine for her other tab", i+1, f)
			}
		}
		expectNothing(t, all...)
	})
}

func TestRefusalsAreToldAndTheRoomIsNot(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		ann, _ := h.enter("Ann", "staff")
		tests := []struct {
			name, user, room string
			status           int
			detail           string
		}{
			{"nobody", "", "lobby", 401, "log in first"},
			{"nobody, members-only room", "", "staff", 401, "log in first"},
			{"not a member", "Bob", "staff", 403, "members only"},
			{"the name differs", "Anne", "staff", 403, "members only"},
			{"no such room", "Ann", "Lobby", 404, "invalid parameters"},
			{"not a name", "Ann", "a%2Fb", 404, "invalid parameters"},
		}
		for _, tt := range tests {
			c := h.dial(tt.user, tt.room)
			got := chanxtest.Receive[chanx.AuthenticationMessage](c).Message
			if got.StatusCode != tt.status || got.StatusText != http.StatusText(tt.status) || got.Data.Detail != tt.detail {
				t.Errorf("%s: got %+v", tt.name, got)
			}
			if reason := c.ExpectClosed(4000 + tt.status); reason != tt.detail {
				t.Errorf("%s: closed with reason %q, want %q", tt.name, reason, tt.detail)
			}
		}
		expectNothing(t, ann)
	})
}

func TestBadInputIsExplainedAndKeptFromTheRoom(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		all := h.gather("Ann", "Bob")
		tests := []struct {
			name, text, want string
		}{
			{"no payload", `{"action":"chat"}`, "missing payload"},
			{"no content", `{"action":"chat","payload":{}}`, "missing payload.content"},
			{"empty", `{"action":"chat","payload":{"content":""}}`, "string_too_short payload.content"},
			{"blank", `{"action":"chat","payload":{"content":" \n"}}`, "string_pattern_mismatch payload.content"},
			{"too long", `{"action":"chat","payload":{"content":"` + strings.Repeat("é", 2001) + `"}}`, "string_too_long payload.content"},
			{"a number", `{"action":"chat","payload":{"content":1}}`, "string_type payload.content"},
			{"null", `{"action":"chat","payload":{"content":null}}`, "string_type payload.content"},
			{"a list", `{"action":"chat","payload":[]}`, "model_type payload"},
			{"what the server says", `{"action":"user_left","payload":{"username":"Bob"}}`, "union_tag_invalid"},
			{"an event", `{"action":"notify","payload":{"content":"hi"}}`, "union_tag_invalid"},
			{"no action", `{"payload":{"content":"hi"}}`, "union_tag_not_found"},
			{"not JSON", `hi`, "json_invalid"},
		}
		for _, tt := range tests {
			all[0].SendText(tt.text)
			if got := all[0].ExpectInvalid(tt.want); got[0].Msg == "" {
				t.Errorf("%s: no text", tt.name)
			}
		}
		expectNothing(t, all...)
		longest := strings.Repeat("é", 2000)
		all[0].Send(ChatMessage{longest})
		for _, c := range all {
			if f := chanxtest.Receive[ChatGroupMessage](c); f.Message.Content != longest || f.Message.ID != 1 {
				t.Errorf("got post %d, want the first, with 2000 characters", f.Message.ID)
			}
		}
	})
}

func TestANoticeReachesItsRoom(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		all := h.gather("Ann", "Bob")
		elsewhere, _ := h.enter("Bob", "go")
		notice := Notice{Content: "<b>soup</b>", Level: "warning", SenderName: "the kitchen"}
		if err := h.srv.Emit(t.Context(), NotifyEvent{notice}, chanx.To(Group("lobby"))); err != nil {
			t.Fatal(err)
		}
		for _, c := range all {
			if f := chanxtest.Receive[NotificationMessage](c); f.Message.Notice != notice || f.Grouped {
				t.Errorf("got %+v, want %+v", f, notice)
			}
		}
		expectNothing(t, append(all, elsewhere)...)
		if _, past := h.enter("Cat", "lobby"); len(past) != 0 {
			t.Errorf("the notice is in the history: %+v", past)
		}
	})
}

func TestARestartIsAnnouncedAndKeepsTheHistory(t *testing.T) {
	file := filepath.Join(t.TempDir(), "chat.db")
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, file)
		all := h.gather("Ann", "Bob")
		all[0].Send(ChatMessage{"before"})
		before := chanxtest.Receive[ChatGroupMessage](all[0]).Message.Post
		chanxtest.Receive[ChatGroupMessage](all[1])
		h.close()
		for _, c := range all {
			synctest.Wait()
			for len(c.Pending()) > 0 {
				chanxtest.Receive[UserLeftMessage](c) // of the connection that was closed first
			}
			c.ExpectClosed(1001)
		}

		h = newHouse(t, file)
		ann, past := h.enter("Ann", "lobby")
		if !slices.Equal(past, HistoryMessage{{before, true}}) {
			t.Errorf("history after the restart: %+v, want %+v", past, before)
		}
		ann.Send(ChatMessage{"after"})
		if f := chanxtest.Receive[ChatGroupMessage](ann); f.Message.ID <= before.ID {
			t.Errorf("the next post has id %d, want more than %d", f.Message.ID, before.ID)
		}
		h.close()
	})
}
