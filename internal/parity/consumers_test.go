package parity_test

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/chanx-go/chanx"
)

// The consumers that the original was recorded with, as they are written for chanx.

// tape is the state of all of them.
type tape struct {
	*chanx.Conn
	query url.Values
	room  string // that open has found
}

type (
	tapeText struct {
		Content    string  `json:"content"`
		SenderName string  `json:"sender_name" default:"Anonymous"`
		Timestamp  *string `json:"timestamp"`
	}
	tapeChat         struct{ tapeText }
	tapeChatGroup    struct{ tapeText }
	tapeNotification map[string]string
	tapeRoom         struct {
		RoomID   string `json:"room_id"`
		IsMember *bool  `json:"is_member"`
	}
	tapeCustom struct {
		K     string `json:"k,omitempty"`
		A     []int  `json:"a,omitempty"`
		Extra string `json:"extra" frame:"true" default:""`
	}
	tapeGroupChat string
	tapeWords     struct {
		Content string `json:"content"`
		Raw     bool   `json:"raw" default:"false"`
	}
	tapeNew       struct{ tapeWords }
	tapeMember    struct{ tapeWords }
	tapeForbid    string
	tapeAllow     string
	tapeStart     string
	tapeBegin     string
	tapeCamelText struct {
		UserName    string  `json:"user_name"`
		MessageText string  `json:"message_text" default:"none"`
		Line1       *string `json:"line_1"`
	}
	tapeCamel      struct{ tapeCamelText }
	tapeCamelGroup struct{ tapeCamelText }
	tapeCamelMap   map[string]any
	tapeCamelOut   []string
	tapeNotify     struct {
		Content string `json:"content"`
		Level   string `json:"level" default:"info"`
	}
	tapePeople struct {
		Content string `json:"content"`
	}
)

func (tapeChat) Action() string         { return "chat" }
func (tapeChatGroup) Action() string    { return "chat_group" }
func (tapeNotification) Action() string { return "notification" }
func (tapeRoom) Action() string         { return "room_message" }
func (tapeCustom) Action() string       { return "custom" }
func (tapeGroupChat) Action() string    { return "group_chat" }
func (tapeNew) Action() string          { return "new_message" }
func (tapeMember) Action() string       { return "member_message" }
func (tapeForbid) Action() string       { return "forbid" }
func (tapeAllow) Action() string        { return "allow" }
func (tapeStart) Action() string        { return "start" }
func (tapeBegin) Action() string        { return "begin" }
func (tapeCamel) Action() string        { return "camel_message" }
func (tapeCamelGroup) Action() string   { return "camel_group" }
func (tapeCamelMap) Action() string     { return "camel_map" }
func (tapeCamelOut) Action() string     { return "camel_out" }
func (tapeNotify) Event() string        { return "notify" }
func (tapePeople) Event() string        { return "notify_people" }

// tapeEvent is an event from outside, with the payload that was recorded.
type tapeEvent struct {
	name    string
	payload string
}

func (e tapeEvent) Event() string                { return e.name }
func (e tapeEvent) MarshalJSON() ([]byte, error) { return []byte(e.payload), nil }

type tapeConsumer = *chanx.Consumer[tape]

// tapeWay is how one path is served.
type tapeWay struct {
	options chanx.ConsumerOptions
	open    func(t *tape, r *http.Request) error
	handle  func(tapeConsumer)
}

// tapeWays are by the path below /ws, which is below /ws/c for connections with completions. One that ends with a slash
// goes on with the wildcard pk.
var tapeWays = map[string]tapeWay{
	"seed/basic":           {handle: tapeBasic},
	"seed/echo":            {handle: tapeEcho},
	"seed/group":           {handle: tapeGroup},
	"seed/relay":           {handle: tapeRelay},
	"seed/raw":             {handle: tapeRaw},
	"seed/room":            {handle: tapeRooms},
	"seed/room-union":      {handle: tapeRooms},
	"seed/room-v1":         {handle: tapeRooms},
	"seed/custom":          {handle: tapeCustoms},
	"seed/group-types":     {handle: tapeGroupTypes},
	"seed/discussion":      {handle: tapeDiscussion},
	"envelope/multi":       {handle: tapeEcho},
	"envelope/multi-nolog": {handle: tapeEcho},
	"envelope/ping":        {handle: tapeEchoes[chanx.Ping]},
	"envelope/chat":        {handle: tapeEchoes[tapeChat]},
	"envelope/chat-nolog":  {handle: tapeEchoes[tapeChat]},
	"envelope/odd":         {handle: tapeOdd},
	"camel":                {handle: tapeCamels},
	"work":                 {handle: tapeWork},
	"no-event":             {handle: tapeNoEvent},
	"order":                {handle: tapeOrder},
	"order-static":         {handle: tapeOrder, options: chanx.ConsumerOptions{Groups: []string{"static_room"}}},
}

func init() {
	for path, way := range tapeDoors {
		tapeWays["auth/"+path] = way
	}
}

// newTape returns the consumer of a way.
func newTape(way tapeWay, completions bool) tapeConsumer {
	o := way.options
	if o.Authenticator == nil {
		o.Authenticator = tapeUser{}
	}
	if completions {
		o.Completions = chanx.Enabled
	}
	c := chanx.NewConsumer(func(c *chanx.Conn, r *http.Request) (*tape, error) {
		s := &tape{Conn: c, query: r.URL.Query()}
		if way.open == nil {
			return s, nil
		}
		return s, way.open(s, r)
	}, &o)
	c.OnOpen((*tape).opened)
	way.handle(c)
	return c
}

func (t *tape) opened(ctx context.Context) error {
	if groups := t.query.Get("groups"); groups != "" {
		if err := t.Join(ctx, strings.Split(groups, ",")...); err != nil {
			return err
		}
	}
	return t.hook(ctx)
}

// tapeEchoes registers a message that is answered with itself.
func tapeEchoes[M chanx.Message](c tapeConsumer) {
	chanx.OnRequest(c, func(_ *tape, _ context.Context, m M) (M, error) { return m, nil })
}

// tapeIgnores registers a message that nothing is done for.
func tapeIgnores[M chanx.Message](c tapeConsumer) {
	chanx.On(c, func(*tape, context.Context, M) error { return nil })
}

func tapeBasic(c tapeConsumer) {
	tapeIgnores[tapeChat](c)
	tapeIgnores[tapeNotification](c)
}

func tapeEcho(c tapeConsumer) {
	tapeEchoes[tapeChat](c)
	tapeEchoes[tapeNotification](c)
	tapeEchoes[chanx.Ping](c)
}

func tapeGroup(c tapeConsumer) {
	chanx.On(c, func(t *tape, ctx context.Context, m tapeChat) error {
		if err := t.Broadcast(ctx, tapeChatGroup(m), chanx.To(t.Groups()...)); err != nil { // it may have none
			return err
		}
		return t.Broadcast(ctx, tapeChatGroup(m), chanx.To("room_123", "announcements"), chanx.ExceptSelf())
	})
	tapeIgnores[tapeNotification](c)
	chanx.Broadcasts[tapeChatGroup](c)
}

func tapeRelay(c tapeConsumer) {
	chanx.On(c, (*tape).relay)
	tapeIgnores[tapeNotification](c)
	chanx.OnEvent(c, (*tape).notify)
	chanx.Broadcasts[tapeChatGroup](c)
	chanx.Sends[tapeNotification](c)
}

// relay goes to the groups that the path names; without exclude=0 it leaves out the sender, as the original does.
func (t *tape) relay(ctx context.Context, m tapeChat) error {
	var options []chanx.BroadcastOption
	switch to := t.query.Get("to"); to {
	case "":
		options = append(options, chanx.To(t.Groups()...)) // which may be none
	case "-":
		options = append(options, chanx.To())
	default:
		options = append(options, chanx.To(strings.Split(to, ",")...))
	}
	if t.query.Get("exclude") != "0" {
		options = append(options, chanx.ExceptSelf())
	}
	return t.Broadcast(ctx, tapeChatGroup(m), options...)
}

func (t *tape) notify(ctx context.Context, e tapeNotify) error {
	return t.Send(ctx, tapeNotification{"text": strings.ToUpper(e.Level) + ": " + e.Content})
}

func tapeRaw(c tapeConsumer) {
	chanx.On(c, func(t *tape, ctx context.Context, _ tapeChat) error {
		return t.Broadcast(ctx, chanx.Raw{Name: "raw", Payload: []byte(`{"message":"Raw message"}`)})
	})
	chanx.On(c, func(t *tape, ctx context.Context, _ tapeNotification) error {
		return t.Broadcast(ctx, tapeChatGroup{tapeText{Content: "as json", SenderName: "Anonymous"}})
	})
	chanx.On(c, func(t *tape, ctx context.Context, _ chanx.Ping) error {
		return t.Broadcast(ctx, chanx.Raw{Name: "mine"})
	})
	chanx.Broadcasts[tapeChatGroup](c)
}

// Validate keeps those out of private rooms who are no members.
func (m tapeRoom) Validate() error {
	if strings.HasPrefix(m.RoomID, "private-") && (m.IsMember == nil || !*m.IsMember) {
		return errors.New("Cannot send messages to private rooms without membership")
	}
	return nil
}

func tapeRooms(c tapeConsumer) {
	chanx.OnRequest(c, func(_ *tape, _ context.Context, m tapeRoom) (tapeNotification, error) {
		return tapeNotification{"room": m.RoomID}, nil
	})
}

func tapeCustoms(c tapeConsumer) {
	chanx.OnRequest(c, func(_ *tape, _ context.Context, m tapeCustom) (tapeCustom, error) {
		m.Extra = "metadata"
		return m, nil
	})
	chanx.OnRequest(c, func(*tape, context.Context, chanx.Ping) (tapeCustom, error) {
		return tapeCustom{K: "v", Extra: "metadata"}, nil
	})
}

func tapeGroupTypes(c tapeConsumer) {
	chanx.On(c, func(t *tape, ctx context.Context, m tapeChat) error {
		if m.Content == "direct" {
			return t.Send(ctx, tapeGroupChat("direct"))
		}
		return t.Broadcast(ctx, tapeGroupChat("hi"))
	})
	chanx.Broadcasts[tapeGroupChat](c)
}

func tapeDiscussion(c tapeConsumer) {
	chanx.On(c, func(t *tape, ctx context.Context, m tapeNew) error { return t.Broadcast(ctx, tapeMember(m)) })
	chanx.OnEvent(c, func(t *tape, ctx context.Context, e tapePeople) error {
		return t.Send(ctx, tapeNotification{"people": e.Content})
	})
	chanx.Broadcasts[tapeMember](c)
	chanx.Sends[tapeNotification](c)
}

func tapeOdd(c tapeConsumer) {
	tapeEchoes[tapeForbid](c)
	tapeEchoes[tapeAllow](c)
	tapeEchoes[tapeStart](c)
	tapeEchoes[tapeBegin](c)
}

func tapeCamels(c tapeConsumer) {
	chanx.On(c, func(t *tape, ctx context.Context, m tapeCamel) error {
		return errors.Join(t.Send(ctx, m), t.Broadcast(ctx, tapeCamelGroup(m), chanx.To(t.Groups()...))) // which may be none
	})
	chanx.On(c, func(t *tape, ctx context.Context, m tapeCamelMap) error {
		keys := keysText(map[string]any(m))
		return errors.Join(t.Send(ctx, tapeNotification{"keys": keys}), t.Send(ctx, m))
	})
	chanx.OnRequest(c, func(_ *tape, _ context.Context, m tapeCamelOut) (tapeCamelMap, error) {
		all := tapeCamelMap{}
		for _, key := range m {
			all[key] = 1
		}
		return all, nil
	})
	chanx.Sends[tapeCamel](c)
	chanx.Broadcasts[tapeCamelGroup](c)
	chanx.Sends[tapeNotification](c)
}
