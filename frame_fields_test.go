package chanx_test

import (
	"context"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/chanxtest"
)

// Messages with frame fields whose names are reserved.
type (
	takesPayload struct {
		V int `json:"payload" frame:"true"`
	}
	takesRef struct {
		V int `json:"ref" frame:"true"`
	}
	takesTopic struct {
		V int `json:"topic" frame:"true"`
	}
	takesSeq struct {
		V int `json:"seq" frame:"true"`
	}
	takesVersion struct {
		V int `json:"version" frame:"true"`
	}
	takesTrace struct {
		V int `json:"trace" frame:"true"`
	}
	takesMine struct {
		V int `json:"is_mine" frame:"true"`
	}
	takesCurrent struct {
		V int `json:"isCurrent" frame:"true"`
	}
	takesAction struct {
		V int `json:"action" frame:"true"`
	}
	takesKind struct {
		V int `json:"msg_kind" frame:"true"`
	}
	taggedEvent struct {
		V int `json:"v" frame:"true"`
	}
	nestedTag struct {
		Inner taggedEvent `json:"inner"`
	}
)

func (takesPayload) Action() string { return "takes" }
func (takesRef) Action() string     { return "takes" }
func (takesTopic) Action() string   { return "takes" }
func (takesSeq) Action() string     { return "takes" }
func (takesVersion) Action() string { return "takes" }
func (takesTrace) Action() string   { return "takes" }
func (takesMine) Action() string    { return "takes" }
func (takesCurrent) Action() string { return "takes" }
func (takesAction) Action() string  { return "takes" }
func (takesKind) Action() string    { return "takes" }
func (taggedEvent) Action() string  { return "tagged" }
func (taggedEvent) Event() string   { return "tagged" }
func (nestedTag) Action() string    { return "nested" }

// receives and sends return functions that mount a consumer which receives or sends M.
func receives[M chanx.Message](o *chanx.ServerOptions) func() {
	return func() {
		c := newState()
		on[M](c)
		chanx.NewServer(o).Handle("/ws", c)
	}
}

func sends[M chanx.Message](o *chanx.ServerOptions) func() {
	return func() {
		c := newState()
		chanx.Broadcasts[M](c)
		chanx.NewServer(o).Handle("/ws", c)
	}
}

func TestFrameFieldsWithReservedNamesPanic(t *testing.T) {
	kind := &chanx.ServerOptions{Discriminator: "msgKind"}
	camel := &chanx.ServerOptions{Camelize: true}
	says := func(typ, name string) []string {
		return []string{`"/ws"`, typ + `.V frame:"true"`, `every frame has a member "` + name + `" of its own: rename the field with json`}
	}
	for _, tt := range []mistake{
		{"payload", receives[takesPayload](nil), says("takesPayload", "payload")},
		{"ref", sends[takesRef](nil), says("takesRef", "ref")},
		{"topic", receives[takesTopic](nil), says("takesTopic", "topic")},
		{"seq", sends[takesSeq](camel), says("takesSeq", "seq")},
		{"version", receives[takesVersion](nil), says("takesVersion", "version")},
		{"trace", sends[takesTrace](nil), says("takesTrace", "trace")},
		{"is_mine", receives[takesMine](camel), says("takesMine", "is_mine")},
		{"isCurrent", sends[takesCurrent](nil), says("takesCurrent", "isCurrent")},
		{"action", receives[takesAction](nil), says("takesAction", "action")},
		{"another discriminator", sends[takesKind](kind), says("takesKind", "msgKind")},
		{"an event", func() {
			c := newState()
			chanx.OnEvent(c, func(*state, context.Context, taggedEvent) error { return nil })
			chanx.NewServer(nil).Handle("/ws", c)
		}, []string{`taggedEvent.V frame:"true"`, "an event travels without a frame: remove the tag"}},
		{"an event that is forwarded", func() {
			c := newState()
			chanx.Forward[taggedEvent](c)
			chanx.NewServer(nil).Handle("/ws", c)
		}, []string{`taggedEvent.V frame:"true"`, "an event travels without a frame: remove the tag"}},
		{"inside", func() { on[nestedTag](newState()) }, []string{
			`taggedEvent.V frame:"true"`, "taggedEvent is inside chanx_test.nestedTag", "only a message itself has a frame",
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			said := panicOf(tt.do)
			for _, part := range tt.says {
				if !strings.Contains(said, part) {
					t.Errorf("panic %q, want it to say %q", said, part)
				}
			}
		})
	}
	for _, fine := range []func(){receives[takesAction](kind), sends[takesAction](kind), receives[takesKind](camel), receives[letterMessage](camel)} {
		if said := panicOf(fine); said != "" {
			t.Errorf("what is fine panics: %s", said)
		}
	}
}

func TestAnEventWithFrameFieldsCannotBeEmitted(t *testing.T) {
	bubble(t, chanx.ServerOptions{}, func(t *testing.T, srv *chanx.Server) {
		err := srv.Emit(t.Context(), taggedEvent{}, chanx.All())
		if err == nil || !strings.Contains(err.Error(), "remove the tag") {
			t.Errorf("Emit: %v", err)
		}
	})
}

// TestTheOrderOfMembersDoesNotMatter shuffles the members of valid and invalid frames.
func TestTheOrderOfMembersDoesNotMatter(t *testing.T) {
	frames := [][]string{
		{`"action":"letter"`, `"payload":{"text":"hi"}`, `"sent_from":"Ann"`, `"copies":2`, `"ref":"1"`, `"tag_list":["a"]`, `"other":{}`},
		{`"action":"letter"`, `"payload":{"text":1}`, `"sent_from":""`, `"copies":0`, `"ref":7`, `"topic":1`, `"reply_to":{}`},
		{`"action":"letter"`, `"copies":"x"`, `"ref":""`, `"tag_list":["a","b","long"]`},
		{`"action":"account"`, `"payload":{"owner":{"first":"x"},"mails":[1]}`, `"ref":"2"`, `"sent_from":"nothing here"`},
		{`"action":"stamp"`, `"ref":"3"`, `"stamped_at":"2025-05-11T14:30:00Z"`},
		{`"action":"unknown"`, `"ref":"4"`, `"payload":1`, `"copies":1`},
	}
	rnd := rand.New(rand.NewPCG(1, 2))
	bubble(t, chanx.ServerOptions{Limits: chanx.Limits{MaxInvalid: -1}}, func(t *testing.T, srv *chanx.Server) {
		srv.Handle("/kinds", newKinds())
		c := chanxtest.Dial(t, srv, "/kinds", nil)
		chanxtest.Receive[chanx.AuthenticationMessage](c)
		for _, members := range frames {
			want := ""
			for range 40 {
				text := "{" + strings.Join(members, ",") + "}"
				c.SendText(text)
				got := c.Next()
				if want == "" {
					want = got
				}
				if got != want {
					t.Errorf("%s\ngot  %s\nwant %s", text, got, want)
				}
				rnd.Shuffle(len(members), func(i, j int) { members[i], members[j] = members[j], members[i] })
			}
		}
	})
}

// TestFrameFieldsReachHandlersAndTests sends and receives frame fields with the typed helpers of chanxtest.
func TestFrameFieldsReachHandlersAndTests(t *testing.T) {
	for _, camel := range []bool{false, true} {
		bubble(t, chanx.ServerOptions{Camelize: camel}, func(t *testing.T, srv *chanx.Server) {
			srv.Handle("/kinds", newKinds())
			c := chanxtest.Dial(t, srv, "/kinds", asUser("ann"))
			synctest.Wait()
			chanxtest.Receive[chanx.AuthenticationMessage](c)
			reply := "x"
			m := letterMessage{Text: "hi", routing: routing{"Ann"}, ReplyTo: &reply, Copies: 2}
			got := chanxtest.Request[letterMessage](c, m).Message
			m.SentFrom = "ann"
			if !reflect.DeepEqual(got, m) {
				t.Errorf("got %+v, want %+v", got, m)
			}
			if err := chanx.Validate(letterMessage{routing: routing{""}, Copies: -1}); err == nil ||
				err.Error() != "sent_from: String should have at least 1 character\ncopies: Input should be greater than or equal to 1" {
				t.Errorf("Validate: %v", err)
			}
		})
	}
}
