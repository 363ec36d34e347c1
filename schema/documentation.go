package schema

import (
	"encoding/json"
	"reflect"
	"strconv"
)

// documentation is what a field's tags say to readers of its description.
type documentation struct {
	doc        string
	deprecated bool
	example    *string // the text of the tag; nil if there is none
}

// document reads the tags doc, deprecated and example.
func (f *field) document(tag reflect.StructTag) (err error) {
	f.doc = tag.Get("doc")
	if text, ok := tag.Lookup("deprecated"); ok {
		if f.deprecated, err = strconv.ParseBool(text); err != nil {
			return f.wrong("deprecated:"+strconv.Quote(text), "it must be true or false: say more in doc")
		}
	}
	if text, ok := tag.Lookup("example"); ok {
		f.example = &text
	}
	return nil
}

// checkExample reads the example once, with all checks.
func (f *field) checkExample() error {
	if _, err := f.tagValue(f.tagJSON(*f.example)); err != nil {
		return f.wrong("example:"+strconv.Quote(*f.example), "%s", why(err))
	}
	return nil
}

// exampleIn is the example in the names of a naming; nil if there is none.
func (f *field) exampleIn(n Naming) json.RawMessage {
	if f.example == nil {
		return nil
	}
	return f.rewrite(f.tagJSON(*f.example), n)
}

// defaultIn is the default in the names of a naming; nil if there is none.
func (f *field) defaultIn(n Naming) json.RawMessage {
	if f.text == nil {
		return nil
	}
	return f.rewrite(f.defJSON, n)
}

// rewrite reads the JSON of a tag and writes it with other names.
func (f *field) rewrite(text []byte, n Naming) json.RawMessage {
	v, err := f.tagValue(text)
	if err != nil {
		return text // it has passed before
	}
	e := encoder{naming: n}
	b, err := e.value(nil, f.Type, v)
	switch {
	case err != nil:
		return text // the type cannot write what it reads
	case f.inString:
		return appendText(nil, string(b))
	}
	return b
}
