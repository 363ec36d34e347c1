package asyncapi

import (
	"cmp"

	"github.com/chanx-go/chanx"
)

// Kinds of operations, in their x-chanx, besides those of chanx's handlers.
const (
	kindSend = "send" // comes unasked
	kindAsk  = "ask"  // the server asks, the client answers
)

// operationExtension is the x-chanx of an operation.
type operationExtension struct {
	Kind  string              `json:"kind"`
	Fails []chanx.FailureSpec `json:"fails,omitempty"`
}

// operations writes what clients may send, what comes unasked, and what the server asks.
func (d *document) operations(c *endpoint) {
	taken := keys{}
	for _, s := range c.SecuritySchemes {
		c.security = append(c.security, d.securityScheme(s))
	}
	for _, m := range c.received {
		d.operation(c, taken.take(c.key+".receive."+m.key), "receive", m, operationExtension{m.Handler, m.Fails}, d.replies(c, m))
	}
	for _, m := range c.sent {
		if m.Unasked {
			d.operation(c, taken.take(c.key+".send."+m.key), "send", m, operationExtension{Kind: kindSend}, nil)
		}
	}
	for _, a := range c.asks {
		d.operation(c, taken.take(c.key+".ask."+a.question.key), "send", a.question, operationExtension{Kind: kindAsk}, []*message{a.answer})
	}
}

// replies lists the messages that answer a request or a stream.
func (d *document) replies(c *endpoint, m *message) (all []*message) {
	if m.Reply == "" {
		return nil
	}
	actions := []string{m.Reply, errorAction}
	if m.Handler == chanx.HandlerStream {
		actions = []string{m.Reply, completeAction, errorAction}
	}
	for _, action := range actions {
		if r := c.find(action); r != nil {
			all = append(all, r)
		}
	}
	return all
}

func (d *document) operation(c *endpoint, key, action string, m *message, x operationExtension, replies []*message) {
	d.object(key, func() {
		d.text("action", action)
		d.ref("channel", "#/channels/"+c.key)
		d.text("title", m.Title)
		first, whole := summary(cmp.Or(m.HandlerComment, m.Description))
		d.note("summary", first)
		d.note("description", whole)
		if len(c.security) > 0 {
			d.list("security", func() {
				for _, key := range c.security {
					d.ref("", "#/components/securitySchemes/"+key)
				}
			})
		}
		d.list("messages", func() { d.messageRef(c, m) })
		if len(replies) > 0 {
			d.object("reply", func() {
				d.ref("channel", "#/channels/"+c.key)
				d.list("messages", func() {
					for _, r := range replies {
						d.messageRef(c, r)
					}
				})
			})
		}
		d.value("x-chanx", x)
	})
}

func (d *document) messageRef(c *endpoint, m *message) {
	d.ref("", "#/channels/"+c.key+"/messages/"+m.key)
}

// securityScheme returns the key of a scheme.
func (d *document) securityScheme(s map[string]any) string {
	w := newWriter()
	w.value("", s) // encoding/json sorts the members of a map
	d.fail(w.err)
	text := func(name string) string { t, _ := s[name].(string); return t }
	name := text("type")
	switch name {
	case "http":
		name = text("scheme")
	case "httpApiKey":
		name = text("in") + "_" + text("name")
	}
	return d.security.add(orDefault(name, "scheme"), w.buf.String())
}
