package schema

import (
	"bytes"
	"encoding/json"
)

// document is a JSON Schema of draft-07, with the keywords that AsyncAPI's Schema Object adds (deprecated,
// discriminator). Its members are written in this order.
type document struct {
	Schema               string            `json:"$schema,omitempty"`
	Ref                  *definition       `json:"$ref,omitempty"`
	AllOf                []*document       `json:"allOf,omitempty"`
	Description          string            `json:"description,omitempty"`
	Deprecated           bool              `json:"deprecated,omitempty"`
	Type                 any               `json:"type,omitempty"` // a string, or a list of two with "null"
	Const                *string           `json:"const,omitempty"`
	Enum                 []json.RawMessage `json:"enum,omitempty"`
	Format               string            `json:"format,omitempty"`
	Pattern              string            `json:"pattern,omitempty"`
	ContentEncoding      string            `json:"contentEncoding,omitempty"`
	MinLength            *int              `json:"minLength,omitempty"`
	MaxLength            *int              `json:"maxLength,omitempty"`
	Minimum              json.RawMessage   `json:"minimum,omitempty"`
	ExclusiveMinimum     json.RawMessage   `json:"exclusiveMinimum,omitempty"`
	Maximum              json.RawMessage   `json:"maximum,omitempty"`
	ExclusiveMaximum     json.RawMessage   `json:"exclusiveMaximum,omitempty"`
	MultipleOf           json.RawMessage   `json:"multipleOf,omitempty"`
	Items                *document         `json:"items,omitempty"`
	MinItems             *int              `json:"minItems,omitempty"`
	MaxItems             *int              `json:"maxItems,omitempty"`
	UniqueItems          bool              `json:"uniqueItems,omitempty"`
	Discriminator        string            `json:"discriminator,omitempty"`
	Properties           properties        `json:"properties,omitempty"`
	Required             []string          `json:"required,omitempty"`
	Extension            *extension        `json:"x-chanx,omitempty"`
	PropertyNames        *document         `json:"propertyNames,omitempty"`
	AdditionalProperties any               `json:"additionalProperties,omitempty"` // a *document, or false
	MinProperties        *int              `json:"minProperties,omitempty"`
	MaxProperties        *int              `json:"maxProperties,omitempty"`
	OneOf                []*document       `json:"oneOf,omitempty"`
	AnyOf                []*document       `json:"anyOf,omitempty"`
	Default              json.RawMessage   `json:"default,omitempty"`
	Examples             []json.RawMessage `json:"examples,omitempty"`
	Definitions          *Definitions      `json:"definitions,omitempty"`
}

// extension holds what JSON Schema has no keyword for.
type extension struct {
	Always   []string          `json:"always,omitempty"`   // members that are always encoded although they may be absent when decoding
	EnumDocs map[string]string `json:"enumDocs,omitempty"` // the comments of constants, by value
}

// properties are the members of an object, in order.
type properties []property

type property struct {
	name string
	*document
}

// MarshalJSON keeps the order of the members.
func (p properties) MarshalJSON() ([]byte, error) {
	b := []byte{'{'}
	for i, m := range p {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(appendText(b, m.name), ':')
		b = append(b, marshal(m.document)...)
	}
	return append(b, '}'), nil
}

// marshal encodes values of this package, which cannot fail, without HTML escapes.
func marshal(v any) json.RawMessage {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic("schema: encode JSON Schema: " + err.Error())
	}
	return bytes.TrimSuffix(b.Bytes(), []byte{'\n'})
}

// annotatable returns a schema to which keywords can be added: keywords beside $ref are ignored (draft-07 core, section
// 8.3).
func annotatable(s *document) *document {
	if s.Ref != nil {
		return &document{AllOf: []*document{s}}
	}
	return s
}

// nullable returns a schema that also allows null.
func nullable(s *document) *document {
	name, single := s.Type.(string)
	switch {
	case single && s.Const == nil && s.OneOf == nil:
		s.Type = []string{name, "null"}
		if s.Enum != nil {
			s.Enum = append(s.Enum, json.RawMessage("null"))
		}
	case s.Ref != nil || single:
		return &document{AnyOf: []*document{s, {Type: "null"}}}
	}
	return s // it allows null already: {}, or a pointer to a pointer
}
