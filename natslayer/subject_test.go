package natslayer_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/chanx-go/chanx/natslayer"
)

func TestSubjectsStayReadableWherePossible(t *testing.T) {
	for subject, want := range map[string]string{
		"g/lobby":     "p.g/lobby",
		"u/a-b_C9":    "p.u/a-b_C9",
		"a b":         "p.a=20b",
		"a.b":         "p.a=2Eb",
		"a!b":         "p.a=21b",
		"a=20b":       "p.a=3D20b",
		"*":           "p.=2A",
		">":           "p.=3E",
		"日":           "p.=E6=97=A5",
		"\x00\r\n\t ": "p.=00=0D=0A=09=20",
	} {
		if got, err := natslayer.NatsSubject("p", subject); got != want || err != nil {
			t.Errorf("the NATS subject of %q is %q (%v), want %q", subject, got, err, want)
		}
	}
}

// TestSubjectEncodingIsReversible decodes NATS subjects, which shows that different subjects have different ones.
func TestSubjectEncodingIsReversible(t *testing.T) {
	var all []string
	for c := range 256 {
		all = append(all, string([]byte{byte(c)}), "a"+string([]byte{byte(c)})+"b", strings.Repeat(string([]byte{byte(c)}), 200))
	}
	all = append(all, "a b", "a-b", "a!b", "a%20b", "a=20b", "日本", strings.Repeat("日", 85))
	for _, subject := range all {
		name, err := natslayer.NatsSubject("p", subject)
		must(t, err)
		token := strings.TrimPrefix(name, "p.")
		if strings.ContainsAny(token, ". *>\t\r\n%") || len(name) > 1024 {
			t.Errorf("the NATS subject of %q is %q, which is not one token", subject, name)
		}
		back, err := url.PathUnescape(strings.ReplaceAll(token, "=", "%"))
		if back != subject || err != nil {
			t.Errorf("the NATS subject of %q is %q, which decodes to %q (%v)", subject, name, back, err)
		}
	}
}

func TestSubjectLengthIsChecked(t *testing.T) {
	for _, subject := range []string{"", strings.Repeat("a", 256)} {
		if name, err := natslayer.NatsSubject("p", subject); err == nil || !strings.Contains(err.Error(), "1 to 255") {
			t.Errorf("the NATS subject of one of %d bytes is %q (%v), want an error", len(subject), name, err)
		}
	}
}

func TestABadPrefixPanics(t *testing.T) {
	for _, prefix := range []string{"a b", "a..b", ".a", "a.", "a.*", ">", "a=b", "a/b", "日本", strings.Repeat("a", 256)} {
		func() {
			defer func() {
				if got, _ := recover().(string); !strings.HasPrefix(got, "natslayer: new layer: Options.Prefix") {
					t.Errorf("the prefix %q panics with %q", prefix, got)
				}
			}()
			_, _ = natslayer.Connect(t.Context(), "nats://127.0.0.1:1", &natslayer.Options{Prefix: prefix})
		}()
	}
}
