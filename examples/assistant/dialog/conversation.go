package dialog

import (
	"slices"
	"sync"

	"github.com/chanx-go/chanx/examples/assistant/model"
)

// conversation is what was said. Answers grow in it beside the connection's queue, so it has a lock.
type conversation struct {
	mu    sync.Mutex
	turns []Turn
}

// ask begins a turn. It returns its number, and what was said before.
func (c *conversation) ask(prompt string) (turn int, past []model.Exchange) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, t := range c.turns {
		if t.Answer != "" {
			past = append(past, model.Exchange{Prompt: t.Prompt, Answer: t.Answer})
		}
	}
	c.turns = append(c.turns, Turn{Prompt: prompt, Finish: Answering})
	return len(c.turns) - 1, past
}

func (c *conversation) add(turn int, text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.turns[turn].Answer += text
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
