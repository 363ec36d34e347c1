package talk

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/chanx-go/chanx"
)

// TestMessagesHaveOneFormInJSON: encoding/json and chanx read and write the same JSON.
func TestMessagesHaveOneFormInJSON(t *testing.T) {
	said := DiscussionMessagePayload{Content: `<b> & "ü"`, Raw: true}
	tests := []struct {
		value any
		name  string
		text  string
	}{
		{NewDiscussionMessage{said}, "new_message", `{"content":"<b> & \"ü\"","raw":true}`},
		{DiscussionMemberMessage{said}, "member_message", `{"content":"<b> & \"ü\"","raw":true}`},
		{ReplyMessage{}, "reply", `{"content":"","raw":false}`},
		{NotifyEvent{"soup"}, "notify_people", `{"content":"soup"}`},
		{Ping{}, "ping", `{}`},
	}
	for _, tt := range tests {
		var b strings.Builder
		enc := json.NewEncoder(&b)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(tt.value); err != nil || strings.TrimSpace(b.String()) != tt.text {
			t.Errorf("%T is written %s, %v, want %s", tt.value, b.String(), err, tt.text)
		}
		back := reflect.New(reflect.TypeOf(tt.value))
		if err := json.Unmarshal([]byte(tt.text), back.Interface()); err != nil || back.Elem().Interface() != tt.value {
			t.Errorf("%s is read as %+v, %v, want %+v", tt.text, back.Elem(), err, tt.value)
		}
		if got := name(tt.value); got != tt.name {
			t.Errorf("%T is called %q, want %q", tt.value, got, tt.name)
		}
	}
}

func name(v any) string {
	if e, ok := v.(chanx.Event); ok {
		return e.Event()
	}
	return v.(chanx.Message).Action()
}

func TestValidateTidiesWhatIsNotRaw(t *testing.T) {
	for _, tt := range []struct {
		content, want string
		raw           bool
	}{
		{content: " a \n\n b\tc ", want: "a b c"},
		{content: " a \n\n b\tc ", want: " a \n\n b\tc ", raw: true},
		{content: "a b", want: "a b"},
		{content: "\u00a0ü\u2003ö", want: "ü ö"},
	} {
		m := NewDiscussionMessage{DiscussionMessagePayload{tt.content, tt.raw}}
		if err := chanx.Validate(&m); err != nil || m.Content != tt.want || m.Raw != tt.raw {
			t.Errorf("%q, raw %v: got %q, %v, want %q", tt.content, tt.raw, m.Content, err, tt.want)
		}
	}
}

func TestEventsAreValidatedLikeMessages(t *testing.T) {
	for content, want := range map[string]string{
		"soup":                   "",
		"":                       "string_pattern_mismatch",
		" \n":                    "string_pattern_mismatch",
		strings.Repeat("é", 500): "",
		strings.Repeat("é", 501): "string_too_long",
	} {
		got := ""
		if items, bad := errors.AsType[chanx.ValidationError](chanx.Validate(NotifyEvent{content})); bad {
			got = items[0].Type
		}
		if got != want {
			t.Errorf("%.20q: got %q, want %q", content, got, want)
		}
	}
}
