package serve

import (
	"strings"
	"time"

	"github.com/chanx-go/chanx/bench/load"
)

const (
	opening = `","payload":{"content":"`
	closing = `","sender_name":"Alice","timestamp":null}}`
	phrase  = "The quick brown fox jumps over a lazy dog and then goes home now. "

	// Size is the length of the usual message in bytes: `{"action":"chat","payload":{"content":"The quick …","sender_name":
	// "Alice","timestamp":null}}`.
	Size = 146
)

// message returns a message of size bytes.
func message(action string, size int) string {
	n := size - len(`{"action":"`+action+opening+closing)
	return `{"action":"` + action + opening + strings.Repeat(phrase, n/len(phrase)+1)[:n] + closing
}

// same is the talk of servers that return and forward messages unchanged.
func same(size int) load.Talk {
	echo, chat := message("echo", size), message("chat", size)
	return load.Talk{
		Echo: load.Exchange{Send: echo, Want: echo},
		Say:  load.Exchange{Send: chat, Want: chat},
	}
}

// isEcho distinguishes the two messages without decoding them.
func isEcho(p []byte) bool {
	const at = len(`{"action":"`)
	return len(p) > at && p[at] == 'e'
}

// payload is the payload of both messages, with tags of chanx and of validator.
type payload struct {
	Content    string     `json:"content" minLength:"1" maxLength:"2000" validate:"required,min=1,max=2000"`
	SenderName string     `json:"sender_name" minLength:"1" maxLength:"80" validate:"required,min=1,max=80"`
	Timestamp  *time.Time `json:"timestamp"`
}
