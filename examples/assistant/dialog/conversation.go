package dialog

import (
	"slices"
	"sync"

	"github.com/chanx-go/chanx/examples/assistant/model"
)

// Limits of a conversation. They bound the memory of a connection, and the answer to recall.
const (
	maxBytes = 128 << 10 // of prompts and answers
	maxTurns = 500
)

// conversation has all prompts and answers. Answers grow outside the connection's queue, so it has a lock.
type conversation struct {
	mu    sync.Mutex
	turns []Turn
	bytes int // of all prompts and answers
}

// ask begins a turn, unless the conversation is full. It returns the turn's number and the earlier turns.
func (c *conversation) ask(prompt string) (turn int, past []model.Exchange, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.turns) == maxTurns || c.bytes+len(prompt) > maxBytes {
		return 0, nil, false
	}
	for _, t := range c.turns {
		if t.Answer != "" {
			past = append(past, model.Exchange{Prompt: t.Prompt, Answer: t.Answer})
		}
	}
	c.turns = append(c.turns, Turn{Prompt: prompt, Finish: Answering})
	c.bytes += len(prompt)
	return len(c.turns) - 1, past, true
}

// fits reports whether text can be added to an answer. Only one answer grows at a time.
func (c *conversation) fits(text string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.bytes+len(text) <= maxBytes
}

func (c *conversation) add(turn int, text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.turns[turn].Answer += text
	c.bytes += len(text)
}

func (c *conversation) end(turn int, how Finish) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.turns[turn].Finish = how
}

func (c *conversation) all() []Turn {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.turns)
}
