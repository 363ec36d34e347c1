package schema

import (
	"encoding/json"
	"reflect"
	"strconv"
)

// documentation holds the tags of a field that describe it to readers.
type documentation struct {
	doc        string
	deprecated bool
	example    *string // the text of the tag; nil without one
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

// checkExample decodes the example once, with all checks.
func (f *field) checkExample() error {
	if _, err := f.tagValue(f.tagJSON(*f.example)); err != nil {
		return f.wrong("example:"+strconv.Quote(*f.example), "%s", tagProblem(err))
	}
	return nil
}

// exampleIn returns the example with the names of a naming, or nil without one.
func (f *field) exampleIn(n Naming) json.RawMessage {
	if f.example == nil {
		return nil
	}
	return f.rewrite(f.tagJSON(*f.example), n)
}

// defaultIn returns the default with the names of a naming, or nil without one.
func (f *field) defaultIn(n Naming) json.RawMessage {
	if f.text == nil {
		return nil
	}
	return f.rewrite(f.defJSON, n)
}

// rewrite decodes the JSON of a tag and encodes it with the names of a naming.
func (f *field) rewrite(text []byte, n Naming) json.RawMessage {
	v, err := f.tagValue(text)
	if err != nil {
		return text // cannot happen: the text passed when the type was compiled
	}
	e := encoder{naming: n}
	b, err := e.value(nil, f.Type, v)
	switch {
	case err != nil:
		return text // the type decodes values that it cannot encode
	case f.inString:
		return appendText(nil, string(b))
	}
	return b
}
