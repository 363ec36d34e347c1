// Package model replaces a language model: it answers by a rule, deterministically, a token at a time.
package model

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Window is the maximum number of tokens of a conversation, the next prompt included.
const Window = 2000

// ErrFull is the error of a conversation that does not fit into the window.
var ErrFull = errors.New("model: the conversation does not fit into the window")

// Exchange is a prompt and its answer.
type Exchange struct{ Prompt, Answer string }

// Model answers prompts. Its methods may be called concurrently.
type Model struct {
	Pace time.Duration // between two tokens; zero is none
}

// Answer yields the tokens of an answer in the context of earlier exchanges. It ends with an error if these are too long,
// or if ctx ends.
func (m Model) Answer(ctx context.Context, past []Exchange, prompt string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		if Count(past, prompt) > Window {
			yield("", ErrFull)
			return
		}
		for token := range strings.SplitAfterSeq(compose(past, prompt), " ") {
			if err := m.think(ctx); err != nil {
				yield("", err)
				return
			}
			if !yield(token, nil) {
				return
			}
		}
	}
}

// Count is the number of tokens that the model has to read before it answers. A token is a word.
func Count(past []Exchange, prompt string) int {
	n := len(strings.Fields(prompt))
	for _, e := range past {
		n += len(strings.Fields(e.Prompt)) + len(strings.Fields(e.Answer))
	}
	return n
}

func (m Model) think(ctx context.Context) error {
	if m.Pace > 0 {
		select {
		case <-time.After(m.Pace):
		case <-ctx.Done():
		}
	}
	return ctx.Err()
}

var (
	counting = regexp.MustCompile(`(?i)\bcount to (\d{1,4})\b`)
	greeting = regexp.MustCompile(`(?i)^\W*(hello|hi|good (morning|day|evening))\b`)
)

// compose returns the whole answer.
func compose(past []Exchange, prompt string) string {
	if found := counting.FindStringSubmatch(prompt); found != nil {
		n, _ := strconv.Atoi(found[1]) // it has at most four digits
		return count(n)
	}
	var b strings.Builder
	if greeting.MatchString(prompt) {
		b.WriteString("Hello! ")
	}
	if len(past) > 0 {
		fmt.Fprintf(&b, "Before, you said: “%s” ", past[len(past)-1].Prompt)
	}
	words := strings.Fields(prompt)
	fmt.Fprintf(&b, "Let me take your words one by one; there are %d. ", len(words))
	for _, w := range words {
		fmt.Fprintf(&b, "“%s” is %d characters long. ", w, utf8.RuneCountInString(w))
	}
	b.WriteString("That is all I can say about it: I am a small model. Ask me to count to 100 if you want more.")
	return b.String()
}

func count(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "%d, ", i+1)
	}
	return b.String() + "and that is that."
}
