package parity_test

import (
	"bytes"
	"flag"
	"fmt"
	"log/slog"
	"sort"
	"strings"
	"testing"

	"github.com/gobwas/ws"

	"github.com/chanx-go/chanx"
)

var update = flag.Bool("update", false, "rewrite the recordings in testdata with what chanx answers now")

var quiet = slog.New(slog.DiscardHandler)

// maskedFrame encodes a frame as a client sends it.
func maskedFrame(f ws.Frame) []byte {
	var b bytes.Buffer
	if err := ws.WriteFrame(&b, ws.MaskFrame(f)); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// firstDifference shows the first line in which two texts differ.
func firstDifference(want, got string) string {
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range max(len(w), len(g)) {
		if a, b := lineAt(w, i), lineAt(g, i); a != b {
			return fmt.Sprintf("line %d\nwant %s\ngot  %s", i+1, a, b)
		}
	}
	return ""
}

func lineAt(all []string, i int) string {
	if i < len(all) {
		return all[i]
	}
	return "(end)"
}

// unquote returns the text of a Go string, or s itself if it has no quotes.
func unquote(t *testing.T, s string) string {
	t.Helper()
	if !strings.HasPrefix(s, `"`) {
		return s
	}
	var text string
	if _, err := fmt.Sscanf(s, "%q", &text); err != nil {
		t.Fatalf("%s: %v", s, err)
	}
	return text
}

// closeReason is the reason in the Close frame; the client's own text for a lost connection is left out.
func closeReason(end *chanx.CloseError) string {
	if end.Code == 1006 {
		return ""
	}
	return end.Reason
}

// formatSorted formats a value like the recorded application, with sorted keys.
func formatSorted(v any) string {
	var parts []string
	switch v := v.(type) {
	case map[string]any:
		keys := make([]string, 0, len(v))
		for k := range v {
			keys = append(keys, k)
		}
		sort.Strings(keys)
		for _, k := range keys {
			parts = append(parts, fmt.Sprintf("%+q: %s", k, formatSorted(v[k])))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	case []any:
		for _, e := range v {
			parts = append(parts, formatSorted(e))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case string:
		return fmt.Sprintf("%+q", v)
	}
	return fmt.Sprint(v)
}
