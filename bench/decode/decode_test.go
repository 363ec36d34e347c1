package decode_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/chanx-go/chanx/bench/decode"
)

var want = decode.Chat{
	Content: strings.Repeat("a bit of talk", 5), SenderName: "Alice", RoomID: "general", Priority: 3,
	Timestamp: time.Date(2025, 5, 11, 14, 30, 0, 0, time.UTC),
}

func TestEveryWayReadsAndWritesTheSame(t *testing.T) {
	for _, w := range decode.All {
		t.Run(w.Name, func(t *testing.T) {
			for range 2 { // buffers are used again
				m, err := w.Decode(decode.Right)
				if err != nil || *m != want {
					t.Fatalf("it reads %+v, %v", m, err)
				}
				if text, err := w.Encode(m); err != nil || !bytes.Equal(text, decode.Right) {
					t.Errorf("it writes %s, %v", text, err)
				}
			}
		})
	}
}

func TestWaysThatCheckNameAllThatIsWrong(t *testing.T) {
	fields := []string{"content", "sender_name", "room_id", "priority", "timestamp"}
	for _, w := range decode.All {
		t.Run(w.Name, func(t *testing.T) {
			_, err := w.Decode(decode.Wrong)
			if err == nil {
				t.Fatal("it finds nothing wrong") // the time stamp is no time for encoding/json either
			}
			for _, f := range fields {
				if named := strings.Contains(err.Error(), f); !named && w != decode.Alone {
					t.Errorf("%s is not in %q", f, err)
				}
			}
		})
	}
}

// TestEachConstraintIsChecked has one field wrong at a time: what is checked must not be less than what is compared.
func TestEachConstraintIsChecked(t *testing.T) {
	for _, k := range []struct{ right, wrong, field string }{
		{want.Content, "", "content"},
		{want.Content, strings.Repeat("é", 2001), "content"},
		{`"Alice"`, `"` + strings.Repeat("é", 65) + `"`, "sender_name"},
		{`"general"`, `"the general"`, "room_id"},
		{`:3,`, `:-1,`, "priority"},
		{`:3,`, `:10,`, "priority"},
	} {
		text := bytes.Replace(decode.Right, []byte(k.right), []byte(k.wrong), 1)
		for _, w := range decode.All {
			_, err := w.Decode(text)
			if w == decode.Alone {
				if err != nil {
					t.Errorf("%s checks %s: %v", w.Name, k.field, err)
				}
				continue
			}
			if err == nil || !strings.Contains(err.Error(), k.field) || strings.Contains(err.Error(), "\n") {
				t.Errorf("%s, with %.20q: %v", w.Name, k.wrong, err)
			}
		}
	}
}

func TestFramesOfNobody(t *testing.T) {
	for _, text := range []string{`{"action":"shout","payload":{}}`, `{"payload":{}}`, `[]`, `{"action":`, `{"action":"chat"}`} {
		for _, w := range decode.All {
			if _, err := w.Decode([]byte(text)); err == nil && w != decode.Alone {
				t.Errorf("%s reads %s", w.Name, text)
			}
		}
	}
}
