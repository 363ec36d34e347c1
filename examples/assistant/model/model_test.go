package model

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

// TestMain fails the run if a goroutine is left.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// listen collects the tokens of an answer and its final error.
func listen(ctx context.Context, m Model, past []Exchange, prompt string) (tokens []string, err error) {
	for token, err := range m.Answer(ctx, past, prompt) {
		if err != nil {
			return tokens, err
		}
		tokens = append(tokens, token)
	}
	return tokens, nil
}

func TestAnAnswerIsTheSameEachTime(t *testing.T) {
	for _, tt := range []struct {
		prompt string
		past   []Exchange
		want   string
	}{
		{"count to 3", nil, "1, 2, 3, and that is that."},
		{"Please count to 0!", []Exchange{{"a", "b"}}, "and that is that."},
		{"Good evening", nil, "Hello! Let me take your words one by one; there are 2. “Good” is 4 characters long. “evening” is 7 characters long. "},
		{"hü", []Exchange{{"a", "b"}, {"c d", "e"}}, "Before, you said: “c d” Let me take your words one by one; there are 1. “hü” is 2 characters long. "},
	} {
		var first []string
		for range 2 {
			tokens, err := listen(t.Context(), Model{}, tt.past, tt.prompt)
			if got := strings.Join(tokens, ""); err != nil || !strings.HasPrefix(got, tt.want) {
				t.Errorf("%s: got %q, %v, want %q", tt.prompt, got, err, tt.want)
			}
			if first != nil && !slices.Equal(tokens, first) {
				t.Errorf("%s: got %q, and before %q", tt.prompt, tokens, first)
			}
			if len(strings.Fields(strings.Join(tokens, ""))) != len(tokens) {
				t.Errorf("%s: %d tokens, want one for each word of %q", tt.prompt, len(tokens), tokens)
			}
			first = tokens
		}
	}
}

func TestAConversationBeyondTheWindowIsRefused(t *testing.T) {
	full := []Exchange{{"one two", strings.Repeat("word ", Window-3)}}
	if n := Count(full, "three"); n != Window {
		t.Fatalf("counted %d tokens, want %d", n, Window)
	}
	if _, err := listen(t.Context(), Model{}, full, "three"); err != nil {
		t.Errorf("a full window: %v", err)
	}
	if tokens, err := listen(t.Context(), Model{}, full, "three four"); !errors.Is(err, ErrFull) || len(tokens) > 0 {
		t.Errorf("beyond it: %q, %v, want ErrFull at once", tokens, err)
	}
}

func TestTokensTakeTheirTimeAndEndWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, start := Model{Pace: time.Second}, time.Now()
		if tokens, err := listen(t.Context(), m, nil, "count to 3"); err != nil || time.Since(start) != time.Duration(len(tokens))*time.Second {
			t.Errorf("%d tokens took %v, %v, want a second each", len(tokens), time.Since(start), err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 2500*time.Millisecond)
		defer cancel()
		start = time.Now()
		tokens, err := listen(ctx, m, nil, "count to 100")
		if len(tokens) != 2 || !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != 2500*time.Millisecond {
			t.Errorf("got %q, %v after %v, want 2 tokens and the end of the context", tokens, err, time.Since(start))
		}
		for range m.Answer(t.Context(), nil, "count to 100") {
			break
		}
	})
}
