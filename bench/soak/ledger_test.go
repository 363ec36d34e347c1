//go:build linux

package main

import (
	"fmt"
	"strings"
	"testing"
)

func said(from string, n int, own bool) string {
	return fmt.Sprintf(`{"action":"said","payload":{"group":"g","from":%q,"n":%d},"is_mine":false,"is_current":%t}`, from, n, own)
}

func final(action, payload, ref string) string {
	return fmt.Sprintf(`{"action":%q,"payload":%s,"ref":%q}`, action, payload, ref)
}

// TestLedger has what a client sends, "> kind n", and receives. want is the error for the last frame, or "".
func TestLedger(t *testing.T) {
	entered := []string{"> enter", final("complete", "{}", "1")}
	for name, c := range map[string]struct {
		play []string
		want string
	}{
		"all":              {[]string{"> ask 3", "> ask 4", final("answer", `{"n":3}`, "1"), final("answer", `{"n":4}`, "2")}, ""},
		"not JSON":         {[]string{`{"action":`}, "not JSON"},
		"twice":            {[]string{"> ask 3", final("answer", `{"n":3}`, "1"), final("answer", `{"n":3}`, "1")}, "nothing waits"},
		"of another":       {[]string{"> ask 3", final("answer", `{"n":4}`, "1")}, "no answer"},
		"none":             {[]string{"> ask 3", final("complete", `{}`, "1")}, "no answer"},
		"cancelled":        {[]string{"> ask 3", "cancel", final("error", `{"reason":"cancelled"}`, "1")}, ""},
		"not cancelled":    {[]string{"> ask 3", final("error", `{"reason":"cancelled"}`, "1")}, "no answer"},
		"stream":           {[]string{"> count 2", final("item", `{"n":0}`, "1"), final("item", `{"n":1}`, "1"), final("complete", "{}", "1")}, ""},
		"stream, order":    {[]string{"> count 2", final("item", `{"n":1}`, "1")}, "no answer"},
		"stream, short":    {[]string{"> count 2", final("item", `{"n":0}`, "1"), final("complete", "{}", "1")}, "no answer"},
		"stream, long":     {[]string{"> count 1", final("item", `{"n":0}`, "1"), final("item", `{"n":1}`, "1")}, "no answer"},
		"stream, stopped":  {[]string{"> count 2", "cancel", final("complete", "{}", "1")}, ""},
		"mistake":          {[]string{"> mistake", final("error", `[{"type":"int_type"}]`, "1")}, ""},
		"another mistake":  {[]string{"> mistake", final("error", `{"reason":"internal"}`, "1")}, "no answer"},
		"ping":             {[]string{"> ping", `{"action":"pong","ref":"1"}`}, ""},
		"remarks":          {append(entered, said("a", 5, false), said("b", 1, false), said("a", 6, false)), ""},
		"not entered":      {[]string{said("a", 5, false)}, "not entered"},
		"remark twice":     {append(entered, said("a", 5, false), said("a", 5, false)), "comes after"},
		"remark missing":   {append(entered, said("a", 5, false), said("a", 7, false)), "missing"},
		"left between":     {append(entered, said("a", 5, false), "> exit", "> enter", said("a", 9, false)), ""},
		"missing once too": {append(entered, said("a", 5, false), "> exit", "> enter", said("a", 9, false), said("a", 11, false)), "missing"},
		"flags":            {append(entered, said("a", 5, true)), "flags"},
		"own copy":         {append(entered, "> say 1", said("me", 1, true), final("complete", "{}", "2")), ""},
		"no own copy":      {append(entered, "> say 1", final("complete", "{}", "2")), "own copy"},
		"own copy, left":   {append(entered, "> say 1", "> exit", final("complete", "{}", "2")), ""},
		"own copy, leaves": {[]string{"> enter", "> exit", final("complete", "{}", "1"), "> say 1", final("complete", "{}", "3")}, ""},
	} {
		l := newLedger("me")
		var err error
		for _, p := range c.play {
			if err != nil {
				t.Fatalf("%s: before %s: %v", name, p, err)
			}
			var k kind
			var n int
			if sent, ok := strings.CutPrefix(p, "> "); ok {
				_, _ = fmt.Sscan(sent, &k, &n) // some have no number
				l.expect(due{kind: k, n: n, group: "g"})
			} else if p == "cancel" {
				l.cancel()
			} else {
				err = l.take([]byte(p))
			}
		}
		if got := fmt.Sprint(err); (err == nil) != (c.want == "") || !strings.Contains(got, c.want) && c.want != "" {
			t.Errorf("%s: %v, want … %s …", name, err, c.want)
		}
	}
}

func TestSettleTellsWhatIsDue(t *testing.T) {
	l := newLedger("me")
	l.expect(due{kind: asks, n: 3})
	if err := l.awaitAnswers(nil, 1); err == nil || !strings.Contains(err.Error(), "ask 1") {
		t.Errorf("awaitAnswers returned %v", err)
	}
	if err := l.take([]byte(final("answer", `{"n":3}`, "1"))); err != nil {
		t.Fatal(err)
	}
	if err := l.awaitAnswers(nil, answerTimeout); err != nil {
		t.Errorf("awaitAnswers returned %v", err)
	}
}
