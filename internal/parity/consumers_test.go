package parity_test

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/chanx-go/chanx"
)

// The consumers of the recorded application, written for chanx.

// state is the state of every connection.
type state struct {
	*chanx.Conn
	query url.Values
	room  string // set by open
}

type consumer = *chanx.Consumer[state]

// endpoint is what serves one path.
type endpoint struct {
	options chanx.ConsumerOptions
	open    func(s *state, r *http.Request) error
	handle  func(consumer) // registers the handlers
}

// endpoints has the endpoints by path, without the prefix /ws/, or /ws/c/ for connections with completions. A path that
// ends with a slash is followed by the wildcard pk.
var endpoints = map[string]endpoint{
	"seed/basic":           {handle: registerBasic},
	"seed/echo":            {handle: registerEcho},
	"seed/group":           {handle: registerGroup},
	"seed/relay":           {handle: registerRelay},
	"seed/raw":             {handle: registerRaw},
	"seed/room":            {handle: registerRoom},
	"seed/room-union":      {handle: registerRoom},
	"seed/room-v1":         {handle: registerRoom},
	"seed/custom":          {handle: registerCustom},
	"seed/group-types":     {handle: registerGroupTypes},
	"seed/discussion":      {handle: registerDiscussion},
	"envelope/multi":       {handle: registerEcho},
	"envelope/multi-nolog": {handle: registerEcho},
	"envelope/ping":        {handle: echoes[chanx.Ping]},
	"envelope/chat":        {handle: echoes[chatMessage]},
	"envelope/chat-nolog":  {handle: echoes[chatMessage]},
	"envelope/odd":         {handle: registerOdd},
	"camel":                {handle: registerCamel},
	"work":                 {handle: registerWork},
	"no-event":             {handle: registerUndeclared},
	"order":                {handle: registerOrder},
	"order-static":         {handle: registerOrder, options: chanx.ConsumerOptions{Groups: []string{"static_room"}}},
}

func init() {
	for path, e := range authEndpoints {
		endpoints["auth/"+path] = e
	}
}

// newConsumer returns the consumer of an endpoint.
func newConsumer(e endpoint, completions bool) consumer {
	o := e.options
	if o.Authenticator == nil {
		o.Authenticator = headerAuthenticator{}
	}
	if completions {
		o.Completions = chanx.Enabled
	}
	c := chanx.NewConsumer(func(c *chanx.Conn, r *http.Request) (*state, error) {
		s := &state{Conn: c, query: r.URL.Query()}
		if e.open == nil {
			return s, nil
		}
		return s, e.open(s, r)
	}, &o)
	c.OnOpen((*state).opened)
	e.handle(c)
	return c
}

func (s *state) opened(ctx context.Context) error {
	if groups := s.query.Get("groups"); groups != "" {
		if err := s.Join(ctx, strings.Split(groups, ",")...); err != nil {
			return err
		}
	}
	return s.hook(ctx)
}

// echoes registers a handler that answers a message with the message itself.
func echoes[M chanx.Message](c consumer) {
	chanx.OnRequest(c, func(_ *state, _ context.Context, m M) (M, error) { return m, nil })
}

// ignores registers a handler that does nothing.
func ignores[M chanx.Message](c consumer) {
	chanx.On(c, func(*state, context.Context, M) error { return nil })
}

func registerBasic(c consumer) {
	ignores[chatMessage](c)
	ignores[notificationMessage](c)
}

func registerEcho(c consumer) {
	echoes[chatMessage](c)
	echoes[notificationMessage](c)
	echoes[chanx.Ping](c)
}

func registerGroup(c consumer) {
	chanx.On(c, func(s *state, ctx context.Context, m chatMessage) error {
		if err := s.Broadcast(ctx, chatGroupMessage(m), chanx.To(s.Groups()...)); err != nil { // it may have none
			return err
		}
		return s.Broadcast(ctx, chatGroupMessage(m), chanx.To("room_123", "announcements"), chanx.ExceptSelf())
	})
	ignores[notificationMessage](c)
	chanx.Broadcasts[chatGroupMessage](c)
}

func registerRelay(c consumer) {
	chanx.On(c, (*state).relay)
	ignores[notificationMessage](c)
	chanx.OnEvent(c, (*state).notify)
	chanx.Broadcasts[chatGroupMessage](c)
	chanx.Sends[notificationMessage](c)
}

// relay broadcasts to the groups in the query. Like the original, it excludes the sender unless the query has exclude=0.
func (s *state) relay(ctx context.Context, m chatMessage) error {
	var options []chanx.BroadcastOption
	switch to := s.query.Get("to"); to {
	case "":
		options = append(options, chanx.To(s.Groups()...)) // which may be none
	case "-":
		options = append(options, chanx.To())
	default:
		options = append(options, chanx.To(strings.Split(to, ",")...))
	}
	if s.query.Get("exclude") != "0" {
		options = append(options, chanx.ExceptSelf())
	}
	return s.Broadcast(ctx, chatGroupMessage(m), options...)
}

func (s *state) notify(ctx context.Context, e notifyEvent) error {
	return s.Send(ctx, notificationMessage{"text": strings.ToUpper(e.Level) + ": " + e.Content})
}

func registerRaw(c consumer) {
	chanx.On(c, func(s *state, ctx context.Context, _ chatMessage) error {
		return s.Broadcast(ctx, chanx.Raw{Name: "raw", Payload: []byte(`{"message":"Raw message"}`)})
	})
	chanx.On(c, func(s *state, ctx context.Context, _ notificationMessage) error {
		return s.Broadcast(ctx, chatGroupMessage{chatPayload{Content: "as json", SenderName: "Anonymous"}})
	})
	chanx.On(c, func(s *state, ctx context.Context, _ chanx.Ping) error {
		return s.Broadcast(ctx, chanx.Raw{Name: "mine"})
	})
	chanx.Broadcasts[chatGroupMessage](c)
}

func registerRoom(c consumer) {
	chanx.OnRequest(c, func(_ *state, _ context.Context, m roomMessage) (notificationMessage, error) {
		return notificationMessage{"room": m.RoomID}, nil
	})
}

func registerCustom(c consumer) {
	chanx.OnRequest(c, func(_ *state, _ context.Context, m customMessage) (customMessage, error) {
		m.Extra = "metadata"
		return m, nil
	})
	chanx.OnRequest(c, func(*state, context.Context, chanx.Ping) (customMessage, error) {
		return customMessage{K: "v", Extra: "metadata"}, nil
	})
}

func registerGroupTypes(c consumer) {
	chanx.On(c, func(s *state, ctx context.Context, m chatMessage) error {
		if m.Content == "direct" {
			return s.Send(ctx, groupChatMessage("direct"))
		}
		return s.Broadcast(ctx, groupChatMessage("hi"))
	})
	chanx.Broadcasts[groupChatMessage](c)
}

func registerDiscussion(c consumer) {
	chanx.On(c, func(s *state, ctx context.Context, m newMessage) error { return s.Broadcast(ctx, memberMessage(m)) })
	chanx.OnEvent(c, func(s *state, ctx context.Context, e notifyPeopleEvent) error {
		return s.Send(ctx, notificationMessage{"people": e.Content})
	})
	chanx.Broadcasts[memberMessage](c)
	chanx.Sends[notificationMessage](c)
}

func registerOdd(c consumer) {
	echoes[forbidMessage](c)
	echoes[allowMessage](c)
	echoes[startMessage](c)
	echoes[beginMessage](c)
}

func registerCamel(c consumer) {
	chanx.On(c, func(s *state, ctx context.Context, m camelMessage) error {
		return errors.Join(s.Send(ctx, m), s.Broadcast(ctx, camelGroupMessage(m), chanx.To(s.Groups()...))) // which may be none
	})
	chanx.On(c, func(s *state, ctx context.Context, m camelMapMessage) error {
		keys := formatSorted(map[string]any(m))
		return errors.Join(s.Send(ctx, notificationMessage{"keys": keys}), s.Send(ctx, m))
	})
	chanx.OnRequest(c, func(_ *state, _ context.Context, m camelOutMessage) (camelMapMessage, error) {
		all := camelMapMessage{}
		for _, key := range m {
			all[key] = 1
		}
		return all, nil
	})
	chanx.Sends[camelMessage](c)
	chanx.Broadcasts[camelGroupMessage](c)
	chanx.Sends[notificationMessage](c)
}
