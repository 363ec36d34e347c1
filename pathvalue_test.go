package chanx_test

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/chanxtest"
)

type (
	roomName string
	roomID   int16
	roomCode uint8
	shelf    float32
	isOpen   bool
)

// uuid is declared as in the usual packages.
type uuid [2]byte

func (u *uuid) UnmarshalText(b []byte) error {
	if _, err := fmt.Sscanf(string(b), "%2x-%2x", &u[0], &u[1]); err != nil {
		return errors.New("secret: " + string(b))
	}
	return nil
}

// fromPath returns PathValue of {value}, with net/http's router.
func fromPath[T comparable](value string) (v T, err error) {
	mux := http.NewServeMux()
	mux.HandleFunc("/rooms/{value...}", func(_ http.ResponseWriter, r *http.Request) { v, err = chanx.PathValue[T](r, "value") })
	r := httptest.NewRequest(http.MethodGet, "/rooms/", nil)
	r.URL.Path += value
	mux.ServeHTTP(httptest.NewRecorder(), r)
	return v, err
}

func reads[T comparable](t *testing.T, value string, want T) {
	t.Helper()
	if got, err := fromPath[T](value); err != nil || got != want {
		t.Errorf("%T of %q: %v, %v, want %v", want, value, got, err, want)
	}
}

func refuses[T comparable](t *testing.T, value, detail string) {
	t.Helper()
	var zero T
	got, err := fromPath[T](value)
	if want := "chanx: refused: 404 value must be " + detail; got != zero || err == nil || err.Error() != want {
		t.Errorf("%T of %q: %v, %v, want %s", zero, value, got, err, want)
	}
}

func TestPathValueReadsWhatATypeCanHold(t *testing.T) {
	reads(t, "lobby", "lobby")
	reads(t, "", "")
	reads(t, "日本 a", roomName("日本 a"))
	reads(t, "-7", -7)
	reads(t, "-32768", roomID(math.MinInt16))
	reads(t, "9223372036854775807", int64(math.MaxInt64))
	reads(t, "127", int8(127))
	reads(t, "-2147483648", int32(math.MinInt32))
	reads(t, "255", roomCode(255))
	reads(t, "0", uint(0))
	reads(t, "65535", uint16(65535))
	reads(t, "4294967295", uint32(math.MaxUint32))
	reads(t, "18446744073709551615", uint64(math.MaxUint64))
	reads(t, "1.5", 1.5)
	reads(t, "-1e3", shelf(-1000))
	reads(t, "true", isOpen(true))
	reads(t, "0", false)
	reads(t, "0a-ff", uuid{0x0a, 0xff})
	reads(t, "::1", netip.IPv6Loopback())
	reads(t, "2025-05-11T14:30:00Z", time.Date(2025, 5, 11, 14, 30, 0, 0, time.UTC))
}

func TestPathValueRefusesTheRestWith404(t *testing.T) {
	for _, value := range []string{"", "x", "1.0", " 1", "1 ", "0x10", "1_000", "9223372036854775808"} {
		refuses[int64](t, value, "a whole number of 64 bits")
	}
	refuses[roomID](t, "32768", "a whole number of 16 bits")
	refuses[roomCode](t, "256", "a whole number from 0 up, of 8 bits")
	for _, value := range []string{"-1", "+1", "", "-0"} {
		refuses[uint](t, value, "a whole number from 0 up, of 64 bits")
	}
	for _, value := range []string{"", "x", "NaN", "Inf", "-infinity", "1e309"} {
		refuses[float64](t, value, "a number")
	}
	refuses[shelf](t, "1e39", "a number")
	refuses[isOpen](t, "yes", "true or false")
	refuses[bool](t, "", "true or false")
	refuses[uuid](t, "0a", "valid")
	refuses[netip.Addr](t, "10.0.0", "valid")
}

func TestPathValueOfUnsupportedTypesPanics(t *testing.T) {
	r := httptest.NewRequest(http.MethodGet, "/rooms/1", nil)
	r.Pattern = "/rooms/{room}"
	for _, tt := range []mistake{
		{"no such wildcard", func() { _, _ = chanx.PathValue[int](r, "id") }, []string{`"id"`, `"/rooms/{room}"`, "write {id} in it"}},
		{"a struct", func() { _, _ = fromPath[struct{ X int }]("1") }, []string{"struct { X int }", "UnmarshalText"}},
		{"a pointer", func() { _, _ = fromPath[*uuid]("0a-ff") }, []string{"*chanx_test.uuid", "UnmarshalText"}},
		{"a duration", func() { _, _ = fromPath[time.Duration]("1") }, []string{"time.Duration", "parse it"}},
	} {
		said := panicOf(tt.do)
		for _, part := range tt.says {
			if !strings.Contains(said, part) {
				t.Errorf("%s: panic %q, want it to say %q", tt.name, said, part)
			}
		}
	}
}

// TestPathValueBehindOtherRouters reads the value from the consumer's pattern, and one that another router has set.
func TestPathValueBehindOtherRouters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &journal{}
		srv := chanx.NewServer(&chanx.ServerOptions{Logger: slog.New(log)})
		c := chanx.NewConsumer(func(c *chanx.Conn, r *http.Request) (*state, error) {
			room, err := chanx.PathValue[roomID](r, "room")
			if err != nil {
				return nil, fmt.Errorf("read the path: %w", err)
			}
			tenant, err := chanx.PathValue[roomName](r, "tenant")
			if err != nil {
				return nil, err
			}
			_, err = chanx.PathValue[string](r, "rest")
			return &state{c}, errors.Join(err, c.Join(r.Context(), fmt.Sprint(tenant, room)))
		}, nil)
		handler := srv.Handler("/rooms/{room}/{rest...}", c)
		outer := http.NewServeMux()
		outer.HandleFunc("/rooms/", func(w http.ResponseWriter, r *http.Request) {
			r.SetPathValue("tenant", "acme")
			handler.ServeHTTP(w, r)
		})
		for path, group := range map[string]string{"/rooms/7/": "acme7", "/rooms/-1/x/y": "acme-1"} {
			chanxtest.Dial(t, outer, path, nil)
			synctest.Wait()
			if n := srv.Count(group); n != 1 {
				t.Errorf("%s: %d in group %s, want 1", path, n, group)
			}
		}
		refused := chanxtest.Dial(t, outer, "/rooms/seven/", nil)
		synctest.Wait()
		if f := chanxtest.Receive[chanx.AuthenticationMessage](refused).Message; f.StatusCode != 404 || f.Data.Detail != "room must be a whole number of 16 bits" {
			t.Errorf("refused with %+v", f)
		}
		refused.ExpectClosed(4404)
		if got := log.take(); len(got) != 0 {
			t.Errorf("the log says %q", got)
		}
		shutDown(t, srv)
	})
}
