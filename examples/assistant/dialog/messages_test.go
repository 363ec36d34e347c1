package dialog

import (
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"testing"

	"github.com/chanx-go/chanx"
)

// TestMessagesHaveOneFormInJSON: encoding/json and chanx read and write the same JSON.
func TestMessagesHaveOneFormInJSON(t *testing.T) {
	for _, tt := range []struct {
		message chanx.Message
		action  string
		text    string
	}{
		{AskMessage{"why?"}, "ask", `{"prompt":"why?"}`},
		{TokenMessage{"be"}, "token", `{"text":"be"}`},
		{UsageMessage{12, 3, Stopped}, "usage", `{"prompt_tokens":12,"answer_tokens":3,"finish":"stopped"}`},
		{RecallMessage{}, "recall", `{}`},
		{HistoryMessage{{"a", "b", Done}}, "history", `[{"prompt":"a","answer":"b","finish":"done"}]`},
		{ForgetMessage{}, "forget", `{}`},
	} {
		b, err := json.Marshal(tt.message)
		if err != nil || string(b) != tt.text || tt.message.Action() != tt.action {
			t.Errorf("%T: %s %s, %v, want %s %s", tt.message, tt.message.Action(), b, err, tt.action, tt.text)
		}
		back := reflect.New(reflect.TypeOf(tt.message))
		if err := json.Unmarshal(b, back.Interface()); err != nil || !reflect.DeepEqual(back.Elem().Interface(), tt.message) {
			t.Errorf("%s is read as %+v, %v, want %+v", b, back.Elem(), err, tt.message)
		}
		if err := chanx.Validate(tt.message); err != nil {
			t.Errorf("%T: %v", tt.message, err)
		}
	}
}

func TestMessagesSayWhatIsWrong(t *testing.T) {
	for _, tt := range []struct {
		message chanx.Message
		want    []string
	}{
		{AskMessage{""}, []string{"string_too_short"}},
		{AskMessage{" \n "}, []string{"string_pattern_mismatch"}},
		{UsageMessage{-1, -1, "tired"}, []string{"greater_than_equal", "greater_than_equal", "literal_error"}},
		{HistoryMessage{{Finish: Done}, {Finish: ""}}, []string{"literal_error"}},
	} {
		items, _ := errors.AsType[chanx.ValidationError](chanx.Validate(tt.message))
		var got []string
		for _, i := range items {
			got = append(got, i.Type)
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%+v: got %q, want %q", tt.message, got, tt.want)
		}
	}
}
