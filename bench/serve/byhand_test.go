package serve

import (
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/chanx-go/chanx"
)

// TestMain fails the run if a goroutine is left.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestByHandChecksWhatChanxChecks would be pointless the other way round: by hand is compared with chanx for the same work.
func TestByHandChecksWhatChanxChecks(t *testing.T) {
	now := time.Now()
	for name, c := range map[string]struct {
		p    payload
		good bool
	}{
		"usual":              {payload{"hi", "Alice", &now}, true},
		"no time":            {payload{"hi", "Alice", nil}, true},
		"no content":         {payload{"", "Alice", nil}, false},
		"longest content":    {payload{strings.Repeat("é", 2000), "Alice", nil}, true},
		"content too long":   {payload{strings.Repeat("é", 2001), "Alice", nil}, false},
		"no sender":          {payload{"hi", "", nil}, false},
		"longest sender":     {payload{"hi", strings.Repeat("é", 80), nil}, true},
		"sender is too long": {payload{"hi", strings.Repeat("é", 81), nil}, false},
	} {
		if err := validate.Struct(&c.p); (err == nil) != c.good {
			t.Errorf("%s: by hand: %v", name, err)
		}
		if err := chanx.Validate(Chat{c.p}); (err == nil) != c.good {
			t.Errorf("%s: chanx: %v", name, err)
		}
	}
}

func TestRewrite(t *testing.T) {
	text := message("chat", Size)
	if got, err := rewrite([]byte(text)); err != nil || string(got) != text {
		t.Errorf("%s became %s, %v", text, got, err)
	}
	for _, bad := range []string{`{`, strings.Replace(text, "chat", "chut", 1), strings.Replace(text, "Alice", "", 1), strings.Replace(text, "null", "3", 1)} {
		if got, err := rewrite([]byte(bad)); err == nil {
			t.Errorf("%s became %s", bad, got)
		}
	}
}

func TestMessage(t *testing.T) {
	for _, size := range []int{Size, 1000} {
		if n := len(message("echo", size)); n != size {
			t.Errorf("a message of %d bytes has %d", size, n)
		}
	}
	if !isEcho([]byte(message("echo", Size))) || isEcho([]byte(message("chat", Size))) || isEcho([]byte(`{}`)) {
		t.Error("isEcho does not tell the messages apart")
	}
}
