package chanx_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/chanxtest"
)

type wrapped struct{ error }

func (w wrapped) Unwrap() error { return w.error }

var (
	errFull   = chanx.NewError("room_full", "no seat")
	errBye    = &chanx.CloseError{Code: 4001, Reason: "bye"}
	errDenied = chanx.Refuse(http.StatusForbidden, "members only")
	errDisk   = errors.New("disk full")
)

// places are where the application returns errors.
var places = []string{"on", "beside", "request", "stream", "event", "middleware", "OnOpen"}

// actionAt returns the action in the log lines about an error at a place.
func actionAt(place string) string {
	if place == "middleware" {
		return "on"
	}
	return place
}

// causedBy is like errFull, with a cause.
func causedBy(err error) error {
	return &chanx.Error{Reason: "room_full", Detail: "no seat", Cause: err}
}

// TestTheOutermostErrorDecides checks, for each place where the application returns an error, what the client is told
// and what is logged above level debug.
func TestTheOutermostErrorDecides(t *testing.T) {
	for name, k := range map[string]struct {
		err    error
		reason string // of the error message; "" if there is none
		code   int    // of the Close frame; 0 if there is none, except from OnOpen
		logged string // the text of the error in the log; "" if there is no line
	}{
		"told":                          {errFull, "room_full", 0, ""},
		"told, wrapped":                 {fmt.Errorf("x: %w", wrapped{errFull}), "room_full", 0, ""},
		"refused, wrapped":              {wrapped{errDenied}, "forbidden", 0, ""},
		"closing, wrapped":              {fmt.Errorf("x: %w", wrapped{errBye}), "", 4001, ""},
		"told first":                    {errors.Join(errFull, errBye), "room_full", 0, ""},
		"closing first":                 {errors.Join(errBye, errFull), "", 4001, ""},
		"refused first":                 {fmt.Errorf("%w, %w", errDenied, errBye), "forbidden", 0, ""},
		"deep, but first":               {errors.Join(wrapped{wrapped{errFull}}, errBye), "room_full", 0, ""},
		"told with a failure":           {errors.Join(errFull, errDisk), "room_full", 0, "room_full: no seat\ndisk full"},
		"a failure first":               {errors.Join(errDisk, wrapped{errFull}), "room_full", 0, "disk full\nroom_full: no seat"},
		"refused with a failure":        {fmt.Errorf("%w; %w", errDenied, errDisk), "forbidden", 0, "chanx: refused: 403 members only; disk full"},
		"closing with a failure":        {errors.Join(errBye, errDisk), "", 4001, "chanx: connection closed: 4001 bye\ndisk full"},
		"a failure":                     {errDisk, "internal", 0, "disk full"},
		"told with another's end":       {errors.Join(errFull, context.Canceled), "room_full", 0, "room_full: no seat\ncontext canceled"},
		"closing as a cause":            {causedBy(errBye), "room_full", 0, ""},
		"a refusal as a cause":          {wrapped{causedBy(errDenied)}, "room_full", 0, ""},
		"a failure as a cause":          {causedBy(errDisk), "room_full", 0, ""},
		"a cause and a failure":         {errors.Join(causedBy(errBye), errDisk), "room_full", 0, "room_full: no seat\ndisk full cause=" + errBye.Error()},
		"a cause, then closing":         {errors.Join(causedBy(errDisk), errBye), "room_full", 0, ""},
		"nil *Error":                    {(*chanx.Error)(nil), "internal", 0, "chanx: handler failed: its error is a nil pointer in a *chanx.Error: return nil itself"},
		"a cause that panics":           {causedBy(wrapped{nil}), "internal", 0, "panic: runtime error: invalid memory address or nil pointer dereference"},
		"nil pointer, wrapped":          {wrapped{(*chanx.CloseError)(nil)}, "internal", 0, "chanx: handler failed: its error is a nil pointer in a chanx_test.wrapped: return nil itself"},
		"a nil pointer behind told":     {errors.Join(errFull, wrapped{nil}), "internal", 0, "panic: runtime error: invalid memory address or nil pointer dereference"},
		"a refusal that was not Refuse": {wrapped{&chanx.RefusalError{Status: 200}}, "internal", 0, "chanx: handler failed: its error is a RefusalError with status 200: make it with Refuse: chanx: refused: 200 "},
	} {
		t.Run(name, func(t *testing.T) {
			for _, place := range places {
				log := &logRecorder{}
				bubble(t, chanx.ServerOptions{Logger: slog.New(log)}, func(t *testing.T, srv *chanx.Server) {
					client := failAt(t, srv, place, k.err)
					if k.reason != "" {
						client.ExpectError(k.reason)
					}
					code := k.code
					if place == "OnOpen" && code == 0 {
						code = map[string]int{"forbidden": 4403}[k.reason]
						if code == 0 {
							code = 1011
						}
					}
					if code != 0 {
						client.ExpectClosed(code)
					} else if end := client.Ended(); end != nil {
						t.Errorf("%s: %v", place, end)
					}
					got := warnings(log.take())
					if k.logged == "" && len(got) == 0 {
						return
					}
					if want := "ERROR handler failed action=" + actionAt(place) + " error=" + k.logged; !slices.Equal(got, []string{want}) {
						t.Errorf("%s: log %q, want %q", place, got, want)
					}
				})
			}
		})
	}
}

// TestCausesStayOnTheServer checks that the cause of an error is logged at debug level, with the action, that nothing of
// it is sent, and that it is no failure of its own.
func TestCausesStayOnTheServer(t *testing.T) {
	for _, place := range places {
		log := &logRecorder{}
		bubble(t, chanx.ServerOptions{Logger: slog.New(log), Completions: true}, func(t *testing.T, srv *chanx.Server) {
			client := failAt(t, srv, place, fmt.Errorf("enter: %w", causedBy(fmt.Errorf("query: %w", errDisk))))
			want := []string{"DEBUG handler failed action=" + actionAt(place) + " error=enter: room_full: no seat cause=query: disk full"}
			if got := log.take(); !slices.Equal(got, want) {
				t.Errorf("%s: log %q, want %q", place, got, want)
			}
			if got := client.Pending(); !strings.Contains(strings.Join(got, ""), "no seat") || strings.Contains(strings.Join(got, ""), "query") {
				t.Errorf("%s: the client received %q", place, got)
			}
			client.ExpectError("room_full")
			if n := failures(srv); n != 1 && place != "OnOpen" {
				t.Errorf("%s: %d failures", place, n)
			}
		})
	}
	if !errors.Is(causedBy(errDisk), errDisk) {
		t.Error("errors.Is does not find the cause")
	}
}

// failAt returns a client in whose connection an error has been returned: by the handler of that kind, by middleware
// instead of the handler, or by OnOpen.
func failAt(t *testing.T, srv *chanx.Server, place string, err error) *chanxtest.Conn {
	t.Helper()
	c := allKinds(func(context.Context) error { return err })
	switch place {
	case "middleware":
		c.Use(func(chanx.Handler) chanx.Handler { return func(context.Context, *chanx.Call) error { return err } })
	case "OnOpen":
		c.OnOpen(func(*state, context.Context) error { return err })
	}
	srv.Handle("/ws", c)
	client := dialled(t, srv, "/ws")
	switch place {
	case "event":
		if err := srv.Emit(t.Context(), eventKind{}, chanx.All()); err != nil {
			t.Fatal(err)
		}
	case "middleware":
		client.Send(onKind{})
	case "OnOpen":
	default:
		client.SendText(`{"action":"` + place + `"}`)
	}
	synctest.Wait()
	return client
}

func openFailing(err error) *chanx.Consumer[state] {
	return chanx.NewConsumer(func(*chanx.Conn, *http.Request) (*state, error) { return nil, err }, nil)
}

// TestOnlyRefusalsAreToldInOpen checks that what is joined to a refusal is logged, and that no other error tells the
// client anything.
func TestOnlyRefusalsAreToldInOpen(t *testing.T) {
	for name, k := range map[string]struct {
		err    error
		status int
		logged string
	}{
		"refused":         {wrapped{errDenied}, 403, ""},
		"refused twice":   {errors.Join(errDenied, chanx.Refuse(404, "x")), 403, ""},
		"with a failure":  {errors.Join(errDisk, errDenied), 403, "disk full\nchanx: refused: 403 members only"},
		"told":            {errFull, 500, "room_full: no seat"},
		"closing":         {errBye, 500, "chanx: connection closed: 4001 bye"},
		"told outermost":  {errors.Join(errFull, errDenied), 500, "room_full: no seat\nchanx: refused: 403 members only"},
		"a plain failure": {errDisk, 500, "disk full"},
	} {
		t.Run(name, func(t *testing.T) {
			log := &logRecorder{}
			bubble(t, chanx.ServerOptions{Logger: slog.New(log)}, func(t *testing.T, srv *chanx.Server) {
				srv.Handle("/ws", openFailing(k.err))
				chanxtest.Dial(t, srv, "/ws", nil).ExpectRefused(k.status)
				var want []string
				if k.logged != "" {
					want = []string{"ERROR handler failed action=open error=" + k.logged}
				}
				if got := log.take(); !slices.Equal(got, want) {
					t.Errorf("log %q, want %q", got, want)
				}
			})
		})
	}
}

// TestWhatIsJoinedToAnErrorForTheClientCountsOnce checks the failures of a call whose error has several parts, and that
// its own end among them is expected.
func TestWhatIsJoinedToAnErrorForTheClientCountsOnce(t *testing.T) {
	log := &logRecorder{}
	bubble(t, chanx.ServerOptions{Logger: slog.New(log)}, func(t *testing.T, srv *chanx.Server) {
		srv.Handle("/ws", allKinds(func(ctx context.Context) error {
			<-ctx.Done()
			return errors.Join(errFull, ctx.Err())
		}))
		client := chanxtest.Dial(t, srv, "/ws", nil)
		client.SendRef(onKind{}, "1")
		synctest.Wait()
		client.Cancel("1")
		client.ExpectError("cancelled")
		synctest.Wait()
		if got := warnings(log.take()); len(got) != 0 {
			t.Errorf("log %q", got)
		}
		if n := failures(srv); n != 1 {
			t.Errorf("%d failures", n)
		}
		time.Sleep(time.Second) // in a bubble
	})
}

// unwritable is a reply that cannot be encoded.
type unwritable struct {
	V failingText `json:"v"`
}

func (unwritable) Action() string { return "unwritable" }

type failingText struct{ err error }

func (f failingText) MarshalText() ([]byte, error) { return nil, f.err }

// TestErrorsOfEncodingAReply are treated like those of its handler.
func TestErrorsOfEncodingAReply(t *testing.T) {
	for _, k := range []struct {
		err    error
		reason string
		logged bool
	}{{errDisk, "internal", true}, {errFull, "room_full", false}, {errBye, "", false}} {
		log := &logRecorder{}
		bubble(t, chanx.ServerOptions{Logger: slog.New(log)}, func(t *testing.T, srv *chanx.Server) {
			c := newState()
			chanx.OnRequest(c, func(*state, context.Context, onKind) (unwritable, error) { return unwritable{failingText{k.err}}, nil })
			srv.Handle("/ws", c)
			client := chanxtest.Dial(t, srv, "/ws", nil)
			client.Send(onKind{})
			if k.reason != "" {
				client.ExpectError(k.reason)
			} else {
				client.ExpectClosed(4001)
			}
			synctest.Wait()
			if got := warnings(log.take()); (len(got) == 1) != k.logged || failures(srv) != 1 {
				t.Errorf("%v: log %q, %d failures", k.err, got, failures(srv))
			}
		})
	}
}
