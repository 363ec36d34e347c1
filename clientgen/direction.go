package clientgen

// direction is who sends a value.
type direction int

const (
	sent     direction = iota // by a client
	received                  // by a client
)

// markDirections says of each type whether clients send it, receive it, and whether both differ.
func (c *Contract) markDirections() {
	for _, ch := range c.Endpoints {
		for _, p := range ch.Parameters {
			p.Schema.mark(sent)
		}
		if ch.Presence != nil {
			ch.Presence.mark(received)
		}
		for _, call := range ch.Calls {
			call.mark(sent)
			call.Answer.mark(received)
		}
		for _, m := range ch.Events {
			m.mark(received)
		}
		for _, a := range ch.Asks {
			a.Question.mark(received)
			a.Answer.mark(sent)
		}
	}
	differs := c.differing()
	for _, t := range c.Types {
		t.Split = t.Sent && t.Received && differs[t]
	}
}

func (m *Message) mark(d direction) {
	if m == nil {
		return
	}
	if m.Payload != nil {
		m.Payload.mark(d)
	}
	for _, p := range m.Beside {
		p.Schema.mark(d)
	}
}

func (s *Schema) mark(d direction) {
	if t := s.Ref; t != nil && !t.is(d) {
		if d == sent {
			t.Sent = true
		} else {
			t.Received = true
		}
		t.Schema.mark(d)
	}
	for _, child := range s.children() {
		child.mark(d)
	}
}

func (t *Type) is(d direction) bool { return d == sent && t.Sent || d == received && t.Received }

// differing returns the types whose values differ by direction, because a member of theirs does, or a type in them.
func (c *Contract) differing() map[*Type]bool {
	users := map[*Type][]*Type{}
	found := map[*Type]bool{}
	var queue []*Type
	for _, t := range c.Types {
		t.Schema.walk(func(s *Schema) {
			if s.Ref != nil {
				users[s.Ref] = append(users[s.Ref], t)
			}
			for _, p := range s.Properties {
				if p.Always && !p.Required && !found[t] {
					found[t] = true
					queue = append(queue, t)
				}
			}
		})
	}
	for len(queue) > 0 {
		t := queue[0]
		queue = queue[1:]
		for _, user := range users[t] {
			if !found[user] {
				found[user] = true
				queue = append(queue, user)
			}
		}
	}
	return found
}

// walk calls visit for s and the schemas within it. It does not follow references.
func (s *Schema) walk(visit func(*Schema)) {
	visit(s)
	for _, child := range s.children() {
		child.walk(visit)
	}
}
