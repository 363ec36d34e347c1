package schema_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/chanx-go/chanx/schema"
)

// letter has frame fields of every kind, one of them from an embedded struct, and a payload.
type letter struct {
	Text string `json:"text" minLength:"1"`
	Sender
	Copies   int       `json:"copy_count,string" frame:"true" default:"1" minimum:"1" doc:"How many are sent."`
	Tags     []tag     `json:"tags,omitempty" frame:"true" maxItems:"2"`
	Reply    *string   `json:"reply_to" frame:"true" example:"a@b"`
	Same     string    `json:"text_too" frame:"false" default:""`
	NotFrame *struct{} `json:"-"`
}

// Sender is embedded.
type Sender struct {
	From string `json:"sent_from" frame:"true" maxLength:"3"`
}

type tag struct {
	TagName string `json:"tag_name"`
}

func (l *letter) Validate() error {
	switch l.Text {
	case "frame":
		return schema.ValidationError{
			{Type: "value_error", Loc: []any{"text"}, Msg: "of the payload"},
			{Type: "value_error", Loc: []any{"tags", 0, "tag_name"}, Msg: "of the frame"},
			{Type: "value_error", Loc: []any{"copyCount"}, Msg: "as the wire spells it"},
		}
	case "bad":
		return errors.New("bad letter")
	}
	l.Text = strings.ToUpper(l.Text)
	return nil
}

// stamped has only a frame field.
type stamped struct {
	At int `json:"at" frame:"true"`
}

// optional has defaults in the frame and in the payload.
type optional struct {
	Text string `json:"text" default:"none"`
	At   int    `json:"at" frame:"true" default:"7"`
}

// readFrame decodes the members of a text in order; "payload" is the payload.
func readFrame(t testing.TB, c *schema.Codec, ptr any, text string, l schema.Limits) error {
	t.Helper()
	var d schema.Decoder
	d.Reset([]byte(text), l)
	if ok, err := d.BeginObject(); !ok || err != nil {
		t.Fatal(ok, err)
	}
	m := c.Begin(&d, ptr, "payload")
	for {
		name, ok, err := d.NextMember()
		if err != nil {
			return err
		}
		if !ok {
			break
		}
		known := true
		if string(name) == "payload" {
			err = m.Payload()
		} else {
			known, err = m.Field(name)
		}
		if err == nil && !known {
			err = d.Skip()
		}
		if err != nil {
			return err
		}
	}
	if err := m.End(); err != nil {
		return err
	}
	d.Fail("x", "behind", "ref")
	items := d.Errors()
	if items[len(items)-1].Type == "x" {
		items = items[:len(items)-1]
	}
	if len(items) == 0 {
		return nil
	}
	return items
}

func TestFrameFieldsAreReadBesideThePayloadInAnyOrder(t *testing.T) {
	reply := "x"
	want := letter{
		Text: "HI", Sender: Sender{"ann"}, Copies: 2, Tags: []tag{{"a"}}, Reply: &reply,
	}
	members := []string{`"payload":{"text":"hi","sent_from":7}`, `"sent_from":"ann"`, `"copy_count":"2"`, `"tags":[{"tag_name":"a"}]`, `"reply_to":"x"`, `"text":[]`}
	for range members {
		var got letter
		text := "{" + strings.Join(members, ",") + "}"
		if err := readFrame(t, declared[letter](t), &got, text, limits(0)); err != nil {
			t.Errorf("%s: %v", text, err)
		}
		equal(t, text, got, want)
		members = append(members[1:], members[0])
	}
	var got letter
	text := `{"copyCount":"3","sentFrom":"b","replyTo":null,"payload":{"text":"x","textToo":"y"},"reply_to":1}`
	if err := readFrame(t, camel[letter](t), &got, text, limits(0)); err != nil {
		t.Error(err)
	}
	equal(t, "camelCase", got, letter{Text: "X", Sender: Sender{"b"}, Copies: 3, Same: "y"})
}

func TestItemsOfTheFrameComeAfterThoseOfThePayload(t *testing.T) {
	for text, want := range map[string]string{
		`{}`: `missing "payload": Field required
missing "sent_from": Field required`,
		`{"tags":[1,{}],"sent_from":"long","payload":{},"copy_count":2}`: `missing "payload","text": Field required
string_too_long "sent_from": String should have at most 3 characters
string_type "copy_count": Input should be a valid string
model_type "tags",0: Input should be a valid dictionary
missing "tags",1,"tag_name": Field required`,
		`{"reply_to":7,"sent_from":"a","copy_count":"0","payload":[]}`: `model_type "payload": Input should be a valid dictionary
greater_than_equal "copy_count": Input should be greater than or equal to 1
string_type "reply_to": Input should be a valid string`,
		`{"sent_from":"a","payload":{"text":"bad"}}`: `value_error "payload": Value error, bad letter`,
		`{"sent_from":7,"payload":{"text":"bad"}}`:   `string_type "sent_from": Input should be a valid string`,
		`{"sent_from":"a","payload":{"text":"frame"}}`: `value_error "payload","text": of the payload
value_error "payload","copyCount": as the wire spells it
value_error "tags",0,"tag_name": of the frame`,
	} {
		all := shown(readFrame(t, declared[letter](t), new(letter), text, limits(0)))
		equal(t, text, all, want)
		first, _, _ := strings.Cut(want, "\n")
		equal(t, text+" at most one", shown(readFrame(t, declared[letter](t), new(letter), text, limits(1))), first)
	}
	want := `value_error "payload","text": of the payload
value_error "tags",0,"tagName": of the frame
value_error "copyCount": as the wire spells it`
	text := `{"sentFrom":"a","payload":{"text":"frame"}}`
	equal(t, "camelCase", shown(readFrame(t, camel[letter](t), new(letter), text, limits(0))), want)
}

func TestATypeOfFrameFieldsOnlyHasNoPayload(t *testing.T) {
	typ := compiled[stamped](t)
	if !typ.IsEmpty() || !typ.HasFrameFields() || compiled[tag](t).HasFrameFields() {
		t.Error("HasFrameFields or IsEmpty is wrong")
	}
	c := declared[stamped](t)
	for text, want := range map[string]string{
		`{"at":1}`:                      "",
		`{"at":1,"payload":{"at":"x"}}`: "",
		`{"payload":null,"at":1}`:       "",
		`{"payload":[],"at":1}`:         `none_required "payload": Input should be None`,
		`{"payload":{}}`:                `missing "at": Field required`,
		`{"at":1,"payload":{"a":1,}}`:   "syntax: unexpected '}', want a member name after ',' at byte 25",
	} {
		equal(t, text, shown(readFrame(t, c, new(stamped), text, limits(0))), want)
	}
	var got optional
	if err := readFrame(t, declared[optional](t), &got, `{"payload":{}}`, limits(0)); err != nil {
		t.Error(err)
	}
	equal(t, "defaults", got, optional{"none", 7})
}

func TestFrameFieldsAreEncodedSeparately(t *testing.T) {
	reply := "<r>"
	v := letter{Text: "hi", Sender: Sender{"ann"}, Copies: 2, Tags: []tag{{"a"}}, Reply: &reply}
	for c, want := range map[*schema.Codec][2]string{
		declared[letter](t): {`{"text":"hi","text_too":""}`, `{"sent_from":"ann","copy_count":"2","tags":[{"tag_name":"a"}],"reply_to":"<r>"}`},
		camel[letter](t):    {`{"text":"hi","textToo":""}`, `{"sentFrom":"ann","copyCount":"2","tags":[{"tagName":"a"}],"replyTo":"<r>"}`},
	} {
		payload, err := c.Append([]byte("."), v)
		equal(t, "payload", string(payload), "."+want[0])
		frame, err2 := c.AppendFrame([]byte("."), v)
		equal(t, "frame", string(frame), "."+want[1])
		if err := errors.Join(err, err2); err != nil {
			t.Error(err)
		}
	}
	b, err := declared[letter](t).AppendFrame(nil, letter{})
	equal(t, "what is omitted", string(b), `{"sent_from":"","copy_count":"0","reply_to":null}`)
	b, err2 := declared[tag](t).AppendFrame(nil, tag{})
	equal(t, "a type without", string(b), `{}`)
	if err := errors.Join(err, err2); err != nil {
		t.Error(err)
	}
	_, err = declared[letter](t).AppendFrame(nil, tag{})
	if err == nil || !strings.Contains(err.Error(), "schema_test.letter: the value is schema_test.tag") {
		t.Error(err)
	}
	type odd struct {
		Price float64 `json:"price" frame:"true"`
	}
	_, err = declared[odd](t).AppendFrame(nil, odd{math.Inf(1)})
	if err == nil || !strings.Contains(err.Error(), "odd: price: +Inf is not a JSON number") {
		t.Error(err)
	}
}

func TestValuesAreCheckedWithTheirFrameFields(t *testing.T) {
	typ := compiled[letter](t)
	l := letter{Text: "x", Sender: Sender{"long"}, Tags: []tag{{}, {}, {}}}
	equal(t, "items", shown(typ.Validate(l)), `string_too_long "sent_from": String should have at most 3 characters
greater_than_equal "copy_count": Input should be greater than or equal to 1
too_long "tags": List should have at most 2 items after validation, not 3`)
	l = letter{Text: "x", Sender: Sender{"ann"}, Copies: 1}
	if err := typ.Validate(&l); err != nil || l.Text != "X" {
		t.Error(err, l)
	}
}

func TestFrameFieldsAreDescribedSeparately(t *testing.T) {
	c := camel[letter](t)
	defs := schema.NewDefinitions("#/x/", c, camel[tag](t))
	equal(t, "payload", string(c.JSONSchema(defs)), `{"$ref":"#/x/letter"}`)
	all, err := json.Marshal(defs)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "definitions", string(all), `{"letter":{"type":"object","properties":{"text":{"type":"string","minLength":1},`+
		`"textToo":{"type":"string","default":""}},"required":["text"],"x-chanx":{"always":["textToo"]}},`+
		`"tag":{"type":"object","properties":{"tagName":{"type":"string"}},"required":["tagName"]}}`)
	equal(t, "example of the payload", string(c.Example()), `{"text":"text","textToo":""}`)
	var got []string
	for _, f := range c.FrameFields(defs) {
		got = append(got, fmt.Sprintf("%s %v %s %s", f.Name, f.Required, f.Schema, f.Example))
	}
	equal(t, "frame fields", strings.Join(got, "\n"), `sentFrom true {"type":"string","maxLength":3} "tex"
copyCount false {"description":"How many are sent.","type":"string","pattern":"^-?(0|[1-9][0-9]*)$","default":"1"} "1"
tags false {"type":"array","items":{"$ref":"#/x/tag"},"maxItems":2} [{"tagName":"text"}]
replyTo false {"type":["string","null"],"examples":["a@b"]} "a@b"`)
	other := camel[tag](t)
	equal(t, "of a type without", len(other.FrameFields(schema.NewDefinitions("", other))), 0)
}

// TestExamplesOfFrameFieldsPass builds an example of a message as documents do.
func TestExamplesOfFrameFieldsPass(t *testing.T) {
	c := declared[letter](t)
	text := fmt.Appendf(nil, `{"payload":%s`, c.Example())
	for _, f := range c.FrameFields(schema.NewDefinitions("", c)) {
		text = fmt.Appendf(text, ",%q:%s", f.Name, f.Example)
	}
	if err := readFrame(t, c, new(letter), string(text)+"}", limits(0)); err != nil {
		t.Errorf("%s: %v", text, err)
	}
}

type (
	within struct {
		Inner stamped `json:"inner"`
	}
	framed struct {
		At int `json:"at" frame:"true"`
	}
	framedChain struct {
		At   int          `json:"at" frame:"true"`
		Next *framedChain `json:"next"`
	}
	ownText struct {
		At int `json:"at" frame:"true"`
	}
	embedding struct {
		Sender `frame:"true"`
	}
	framesCollide struct {
		A int `json:"a_b" frame:"true"`
		B int `json:"aB" frame:"true"`
	}
	base struct {
		A int `json:"a"`
	}
	bothPlaces struct {
		base
		B int `json:"a" frame:"true"`
	}
)

func (framed) shape() {}

func (ownText) MarshalJSON() ([]byte, error) { return []byte("1"), nil }

func TestMistakesInFrameTagsAreReported(t *testing.T) {
	mistake[struct {
		X int `frame:"yes"`
	}](t, `.X frame:"yes": it must be true or false`)
	mistake[struct {
		X int `json:"-" frame:"true"`
	}](t, `.X frame:"true": json:"-" leaves the field out: remove one of the tags`)
	mistake[struct {
		x int `frame:"true"`
	}](t, `.x frame:"true": the field is not exported: export it or remove the tag`)
	mistake[embedding](t, `schema_test.embedding.Sender frame:"true": an embedded struct is not a member by itself: tag its fields, or name it with json`)
	mistake[ownText](t, `schema_test.ownText.At frame:"true": the type is written by methods of its own, which write one value: remove the tag or the methods`)
	inside := func(at, holder string) string {
		return `schema_test.stamped.At frame:"true" at ` + at + `.At: schema_test.stamped is inside ` + holder +
			", and only a message itself has a frame: remove the tag, or give " + holder + " a type without it"
	}
	mistake[within](t, inside("schema_test.within.Inner", "schema_test.within"))
	mistake[[]stamped](t, inside("[]schema_test.stamped[]", "[]schema_test.stamped"))
	mistake[map[string][1]stamped](t, inside("map[string][1]schema_test.stamped[][]", "[1]schema_test.stamped"))
	mistake[*stamped](t, inside("*schema_test.stamped", "*schema_test.stamped"))
	mistake[drawing](t, strings.ReplaceAll(inside("schema_test.drawing.Shape.(schema_test.stamped)", "schema_test.shape"), "stamped", "framed"), schema.Union{
		Interface: reflect.TypeFor[shape](), Discriminator: "kind", Variants: []schema.Variant{{Tag: "framed", Type: reflect.TypeFor[framed]()}},
	})
	mistake[framedChain](t, `schema_test.framedChain.At frame:"true": schema_test.framedChain is inside *schema_test.framedChain, `+
		`and only a message itself has a frame: remove the tag, or give *schema_test.framedChain a type without it`)
	_, err := compiled[framesCollide](t).Codec(schema.CamelCase)
	equal(t, "collision", fmt.Sprint(err), `schema: compile schema_test.framesCollide.B: it and A are both "aB" in camelCase: rename one`)
	equal(t, "two places", encoded(t, bothPlaces{base{1}, 2}), `{"a":1}`)
	b, err := declared[bothPlaces](t).AppendFrame(nil, bothPlaces{base{1}, 2})
	equal(t, "two places", string(b)+fmt.Sprint(err), `{"a":2}<nil>`)
}
