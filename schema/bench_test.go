package schema_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/chanx-go/chanx/schema"
)

// benchMessage is the message whose decoding is measured.
var benchMessage = []byte(`{"action":"chat","payload":{"content":"` + strings.Repeat("a bit of talk", 5) +
	`","sender_name":"Alice","room_id":"general","priority":3,"timestamp":"2025-05-11T14:30:00Z"}}`)

type benchPayload struct {
	Content    string    `json:"content" minLength:"1" maxLength:"2000"`
	SenderName string    `json:"sender_name" maxLength:"64"`
	RoomID     string    `json:"room_id" pattern:"^[a-z0-9_-]+$"`
	Priority   int       `json:"priority" minimum:"0" maximum:"9"`
	Timestamp  time.Time `json:"timestamp"`
}

type benchEnvelope struct {
	Action  string       `json:"action"`
	Payload benchPayload `json:"payload"`
}

// readMessage reads an envelope as a server does: the action first, then its payload, in one pass.
func readMessage(d *schema.Decoder, c *schema.Codec, text []byte) (*benchPayload, error) {
	d.Reset(text, schema.Limits{})
	if ok, err := d.BeginObject(); err != nil || !ok {
		return nil, err
	}
	var p *benchPayload
	var m schema.Message
	for {
		name, ok, err := d.NextMember()
		if err != nil {
			return nil, err
		}
		if !ok {
			break
		}
		switch string(name) {
		case "action":
			if _, err = d.String(); err == nil {
				p = new(benchPayload)
				m = c.Begin(d, p, "payload")
			}
		case "payload":
			err = m.Payload()
		default:
			err = d.Skip()
		}
		if err != nil {
			return nil, err
		}
	}
	if err := d.End(); err != nil {
		return nil, err
	}
	if err := m.End(); err != nil {
		return nil, err
	}
	if items := d.Errors(); items != nil {
		return nil, items
	}
	return p, nil
}

// BenchmarkDecode decodes and validates a message and, alternately in the same run, decodes it with encoding/json
// without any check. The metric ratio must stay below 0.5.
func BenchmarkDecode(b *testing.B) {
	c, d := declared[benchPayload](b), new(schema.Decoder)
	const turn = 200
	var ours, theirs time.Duration
	b.ReportAllocs()
	for b.Loop() {
		start := time.Now()
		for range turn {
			if _, err := readMessage(d, c, benchMessage); err != nil {
				b.Fatal(err)
			}
		}
		middle := time.Now()
		for range turn {
			if err := json.Unmarshal(benchMessage, new(benchEnvelope)); err != nil {
				b.Fatal(err)
			}
		}
		ours, theirs = ours+middle.Sub(start), theirs+time.Since(middle)
	}
	n := float64(b.N) * turn
	b.ReportMetric(float64(ours.Nanoseconds())/n, "ns/decode")
	b.ReportMetric(float64(theirs.Nanoseconds())/n, "ns/encoding-json")
	b.ReportMetric(float64(ours)/float64(theirs), "ratio")
}

func BenchmarkAppend(b *testing.B) {
	c := declared[benchPayload](b)
	p, err := readMessage(new(schema.Decoder), c, benchMessage)
	if err != nil {
		b.Fatal(err)
	}
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		if buf, err = c.Append(buf[:0], *p); err != nil {
			b.Fatal(err)
		}
	}
}

func TestDecodingAllocatesForTheMessageAndItsStringsOnly(t *testing.T) {
	c, d := declared[benchPayload](t), new(schema.Decoder)
	got := testing.AllocsPerRun(100, func() {
		if _, err := readMessage(d, c, benchMessage); err != nil {
			t.Fatal(err)
		}
	})
	if got > 6 {
		t.Errorf("%v allocations, want 6 at most", got)
	}
	t.Logf("%v allocations", got)
	if p, _ := readMessage(d, c, benchMessage); reflect.ValueOf(*p).IsZero() {
		t.Error("nothing was read")
	}
}
