package chanxtest_test

import (
	"context"
	"log/slog"
	"net/http"
	"reflect"
	"testing"
	"testing/synctest"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/chanxtest"
)

type (
	parcel struct {
		Text   string `json:"text"`
		SentTo string `json:"sent_to" frame:"true" maxLength:"3"`
		Weight int    `json:"weight,omitempty" frame:"true"`
	}
	label struct {
		SentTo string `json:"sent_to" frame:"true"`
	}
	newerLabel struct {
		label
		Color string `json:"color" frame:"true"`
	}
)

func (parcel) Action() string     { return "parcel" }
func (label) Action() string      { return "label" }
func (newerLabel) Action() string { return "label" }

func parcels(o chanx.ServerOptions) *chanx.Server {
	c := chanx.NewConsumer(func(c *chanx.Conn, _ *http.Request) (*room, error) { return &room{c}, nil }, nil)
	chanx.OnRequest(c, func(_ *room, _ context.Context, m parcel) (parcel, error) { return m, nil })
	chanx.OnRequest(c, func(_ *room, _ context.Context, m label) (label, error) { return m, nil })
	chanx.Broadcasts[parcel](c)
	chanx.Broadcasts[label](c)
	o.Logger = slog.New(slog.DiscardHandler)
	s := chanx.NewServer(&o)
	s.Handle("/parcels", c)
	return s
}

// TestFieldsBesideThePayloadAreRead sends, receives, decodes and records messages with fields beside the payload.
func TestFieldsBesideThePayloadAreRead(t *testing.T) {
	for _, camel := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			rec := chanxtest.NewRecorder(t, nil)
			s := parcels(chanx.ServerOptions{Layer: rec, Camelize: camel, Completions: true})
			c := chanxtest.Dial(t, s, "/parcels", nil)
			synctest.Wait()
			want, mark := parcel{"hi", "bob", 3}, label{"zoe"}
			c.Send(want)
			if got := chanxtest.Receive[parcel](c).Message; got != want {
				t.Errorf("got %+v", got)
			}
			if got := chanxtest.Request[label](c, mark).Message; got != mark {
				t.Errorf("got %+v", got)
			}
			for _, m := range []chanx.Message{want, mark, parcel{}} {
				if err := s.Broadcast(t.Context(), m, chanx.All()); err != nil {
					t.Error(err)
				}
				got := c.AllGroup()
				if m == chanx.Message(want) && (len(got) != 1 || chanxtest.Decode[parcel](c, got[0]).Message != want) {
					t.Errorf("got %+v", got)
				}
			}
			if got := chanxtest.Broadcasts[parcel](rec); len(got) != 2 || got[0].Value != want || got[1].Value != (parcel{}) {
				t.Errorf("recorded %+v", got)
			}
			if got := chanxtest.Broadcasts[label](rec); !reflect.DeepEqual(got, []chanxtest.Published[label]{{Value: mark, All: true}}) {
				t.Errorf("recorded %+v", got)
			}
			shutDown(t, s)
		})
	}
}

func TestFieldsBesideThePayloadAreChecked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rec := chanxtest.NewRecorder(t, nil)
		s := parcels(chanx.ServerOptions{Layer: rec})
		worker := chanx.NewServer(&chanx.ServerOptions{Layer: rec})
		for _, says := range []struct {
			from *chanx.Server
			m    chanx.Message
			text string
		}{
			{s, parcel{SentTo: "long"}, "sent_to: String should have at most 3 characters"},
			{worker, newerLabel{label{"bob"}, "red"}, `unknown member "color"`},
		} {
			expectFailure(t, func(f *failing) {
				chanxtest.Dial(f, s, "/parcels", nil)
				synctest.Wait()
				if err := says.from.Broadcast(t.Context(), says.m, chanx.All()); err != nil {
					t.Error(err)
				}
				synctest.Wait()
			}, says.text, "received a frame that does not match the consumer's declaration")
		}
		shutDown(t, s, worker)
	})
}
