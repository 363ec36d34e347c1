package room

import (
	"strings"
	"testing"

	"github.com/chanx-go/chanx/examples/chat/login"
)

func TestValidName(t *testing.T) {
	t.Parallel()
	tests := map[string]bool{
		"lobby": true, "a": true, "7": true, "go-1-26": true, "a--b": true, strings.Repeat("a", 40): true,
		"": false, strings.Repeat("a", 41): false, "-a": false, "a-": false, "-": false, "Lobby": false, "a b": false,
		"a_b": false, "é": false, "a\n": false, "../etc": false, "a/b": false, "%61": false, "<b>": false,
	}
	for name, want := range tests {
		if got := ValidName(name); got != want {
			t.Errorf("ValidName(%q) = %v, want %v", name, got, want)
		}
	}
}

func TestMembersAdmit(t *testing.T) {
	t.Parallel()
	m := Members{"staff": {"Ann", "b\u200bob"}, "sealed": nil}
	tests := []struct {
		user, room string
		want       bool
	}{
		{"ann", "staff", true},
		{login.Fold("Bob"), "staff", true},
		{"Ann", "staff", false}, // a user id is folded
		{"eve", "staff", false},
		{"", "staff", false},
		{"ann", "sealed", false},
		{"eve", "lobby", true},
	}
	for _, tt := range tests {
		if got := m.Admit(tt.user, tt.room); got != tt.want {
			t.Errorf("Admit(%q, %q) = %v, want %v", tt.user, tt.room, got, tt.want)
		}
	}
	if !Members(nil).Admit("eve", "staff") {
		t.Error("without members-only rooms every room is open")
	}
}
