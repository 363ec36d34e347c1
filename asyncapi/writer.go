package asyncapi

import (
	"bytes"
	"encoding/json"

	"github.com/go-json-experiment/json/jsontext"
)

// writer writes JSON with its members in the order of the calls. A name of "" is an element of a list. The first error
// is kept, and nothing is written after it.
type writer struct {
	buf bytes.Buffer
	enc *jsontext.Encoder
	err error
}

func newWriter() *writer {
	w := &writer{}
	w.enc = jsontext.NewEncoder(&w.buf, jsontext.WithIndent("  "))
	return w
}

func (w *writer) token(t jsontext.Token) {
	if w.err == nil {
		w.err = w.enc.WriteToken(t)
	}
}

func (w *writer) name(name string) {
	if name != "" {
		w.token(jsontext.String(name))
	}
}

func (w *writer) object(name string, members func()) {
	w.name(name)
	w.token(jsontext.BeginObject)
	members()
	w.token(jsontext.EndObject)
}

func (w *writer) list(name string, elements func()) {
	w.name(name)
	w.token(jsontext.BeginArray)
	elements()
	w.token(jsontext.EndArray)
}

func (w *writer) text(name, value string) {
	w.name(name)
	w.token(jsontext.String(value))
}

// note writes a text that may be absent.
func (w *writer) note(name, value string) {
	if value != "" {
		w.text(name, value)
	}
}

func (w *writer) raw(name string, value []byte) {
	w.name(name)
	if w.err == nil {
		w.err = w.enc.WriteValue(value)
	}
}

// value writes a struct of this package, or another value whose encoding has one order.
func (w *writer) value(name string, v any) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil && w.err == nil {
		w.err = err
	}
	w.raw(name, b.Bytes())
}

func (w *writer) ref(name, to string) { w.object(name, func() { w.text("$ref", to) }) }

// members writes the members of an object into the current one.
func (w *writer) members(object []byte) {
	dec := jsontext.NewDecoder(bytes.NewReader(object))
	if _, err := dec.ReadToken(); err != nil {
		w.fail(err)
		return
	}
	for dec.PeekKind() == '"' {
		name, err := dec.ReadToken()
		w.fail(err)
		w.token(name)
		value, err := dec.ReadValue()
		w.fail(err)
		w.raw("", value)
	}
}

func (w *writer) fail(err error) {
	if w.err == nil {
		w.err = err
	}
}
