package socket

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

const agreed = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"

// offered are lines of Sec-WebSocket-Extensions, separated by "\n", with their answer, or "400".
var offered = []struct{ lines, answer string }{
	{"permessage-deflate", agreed},
	{"permessage-deflate; client_max_window_bits", agreed}, // browsers
	{" \tpermessage-deflate\t;\tclient_max_window_bits ,", agreed},
	{"permessage-deflate;client_max_window_bits=8", agreed},
	{"permessage-deflate; client_max_window_bits=\"1\\5\"", agreed},
	{"permessage-deflate; server_no_context_takeover; client_no_context_takeover", agreed},
	{"permessage-deflate; server_max_window_bits=15", agreed + "; server_max_window_bits=15"},
	{"permessage-deflate; server_max_window_bits=\"15\" ; client_max_window_bits", agreed + "; server_max_window_bits=15"},

	// Several offers: the first acceptable one.
	{"permessage-deflate; server_max_window_bits=10, permessage-deflate", agreed},
	{"permessage-deflate; server_max_window_bits=10\npermessage-deflate; server_max_window_bits=15", agreed + "; server_max_window_bits=15"},
	{"permessage-deflate, permessage-deflate; server_max_window_bits=15", agreed},
	{"x-webkit-deflate-frame; no_context_takeover, , permessage-deflate", agreed},
	{"permessage-bzip2; q=\"a\", permessage-deflate; x, permessage-deflate", agreed},

	// Declined.
	{"", ""},
	{" , ,", ""},
	{"x-webkit-deflate-frame", ""},
	{"Permessage-Deflate", ""},
	{"permessage-deflate2", ""},
	{"permessage-deflate; server_max_window_bits=14", ""},
	{"permessage-deflate; server_max_window_bits=8", ""},
	{"permessage-deflate; server_max_window_bits=16", ""},
	{"permessage-deflate; server_max_window_bits=7", ""},
	{"permessage-deflate; server_max_window_bits=015", ""},
	{"permessage-deflate; server_max_window_bits", ""},
	{"permessage-deflate; client_max_window_bits=16", ""},
	{"permessage-deflate; client_max_window_bits=7", ""},
	{"permessage-deflate; client_max_window_bits=08", ""},
	{"permessage-deflate; client_max_window_bits=x", ""},
	{"permessage-deflate; server_no_context_takeover=1", ""},
	{"permessage-deflate; client_no_context_takeover=true", ""},
	{"permessage-deflate; unknown", ""},
	{"permessage-deflate; server_no_context_takeover; server_no_context_takeover", ""},
	{"permessage-deflate; client_no_context_takeover; client_no_context_takeover", ""},
	{"permessage-deflate; client_max_window_bits; client_max_window_bits=10", ""},
	{"permessage-deflate; server_max_window_bits=15; server_max_window_bits=15", ""},

	// Malformed in any place.
	{";", "400"},
	{"permessage-deflate;", "400"},
	{"permessage-deflate; ; client_max_window_bits", "400"},
	{"permessage-deflate; =15", "400"},
	{"permessage-deflate; client_max_window_bits=", "400"},
	{"permessage-deflate; client_max_window_bits=\"", "400"},
	{"permessage-deflate; client_max_window_bits=\"\"", "400"},
	{"permessage-deflate; client_max_window_bits=\"15", "400"},
	{"permessage-deflate; client_max_window_bits=\"15\\", "400"},
	{"permessage-deflate; client_max_window_bits=\"1 5\"", "400"},
	{"permessage-deflate; client_max_window_bits=\"15\"15", "400"},
	{"permessage-deflate client_max_window_bits", "400"},
	{"permessage-deflate\u00a0", "400"},
	{"permessage-deflate, x y", "400"},
	{"permessage-deflate\n@", "400"},
	{"(permessage-deflate)", "400"},
}

func TestOffersOfExtensions(t *testing.T) {
	t.Parallel()
	u := NewUpgrader(Options{Deflate: true})
	for _, k := range offered {
		r := request(t, handshake)
		r.Header["Sec-Websocket-Extensions"] = strings.Split(k.lines, "\n")
		got, err := negotiate(r.Header["Sec-Websocket-Extensions"])
		if err != nil {
			got = "400"
		}
		if got != k.answer {
			t.Errorf("%q: answer %q, want %q", k.lines, got, k.answer)
		}
		if err := u.Check(r); (err != nil) != (k.answer == "400") || err != nil && err.Status != http.StatusBadRequest {
			t.Errorf("%q: Check returns %v", k.lines, err)
		}
		if _, err := u.Upgrade(httptest.NewRecorder(), r); k.answer == "400" && err != errExtensions {
			t.Errorf("%q: Upgrade returns %v", k.lines, err)
		}
		if err := NewUpgrader(Options{}).Check(r); err != nil {
			t.Errorf("%q without compression: %v", k.lines, err)
		}
	}
}

// TestAnswerToOffers: the handshake has the header of the answer, or no such header if nothing was negotiated.
func TestAnswerToOffers(t *testing.T) {
	t.Parallel()
	for _, k := range []struct {
		deflate bool
		offer   string
		want    []string
	}{
		{true, "permessage-deflate", []string{agreed}},
		{true, "permessage-deflate; server_max_window_bits=9", nil},
		{true, "", nil},
		{false, "permessage-deflate", nil},
	} {
		s := newServer(t, Options{Deflate: k.deflate}, false)
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.http.URL, nil)
		must(t, err)
		r.Header = request(t, handshake).Header
		if k.offer != "" {
			r.Header.Set("Sec-WebSocket-Extensions", k.offer)
		}
		res, err := http.DefaultTransport.RoundTrip(r)
		must(t, err)
		if got := res.Header.Values("Sec-WebSocket-Extensions"); res.StatusCode != 101 || strings.Join(got, "|") != strings.Join(k.want, "|") {
			t.Errorf("offer %q: %d %q, want %q", k.offer, res.StatusCode, got, k.want)
		}
		c := <-s.conns
		if c.deflate != (k.want != nil) {
			t.Errorf("offer %q: deflate is %v", k.offer, c.deflate)
		}
		c.Abort()
		must(t, res.Body.Close())
	}
}

// TestHugeOffers: parsing any number of parameters allocates nothing.
func TestHugeOffers(t *testing.T) { // not parallel: it counts allocations
	lines := []string{"permessage-deflate" + strings.Repeat("; a=\"b\"", 100000) + strings.Repeat(", permessage-deflate; x", 100000)}
	if answer, err := negotiate(lines); answer != "" || err != nil {
		t.Errorf("%q, %v", answer, err)
	}
	lines[0] = strings.Repeat("permessage-deflate; client_max_window_bits=9;a,", 100000)
	if n := testing.AllocsPerRun(1, func() { _, _ = negotiate(lines) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestLevelsOfCompression(t *testing.T) {
	t.Parallel()
	for level := -3; level <= 12; level++ {
		func() {
			defer func() {
				if p := recover(); (p != nil) != (level < 0 || level > 9) {
					t.Errorf("level %d: %v", level, p)
				}
			}()
			u := NewUpgrader(Options{Deflate: true, DeflateLevel: level})
			if got := u.deflater.level; got != max(level, 1) {
				t.Errorf("level %d is %d", level, got)
			}
		}()
	}
}
