package chanx_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/chanxtest"
)

// The messages of a consumer whose handlers find them not valid. Each has a field in the frame.
type (
	bookMessage struct {
		SeatNo   int    `json:"seat_no" default:"1"`
		SideNote string `json:"side_note" frame:"true" default:""`
	}
	bookRequest bookMessage
	bookStream  bookMessage
	bookBeside  bookMessage
	bookCase    bookMessage
	bookAround  bookMessage
)

func (bookMessage) Action() string { return "book_on" }
func (bookRequest) Action() string { return "book_request" }
func (bookStream) Action() string  { return "book_stream" }
func (bookBeside) Action() string  { return "book_beside" }
func (bookCase) Action() string    { return "book_union" }
func (bookAround) Action() string  { return "book_middleware" }

// newBooking returns a consumer whose handlers and middleware return err.
func newBooking(err error) *chanx.Consumer[state] {
	c := newState()
	c.Use(func(next chanx.Handler) chanx.Handler {
		return func(ctx context.Context, k *chanx.Call) error {
			if k.Action == "book_middleware" {
				return err
			}
			return next(ctx, k)
		}
	})
	chanx.On(c, func(*state, context.Context, bookMessage) error { return err })
	chanx.OnRequest(c, func(*state, context.Context, bookRequest) (tallied, error) { return tallied{}, err })
	chanx.OnStream(c, func(*state, context.Context, bookStream) iter.Seq2[tallied, error] {
		return func(yield func(tallied, error) bool) { yield(tallied{}, err) }
	})
	chanx.On(c, func(*state, context.Context, bookBeside) error { return err }, chanx.Concurrent(1))
	chanx.OnUnion(c, func(*state, context.Context, chanx.Message) error { return err }, chanx.Case[bookCase]())
	chanx.On(c, func(*state, context.Context, bookAround) error { return nil })
	return c
}

var bookings = []string{"book_on", "book_request", "book_stream", "book_beside", "book_union", "book_middleware"}

var seatTaken = chanx.ValidationError{
	{Type: "value_error", Loc: []any{"side_note"}, Msg: "not here"},
	{Type: "seat_taken", Loc: []any{"seat_no"}, Msg: "seat 1 is taken"},
	{Type: "value_error", Msg: "no luck"},
}

// TestValidationErrorsOfHandlersAreToldLikeThoseOfDecoding checks the frame that the client receives, under both
// namings, and that nothing counts as a failure or as an invalid frame.
func TestValidationErrorsOfHandlersAreToldLikeThoseOfDecoding(t *testing.T) {
	const items = `[{"type":"seat_taken","loc":["payload","seat_no"],"msg":"seat 1 is taken"},` +
		`{"type":"value_error","loc":["payload"],"msg":"no luck"},{"type":"value_error","loc":["side_note"],"msg":"not here"}]`
	for _, camelize := range []bool{false, true} {
		want := `{"action":"error","payload":` + items + `,"ref":"1"}`
		if camelize {
			want = strings.NewReplacer("seat_no", "seatNo", "side_note", "sideNote").Replace(want)
		}
		log, w := &logRecorder{}, &watcher{}
		o := chanx.ServerOptions{Logger: slog.New(log), Observer: w, Camelize: camelize, Limits: chanx.Limits{MaxInvalid: 1}}
		bubble(t, o, func(t *testing.T, srv *chanx.Server) {
			srv.Handle("/ws", newBooking(fmt.Errorf("book: %w", seatTaken)))
			client := chanxtest.Dial(t, srv, "/ws", nil)
			for _, action := range bookings {
				client.SendText(`{"action":"` + action + `","ref":"1","payload":{}}`)
				if got := client.Next(); got != want {
					t.Errorf("%s: got %s", action, got)
				}
				synctest.Wait()
				if got, want := log.take(), "DEBUG handler failed action="+action+" error=book: "+seatTaken.Error(); !slices.Equal(got, []string{want}) {
					t.Errorf("%s: log %q", action, got)
				}
				if !slices.Contains(w.take(), fmt.Sprintf("in %q trace=\"\" book: %s", action, seatTaken)) {
					t.Errorf("%s: the Observer was not told of the error", action)
				}
			}
			if n, s := failures(srv), srv.Stats(); n != 0 || s.Refused["invalid"] != 0 {
				t.Errorf("%d failures, %d invalid frames", n, s.Refused["invalid"])
			}
		})
	}
}

// TestValidationErrorsOfHandlersAreBounded checks that they are cut like those of decoding.
func TestValidationErrorsOfHandlersAreBounded(t *testing.T) {
	many := make(chanx.ValidationError, 10)
	for i := range many {
		many[i] = chanx.FieldError{Type: "x", Loc: []any{strings.Repeat("n", 100), func() {}}, Msg: strings.Repeat("m", 2000)}
	}
	many[1].Msg = "strconv.Atoi: parsing \"x\": invalid syntax"
	many[1].Cause = errors.New("password")
	bubble(t, chanx.ServerOptions{Limits: chanx.Limits{MaxErrors: 3}}, func(t *testing.T, srv *chanx.Server) {
		srv.Handle("/ws", newBooking(many))
		client := chanxtest.Dial(t, srv, "/ws", nil)
		client.Send(bookMessage{})
		item := "x payload." + strings.Repeat("n", 64) + ".?"
		if items := client.ExpectInvalid(item, item, item); len(items[0].Msg) != 1024 || items[1].Msg != "Value error, invalid value" {
			t.Errorf("got %v", items)
		}
	})
}

// TestEmptyValidationErrorsAreMistakesOfHandlers checks that they are logged with the mend, and the client is told
// "internal".
func TestEmptyValidationErrorsAreMistakesOfHandlers(t *testing.T) {
	for name, err := range map[string]error{
		"empty": chanx.ValidationError{}, "nil": chanx.ValidationError(nil), "joined": errors.Join(errors.New("x"), chanx.ValidationError{}),
	} {
		t.Run(name, func(t *testing.T) {
			log := &logRecorder{}
			bubble(t, chanx.ServerOptions{Logger: slog.New(log)}, func(t *testing.T, srv *chanx.Server) {
				srv.Handle("/ws", newBooking(err))
				client := chanxtest.Dial(t, srv, "/ws", nil)
				for i, action := range bookings {
					client.SendText(`{"action":"` + action + `","payload":{}}`)
					client.ExpectError("internal")
					if n := failures(srv); n != uint64(i+1) {
						t.Errorf("%s: %d failures, want %d", action, n, i+1)
					}
					got := log.take()
					if len(got) != 1 || !strings.HasPrefix(got[0], "ERROR ") || !strings.Contains(got[0], "an empty ValidationError: return nil if nothing is wrong") {
						t.Errorf("%s: log %q", action, got)
					}
				}
			})
		})
	}
}

// TestValidationErrorsOutsideOfMessages have no frame that their paths could be in: they are sent as they are.
func TestValidationErrorsOutsideOfMessages(t *testing.T) {
	err := fmt.Errorf("x: %w", chanx.ValidationError{{Type: "value_error", Loc: []any{"query", "since_when", 1}, Msg: "too old"}})
	for _, place := range []string{"event", "OnOpen"} {
		log := &logRecorder{}
		bubble(t, chanx.ServerOptions{Logger: slog.New(log), Camelize: true}, func(t *testing.T, srv *chanx.Server) {
			client := failAt(t, srv, place, err)
			const want = `{"action":"error","payload":[{"type":"value_error","loc":["query","since_when",1],"msg":"too old"}]}`
			if got := client.Next(); got != want {
				t.Errorf("%s: got %s", place, got)
			}
			if place == "OnOpen" {
				client.ExpectClosed(1011)
			}
			if got := warnings(log.take()); len(got) != 0 || failures(srv) != 0 {
				t.Errorf("%s: log %q, %d failures", place, got, failures(srv))
			}
		})
	}
}

// TestValidationErrorsInOpen are internal errors: only what Refuse returns is told there.
func TestValidationErrorsInOpen(t *testing.T) {
	log := &logRecorder{}
	bubble(t, chanx.ServerOptions{Logger: slog.New(log)}, func(t *testing.T, srv *chanx.Server) {
		srv.Handle("/ws", openFailing(errors.Join(seatTaken, errDenied)))
		chanxtest.Dial(t, srv, "/ws", nil).ExpectRefused(500)
		if got := log.take(); len(got) != 1 || !strings.HasPrefix(got[0], "ERROR handler failed action=open error=") {
			t.Errorf("log %q", got)
		}
	})
}

// TestTheOutermostOfValidationErrorsDecides checks them against the other errors that a client is told.
func TestTheOutermostOfValidationErrorsDecides(t *testing.T) {
	for name, k := range map[string]struct {
		err    error
		reason string // "" if the items are told
		failed uint64
		logged string // in the line above level debug
	}{
		"a cause":         {causedBy(seatTaken), "room_full", 1, ""},
		"behind an error": {errors.Join(errFull, seatTaken), "room_full", 1, ""},
		"before an error": {errors.Join(seatTaken, errFull), "", 1, ""},
		"before a close":  {errors.Join(seatTaken, errBye), "", 1, ""},
		"with a failure":  {errors.Join(errDisk, seatTaken), "", 1, "disk full"},
		"alone":           {wrapped{seatTaken}, "", 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			log := &logRecorder{}
			bubble(t, chanx.ServerOptions{Logger: slog.New(log)}, func(t *testing.T, srv *chanx.Server) {
				srv.Handle("/ws", newBooking(k.err))
				client := chanxtest.Dial(t, srv, "/ws", nil)
				client.Send(bookMessage{})
				if k.reason != "" {
					client.ExpectError(k.reason)
				} else {
					client.ExpectInvalid("seat_taken payload.seat_no", "value_error payload", "value_error side_note")
				}
				if n := failures(srv); n != k.failed {
					t.Errorf("%d failures, want %d", n, k.failed)
				}
				if got := strings.Join(warnings(log.take()), "\n"); (got != "") != (k.logged != "") || !strings.Contains(got, k.logged) {
					t.Errorf("log %q, want %q", got, k.logged)
				}
			})
		})
	}
}

// TestValidationErrorsAfterTheAnswer cannot be told, so they are logged.
func TestValidationErrorsAfterTheAnswer(t *testing.T) {
	log := &logRecorder{}
	bubble(t, chanx.ServerOptions{Logger: slog.New(log)}, func(t *testing.T, srv *chanx.Server) {
		c := newBooking(nil)
		c.Use(func(next chanx.Handler) chanx.Handler {
			return func(ctx context.Context, k *chanx.Call) error { return errors.Join(next(ctx, k), seatTaken) }
		})
		srv.Handle("/ws", c)
		client := chanxtest.Dial(t, srv, "/ws", nil)
		client.SendRef(bookMessage{}, "1")
		chanxtest.Receive[chanx.CompleteMessage](client)
		synctest.Wait()
		if got := warnings(log.take()); len(got) != 1 || failures(srv) != 1 || len(client.Pending()) != 0 {
			t.Errorf("log %q, %d failures, sent %q", got, failures(srv), client.Pending())
		}
	})
}
