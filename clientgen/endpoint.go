package clientgen

import (
	"cmp"
	"slices"
	"strings"
)

func (r *reader) endpoints(c *Contract) {
	byValue := map[*value]*Endpoint{}
	names := map[string]bool{}
	for _, v := range r.object(r.root.get("channels")) {
		if r.err != nil {
			return
		}
		ch := r.endpoint(v)
		if names[ch.Name] {
			r.fail(v, "another channel is called %q too", ch.Name)
		}
		names[ch.Name] = true
		byValue[v] = ch
		c.Endpoints = append(c.Endpoints, ch)
	}
	calls := map[*Endpoint]*seen{}
	for _, v := range r.object(r.root.get("operations")) {
		if r.err != nil {
			return
		}
		ch := byValue[r.follow(v.get("channel"))]
		if ch == nil {
			r.fail(v, "its channel is not one of the document's")
			return
		}
		if calls[ch] == nil {
			calls[ch] = &seen{map[string]bool{}, map[string]bool{}, map[string]bool{}}
		}
		r.operation(c, ch, calls[ch], v)
	}
}

func (r *reader) endpoint(v *value) *Endpoint {
	x := v.get("x-chanx")
	ch := &Endpoint{
		Name:          cmp.Or(r.text(x.get("name")), v.name),
		Host:          r.text(x.get("host")),
		Address:       r.text(v.get("address")),
		Doc:           r.text(v.get("description")),
		TokenRequired: r.flag(x.get("tokenRequired")),
		Welcome:       r.flag(x.get("welcome")),
		Completions:   r.flag(x.get("completions")),
		Resume:        r.flag(x.get("resume")),
		Recent:        r.int(x.get("recent")),
	}
	for _, t := range r.array(x.get("tokens")) {
		ch.Tokens = append(ch.Tokens, r.token(t))
	}
	for _, c := range r.array(x.get("closes")) {
		ch.Closes = append(ch.Closes, r.close(c))
	}
	if card := x.get("presence"); card != nil {
		ch.Presence = r.schema(card, 0)
	}
	ch.Parameters = append(r.pathParameters(v, ch.Address), r.queryParameters(v)...)
	return ch
}

func (r *reader) token(v *value) Token {
	t := Token{r.text(v.get("in")), r.text(v.get("name")), r.text(v.get("prefix"))}
	if !slices.Contains([]string{"query", "subprotocol", "header", "cookie"}, t.In) {
		r.fail(v, "no token goes into %q: it is query, subprotocol, header or cookie", t.In)
	}
	return t
}

func (r *reader) close(v *value) Close {
	c := Close{
		Code: r.int(v.get("code")), To: r.int(v.get("to")), After: r.int(v.get("after")),
		Meaning: r.text(v.get("meaning")), Then: r.text(v.get("then")),
	}
	c.To = max(c.To, c.Code)
	if c.Code < 1000 || c.To > 4999 {
		r.fail(v, "close codes are from 1000 to 4999")
	}
	if !slices.Contains([]string{"retry", "stop", "fresh"}, c.Then) {
		r.fail(v, "no client does %q: it is retry, stop or fresh", c.Then)
	}
	return c
}

// pathParameters returns the parameters in the order of the address.
func (r *reader) pathParameters(channel *value, address string) (all []*Parameter) {
	at := channel.get("address")
	if !strings.HasPrefix(address, "/") {
		r.fail(channel, "its address %q does not begin with a slash", address)
		return nil
	}
	taken := map[string]bool{}
	for rest := address; ; {
		before, after, found := strings.Cut(rest, "{")
		name, behind, closed := strings.Cut(after, "}")
		if strings.Contains(before, "}") || found && (!closed || name == "" || strings.Contains(name, "{")) {
			r.fail(at, "the braces of %q do not match", address)
			return nil
		}
		if !found {
			return all
		}
		v := channel.get("parameters", name)
		if v == nil || taken[name] {
			r.fail(at, "%q must have one parameter for each name in braces", address)
			return nil
		}
		taken[name] = true
		p := r.pathParameter(v)
		if p.Rest && behind != "" {
			r.fail(v, "it spans slashes, so it must end the address")
		}
		all = append(all, p)
		rest = behind
	}
}

func (r *reader) pathParameter(v *value) *Parameter {
	x := v.get("x-chanx")
	p := &Parameter{Property: Property{Name: v.name, Required: true}, Rest: r.flag(x.get("rest"))}
	p.Schema = &Schema{Shape: String}
	if s := x.get("schema"); s != nil {
		p.Schema = r.schema(s, 0)
	}
	p.Schema.Doc = cmp.Or(r.text(v.get("description")), p.Schema.Doc)
	p.Schema.Deprecated = p.Schema.Deprecated || r.flag(x.get("deprecated"))
	return p
}

func (r *reader) queryParameters(channel *value) (all []*Parameter) {
	query := channel.get("bindings", "ws", "query")
	for _, p := range r.properties(query, 0) {
		all = append(all, &Parameter{Property: p, Query: true})
	}
	return all
}

// seen are the actions of a channel that have had an operation.
type seen struct{ calls, events, asks map[string]bool }

func (r *reader) operation(c *Contract, ch *Endpoint, s *seen, v *value) {
	refs := r.array(v.get("messages"))
	if len(refs) != 1 {
		r.fail(v, "it must have one message")
		return
	}
	m := r.message(c, r.follow(refs[0]))
	if m == nil || m.library {
		return
	}
	kind := r.text(v.get("x-chanx", "kind"))
	once := func(actions map[string]bool) {
		if actions[m.Action] {
			r.fail(v, "there is another operation for %q", m.Action)
		}
		actions[m.Action] = true
	}
	switch kind {
	case "on", "request", "stream":
		once(s.calls)
		ch.Calls = append(ch.Calls, r.call(c, v, m, Kind(kind)))
	case "send":
		once(s.events)
		ch.Events = append(ch.Events, m)
	case "ask":
		once(s.asks)
		ch.Asks = append(ch.Asks, &Ask{m, r.reply(c, v)})
	default:
		r.fail(v, "its x-chanx has the unknown kind %q", kind)
	}
}

func (r *reader) call(c *Contract, v *value, m *Message, kind Kind) *Call {
	call := &Call{Message: m, Kind: kind, Fails: r.reasons(v.get("x-chanx", "fails"))}
	if doc := r.text(v.get("description")); doc != "" && doc != m.Doc {
		own := *m
		own.Doc = doc
		call.Message = &own
	}
	if kind != Send {
		call.Answer = r.reply(c, v)
	}
	return call
}

// reply returns the first message of a reply that is not the library's.
func (r *reader) reply(c *Contract, v *value) *Message {
	for _, ref := range r.array(v.get("reply", "messages")) {
		if m := r.message(c, r.follow(ref)); m == nil || !m.library {
			return m
		}
	}
	r.fail(v, "it has no reply, but its x-chanx says that it is answered")
	return nil
}

func (r *reader) message(c *Contract, v *value) *Message {
	if v == nil || r.messages[v] != nil {
		return r.messages[v]
	}
	x, frame := v.get("x-chanx"), v.get("payload")
	m := &Message{
		Action: r.text(v.get("name")), Doc: r.text(v.get("description")),
		Deprecated: r.flag(x.get("deprecated")), Group: r.flag(x.get("group")), Kept: r.flag(x.get("kept")),
		Latest: r.flag(x.get("latest")), Droppable: r.flag(x.get("droppable")), library: r.flag(x.get("library")),
	}
	r.messages[v] = m
	if m.library {
		return m
	}
	if r.text(frame.get("properties", c.Discriminator, "const")) != m.Action || m.Action == "" {
		r.fail(v, "its name %q is not what its frame says in %q", m.Action, c.Discriminator)
		return nil
	}
	beside := r.texts(x.get("beside"))
	for _, p := range r.properties(frame, 0) {
		switch {
		case p.Name == "payload" && !slices.Contains(beside, "payload"):
			m.Payload, m.Optional = p.Schema, !p.Required
		case slices.Contains(beside, p.Name):
			m.Beside = append(m.Beside, p)
		}
	}
	if len(m.Beside) != len(beside) {
		r.fail(v, "its frame lacks a member that its x-chanx names")
	}
	return m
}
