package schema_test

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/chanx-go/chanx/schema"
)

type (
	bookedSeat struct {
		RowName string `json:"row_name"`
	}
	bookedMessage struct {
		Seats   []bookedSeat `json:"booked_seats"`
		Both    string       `json:"both_of"`
		ReplyTo string       `json:"reply_to" frame:"true"`
	}
	pathText string
	pathKey  int8
)

// validBooked has the same fields, and a Validate method that returns items.
type validBooked struct {
	Seats   []bookedSeat `json:"booked_seats"`
	Both    string       `json:"both_of"`
	ReplyTo string       `json:"reply_to" frame:"true"`
}

var bookedItems schema.ValidationError

func (validBooked) Validate() error { return bookedItems }

func TestLocateReportsItemsLikeThoseOfValidate(t *testing.T) {
	bookedItems = schema.ValidationError{
		{Type: "a", Loc: []any{"reply_to"}, Msg: "of the frame"},
		{Type: "b", Loc: []any{"booked_seats", 1, "row_name"}, Msg: "of a seat"},
		{Type: "c", Msg: "of the whole"},
		{Type: "d", Loc: []any{"other_name"}, Msg: "of nothing that is known"},
		{Type: "e", Loc: []any{"replyTo"}, Msg: "on the wire under Camelize"},
		{Type: "f", Loc: []any{"both_of", pathText("x_y"), pathKey(3), 4.0, uint16(5), true}, Msg: strings.Repeat("é", 1000)},
		{Type: "g", Loc: []any{strings.Repeat("n", 100)}, Msg: "reflect: panics", Cause: errors.New("internal")},
	}
	long := strings.Repeat("é", 510) + "..."
	for name, k := range map[string]struct {
		codec *schema.Codec
		want  []string
	}{
		"declared": {declared[bookedMessage](t), []string{
			`b "payload","booked_seats",1,"row_name": of a seat`, `c "payload": of the whole`, `d "payload","other_name": of nothing that is known`,
			`e "payload","replyTo": on the wire under Camelize`, `f "payload","both_of","x_y",3,4,5,"?": ` + long,
			`g "payload","` + strings.Repeat("n", 64) + `": Value error, invalid value`, `a "reply_to": of the frame`,
		}},
		"camel": {camel[bookedMessage](t), []string{
			`b "payload","bookedSeats",1,"rowName": of a seat`, `c "payload": of the whole`, `d "payload","other_name": of nothing that is known`,
			`f "payload","bothOf","x_y",3,4,5,"?": ` + long, `g "payload","` + strings.Repeat("n", 64) + `": Value error, invalid value`,
			`a "replyTo": of the frame`, `e "replyTo": on the wire under Camelize`,
		}},
	} {
		t.Run(name, func(t *testing.T) {
			got := k.codec.Locate(bookedItems, "payload", limits(0))
			if shown(got) != strings.Join(k.want, "\n") {
				t.Errorf("got\n%s\nwant\n%s", shown(got), strings.Join(k.want, "\n"))
			}
			if got[5].Cause != nil {
				t.Error("the cause of an item is kept")
			}
			if _, err := got.AppendJSON(nil); err != nil {
				t.Error(err)
			}
		})
	}
	for _, most := range []int{1, 6, -1} {
		got, want := declared[validBooked](t).Locate(bookedItems, "payload", limits(most)), ofValidate(t, declared[validBooked](t), most)
		if shown(got) != shown(want) {
			t.Errorf("at most %d:\n%s\nand of a Validate method\n%s", most, shown(got), shown(want))
		}
	}
}

// ofValidate returns the items of a Validate method that returns bookedItems.
func ofValidate(t *testing.T, c *schema.Codec, most int) schema.ValidationError {
	t.Helper()
	var d schema.Decoder
	d.Reset([]byte(`{"payload":{"booked_seats":[],"both_of":""},"reply_to":""}`), limits(most))
	if _, err := d.BeginObject(); err != nil {
		t.Fatal(err)
	}
	m := c.Begin(&d, new(validBooked), "payload")
	for {
		name, ok, err := d.NextMember()
		if !ok || err != nil {
			break
		}
		if string(name) == "payload" {
			err = m.Payload()
		} else {
			_, err = m.Field(name)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := m.End(); err != nil {
		t.Fatal(err)
	}
	return d.Errors()
}

func TestBoundCutsWhatIsSent(t *testing.T) {
	items := make(schema.ValidationError, 30)
	for i := range items {
		items[i] = schema.FieldError{Type: strings.Repeat("t", 2000), Loc: []any{"n", i, math.NaN()}, Msg: "json: cannot unmarshal"}
	}
	got := items.Bound(limits(0))
	if len(got) != 20 || len(got[0].Type) != 1024 || got[0].Msg != "Value error, invalid value" || len(got[19].Loc) != 3 || got[19].Loc[1] != 19 {
		t.Errorf("%d items, the first %+v", len(got), got[0])
	}
	if _, err := got.AppendJSON(nil); err != nil {
		t.Errorf("a path that JSON cannot express: %v", err)
	}
	if len(items[:3].Bound(limits(5))) != 3 || len(items.Bound(limits(-1))) != 30 {
		t.Error("not as many items as the limit allows")
	}
	if len(items[0].Type) != 2000 {
		t.Error("the given items have changed")
	}
}
