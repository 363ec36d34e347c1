package dialog

import (
	"context"
	"errors"
	"flag"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/chanxtest"
	"github.com/chanx-go/chanx/examples/assistant/model"
)

var update = flag.Bool("update", false, "write the transcripts in testdata")

// TestADialog runs a complete dialog; testdata/dialog.txt shows each frame.
func TestADialog(t *testing.T) {
	inHouse(t, nil, func(t *testing.T, h *house) {
		tr := chanxtest.NewTranscript(t, "testdata/dialog.txt", *update)
		c := chanxtest.Dial(t, h.srv, "/ws", &chanxtest.DialOptions{Name: "ann", Transcript: tr})
		tr.Note("An answer comes a token at a time, then what it took.")
		c.SendRef(AskMessage{"count to 3"}, "1")
		time.Sleep(10 * pace) // in a bubble
		tr.Note("The next one is stopped. What was sent of it is remembered.")
		c.SendRef(AskMessage{"count to 100"}, "2")
		time.Sleep(2*pace + pace/2) // in a bubble
		c.Cancel("2")
		c.SendRef(RecallMessage{}, "3")
		tr.Note("A new conversation begins.")
		c.SendRef(ForgetMessage{}, "4")
		c.SendRef(RecallMessage{}, "5")
	})
}

func TestAnAnswerIsStreamedToItsEnd(t *testing.T) {
	inHouse(t, nil, func(t *testing.T, h *house) {
		c := h.dial()
		start := time.Now()
		text, usage := answer(c, "count to 5", -1)
		if want := "1, 2, 3, 4, 5, and that is that."; text != want {
			t.Errorf("the answer is %q, want %q", text, want)
		}
		if want := (UsageMessage{PromptTokens: 3, AnswerTokens: 9, Finish: Done}); usage != want {
			t.Errorf("usage %+v, want %+v", usage, want)
		}
		if d := time.Since(start); d != 9*pace {
			t.Errorf("it took %v, want %v", d, 9*pace)
		}
		text, usage = answer(c, "and then?", -1)
		if want := "Before, you said: “count to 5”"; !strings.HasPrefix(text, want) || usage.PromptTokens != 3+9+2 {
			t.Errorf("the next answer is %q after reading %d tokens, want it to begin with %q", text, usage.PromptTokens, want)
		}
		c.ExpectNothing()
	})
}

func TestAStoppedAnswerIsRememberedAsFarAsItWent(t *testing.T) {
	inHouse(t, nil, func(t *testing.T, h *house) {
		c := h.dial()
		start := time.Now()
		text, usage := answer(c, "count to 100", 4)
		if text != "1, 2, 3, 4, " || usage != (UsageMessage{PromptTokens: 3, AnswerTokens: 4, Finish: Stopped}) {
			t.Errorf("got %q, %+v, want four tokens and the stop", text, usage)
		}
		if d := time.Since(start); d != 4*pace {
			t.Errorf("it took %v to stop, want none after %v", d, 4*pace)
		}
		if got, want := recall(c), (HistoryMessage{{"count to 100", text, Stopped}}); !slices.Equal(got, want) {
			t.Errorf("it remembers %+v, want %+v", got, want)
		}
		c.ExpectNothing()
	})
}

// TestTheConversationCanBeReadWhileItGrows also lets the race detector check the lock.
func TestTheConversationCanBeReadWhileItGrows(t *testing.T) {
	inHouse(t, nil, func(t *testing.T, h *house) {
		c := h.dial()
		var said strings.Builder
		for m := range chanxtest.Stream[TokenMessage](c, AskMessage{"count to 20"}) {
			said.WriteString(m.Text)
			synctest.Wait()
			finish := Answering
			if strings.HasSuffix(said.String(), ".") {
				finish = Done
			}
			if got, want := recall(c), (HistoryMessage{{"count to 20", said.String(), finish}}); !slices.Equal(got, want) {
				t.Errorf("it remembers %+v, want %+v", got, want)
			}
		}
	})
}

func TestWhatIsForgottenDoesNotComeBack(t *testing.T) {
	inHouse(t, nil, func(t *testing.T, h *house) {
		c := h.dial()
		var said strings.Builder
		for m := range chanxtest.Stream[TokenMessage](c, AskMessage{"count to 3"}) {
			if said.Len() == 0 {
				chanxtest.Request[chanx.CompleteMessage](c, ForgetMessage{})
			}
			said.WriteString(m.Text)
		}
		if said.String() != "1, 2, 3, and that is that." {
			t.Errorf("the answer is %q, want the whole", said.String())
		}
		if got := recall(c); len(got) > 0 {
			t.Errorf("it remembers %+v, want nothing", got)
		}
	})
}

// TestTheNextQuestionWaitsForTheAnswer: testdata/waiting.txt shows that a question cancelled before its turn never reaches
// the model.
func TestTheNextQuestionWaitsForTheAnswer(t *testing.T) {
	inHouse(t, nil, func(t *testing.T, h *house) {
		tr := chanxtest.NewTranscript(t, "testdata/waiting.txt", *update)
		c := chanxtest.Dial(t, h.srv, "/ws", &chanxtest.DialOptions{Name: "ann", Transcript: tr})
		c.SendRef(AskMessage{"count to 1"}, "1")
		c.SendRef(AskMessage{"count to 100"}, "2")
		c.SendRef(AskMessage{"count to 0"}, "3")
		c.Cancel("2")
		time.Sleep(20 * pace) // in a bubble
		c.SendRef(RecallMessage{}, "4")
	})
}

func TestErrorsAreToldBehindTheUsage(t *testing.T) {
	secret := errors.New("the key is 12345")
	m := scripted(func(ctx context.Context, past []model.Exchange, prompt string, yield func(string, error) bool) {
		if !yield("well ", nil) {
			return
		}
		switch prompt {
		case "full":
			yield("", model.ErrFull)
		case "broken":
			yield("", secret)
		case "panic":
			panic(secret)
		case "endless":
			<-ctx.Done()
			yield("", ctx.Err())
		}
	})
	inHouse(t, m, func(t *testing.T, h *house) {
		c := h.dial()
		for _, tt := range []struct{ prompt, reason, detail string }{
			{"full", "too_long", "the conversation has more than 2000 words: begin a new one"},
			{"broken", "internal", "Failed to process message"},
			{"panic", "internal", "Failed to process message"},
			{"endless", "timeout", "The handler took too long"},
		} {
			c.SendRef(AskMessage{tt.prompt}, tt.prompt)
			chanxtest.Receive[TokenMessage](c)
			if u := chanxtest.Receive[UsageMessage](c).Message; u.AnswerTokens != 1 || u.Finish != Failed {
				t.Errorf("%s: usage %+v, want one token and the failure", tt.prompt, u)
			}
			if detail := c.ExpectError(tt.reason); detail != tt.detail {
				t.Errorf("%s: told %q, want %q", tt.prompt, detail, tt.detail)
			}
			if all := recall(c); all[len(all)-1] != (Turn{tt.prompt, "well ", Failed}) {
				t.Errorf("%s: it remembers %+v", tt.prompt, all[len(all)-1])
			}
		}
		c.ExpectNothing()
		synctest.Wait()
		if log := h.log.String(); strings.Count(log, "12345") < 2 || strings.Contains(log, "too_long") {
			t.Errorf("the log has %s, want the two errors that the client does not see", log)
		}
	})
}

func TestALongConversationEndsWithAnErrorThatSaysWhatToDo(t *testing.T) {
	inHouse(t, model.Model{}, func(t *testing.T, h *house) {
		c := h.dial()
		for range 2 {
			if _, usage := answer(c, "count to 996", -1); usage.Finish != Done {
				t.Fatalf("usage %+v", usage)
			}
		}
		c.Send(AskMessage{"and then?"})
		if u := chanxtest.Receive[UsageMessage](c).Message; u != (UsageMessage{PromptTokens: 2008, Finish: Failed}) {
			t.Errorf("usage %+v, want what was too much", u)
		}
		if detail := c.ExpectError("too_long"); !strings.Contains(detail, "begin a new one") {
			t.Errorf("told %q, want the correction", detail)
		}
		chanxtest.Request[chanx.CompleteMessage](c, ForgetMessage{})
		if _, usage := answer(c, "and then?", -1); usage.Finish != Done || usage.PromptTokens != 2 {
			t.Errorf("after forgetting: usage %+v", usage)
		}
	})
}

// TestAConversationIsBounded tries many questions, long ones, and an endless answer.
func TestAConversationIsBounded(t *testing.T) {
	long := strings.Repeat("é", 4000)
	silent := scripted(func(_ context.Context, _ []model.Exchange, prompt string, yield func(string, error) bool) {
		if prompt != "talk" {
			yield("", model.ErrFull)
			return
		}
		for yield(long, nil) {
		}
	})
	for _, tt := range []struct {
		name, prompt        string
		asks, turns, tokens int
	}{
		{"many short questions", "?", maxTurns + 1, maxTurns, 0},
		{"long questions", long, maxBytes/len(long) + 1, maxBytes / len(long), 0},
		{"an answer without end", "talk", 1, 1, (maxBytes - len("talk")) / len(long)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inHouse(t, silent, func(t *testing.T, h *house) {
				c := h.dial()
				for range tt.asks {
					c.Send(AskMessage{tt.prompt})
					tokens := len(chanxtest.CollectUntil[UsageMessage](c))
					c.ExpectError("too_long")
					if tokens > tt.tokens {
						t.Fatalf("%d tokens came, want at most %d", tokens, tt.tokens)
					}
				}
				all := recall(c)
				if len(all) != tt.turns || len(all[0].Answer) != tt.tokens*len(long) {
					t.Errorf("it remembers %d turns, and %d bytes of the first answer, want %d and %d",
						len(all), len(all[0].Answer), tt.turns, tt.tokens*len(long))
				}
				chanxtest.Request[chanx.CompleteMessage](c, ForgetMessage{})
				if got := recall(c); len(got) > 0 {
					t.Errorf("after forgetting it remembers %d turns", len(got))
				}
			})
		})
	}
}

func TestBadQuestionsAreExplained(t *testing.T) {
	inHouse(t, nil, func(t *testing.T, h *house) {
		c := h.dial()
		for text, want := range map[string]string{
			`{"action":"ask"}`:                                                              "missing payload",
			`{"action":"ask","payload":{"prompt":" "}}`:                                     "string_pattern_mismatch payload.prompt",
			`{"action":"ask","payload":{"prompt":1}}`:                                       "string_type payload.prompt",
			`{"action":"ask","payload":{"prompt":"` + strings.Repeat("é", 4001) + `"}}`:     "string_too_long payload.prompt",
			`{"action":"token","payload":{"text":"a"}}`:                                     "union_tag_invalid",
			`{"action":"usage","payload":{"prompt_tokens":1,"answer_tokens":1,"finish":1}}`: "union_tag_invalid",
		} {
			c.SendText(text)
			c.ExpectInvalid(want)
		}
		if got := recall(c); len(got) > 0 {
			t.Errorf("it remembers %+v, want nothing", got)
		}
	})
}

func TestALostConnectionStopsTheModel(t *testing.T) {
	var ended chan error // made in the bubble
	m := scripted(func(ctx context.Context, _ []model.Exchange, _ string, yield func(string, error) bool) {
		yield("well ", nil)
		<-ctx.Done()
		ended <- ctx.Err()
		yield("", ctx.Err())
	})
	inHouse(t, m, func(t *testing.T, h *house) {
		ended = make(chan error, 1)
		c := h.dial()
		c.SendRef(AskMessage{"hello"}, "1")
		chanxtest.Receive[TokenMessage](c)
		c.Abort()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("the model's context: %v", err)
		}
		synctest.Wait()
		if log := h.log.String(); !strings.Contains(log, "usage not sent") || !strings.Contains(log, "answer_tokens=1") {
			t.Errorf("the log has %q, want the usage", log)
		}
	})
}

func TestTheServerEndsWhenTheAnswerIsComplete(t *testing.T) {
	inHouse(t, nil, func(t *testing.T, h *house) {
		c := h.dial()
		c.SendRef(AskMessage{"count to 5"}, "1")
		chanxtest.Receive[TokenMessage](c)
		start := time.Now()
		h.close()
		if d := time.Since(start); d != 8*pace {
			t.Errorf("it ended after %v, want the %v that the answer took", d, 8*pace)
		}
		before := chanxtest.CollectUntil[UsageMessage](c)
		if len(before) != 8 {
			t.Errorf("%d tokens came after the server was told to end, want 8", len(before))
		}
		if f := chanxtest.Receive[chanx.CompleteMessage](c); f.Ref != "1" {
			t.Errorf("got %+v, want the end of the answer", f)
		}
		c.ExpectClosed(1001)
	})
}

func TestAnEndThatIsDueBreaksTheAnswerOff(t *testing.T) {
	inHouse(t, nil, func(t *testing.T, h *house) {
		c := h.dial()
		c.SendRef(AskMessage{"count to 50"}, "1")
		chanxtest.Receive[TokenMessage](c)
		ctx, cancel := context.WithTimeout(t.Context(), 10*pace)
		defer cancel()
		if err := h.srv.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Shutdown: %v", err)
		}
		synctest.Wait()
		if n := len(c.Pending()); n < 9 || n > 10 {
			t.Errorf("%d tokens came, want about 10", n)
		}
		if end := c.Ended(); end == nil || end.Code != 1006 {
			t.Errorf("ended with %v, want 1006", end)
		}
	})
}
