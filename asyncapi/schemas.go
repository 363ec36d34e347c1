package asyncapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

const schemaPrefix = "#/components/schemas/"

// schemas are the named schemas of a Spec, in order. Those that no message needs, such as the schemas of events, are not
// in the document: clients never see these types.
type schemas struct {
	all    []*namedSchema
	byName map[string]*namedSchema
}

type namedSchema struct {
	name string
	raw  jsontext.Value
	used bool
}

func parseSchemas(object []byte) (s schemas, err error) {
	s.byName = map[string]*namedSchema{}
	if len(object) == 0 {
		return s, nil
	}
	dec := jsontext.NewDecoder(bytes.NewReader(object))
	if dec.PeekKind() != '{' {
		return s, errors.New("read schemas: they are not a JSON object: give Document a whole Spec")
	}
	if _, err := dec.ReadToken(); err != nil {
		return s, fmt.Errorf("read schemas: %w", err)
	}
	for dec.PeekKind() == '"' {
		name, err := dec.ReadToken()
		if err != nil {
			return s, fmt.Errorf("read schemas: %w", err)
		}
		n := &namedSchema{name: name.String()}
		value, err := dec.ReadValue()
		if err != nil {
			return s, fmt.Errorf("read schemas: %w", err)
		}
		n.raw = value.Clone()
		s.all = append(s.all, n)
		s.byName[n.name] = n
	}
	if _, err := dec.ReadToken(); err != nil {
		return s, fmt.Errorf("read schemas: %w", err)
	}
	return s, nil
}

func (s schemas) used() []*namedSchema {
	return slices.DeleteFunc(slices.Clone(s.all), func(n *namedSchema) bool { return !n.used })
}

// keywords are the parts of a JSON Schema that lead to other schemas, and those that must be checked.
type keywords struct {
	Ref                  string                     `json:"$ref"`
	Pattern              string                     `json:"pattern"`
	Properties           map[string]json.RawMessage `json:"properties"`
	Items                json.RawMessage            `json:"items"`
	AdditionalProperties json.RawMessage            `json:"additionalProperties"`
	PropertyNames        json.RawMessage            `json:"propertyNames"`
	AllOf                []json.RawMessage          `json:"allOf"`
	AnyOf                []json.RawMessage          `json:"anyOf"`
	OneOf                []json.RawMessage          `json:"oneOf"`
}

// findSchemas marks the schemas that the messages need. It returns an error for the first place that a document cannot
// express.
func (d *document) findSchemas() error {
	for _, c := range d.channels {
		for _, m := range c.messages() {
			if err := d.schemas.find(m.Payload, "payload"); err != nil {
				return fmt.Errorf("message %q (%s) of %s: %w", m.Action, m.GoType, c.Name, err)
			}
			for _, f := range m.Frame {
				if err := d.schemas.find(f.Schema, f.Name); err != nil {
					return fmt.Errorf("message %q (%s) of %s: %w", m.Action, m.GoType, c.Name, err)
				}
			}
		}
		for _, p := range c.Parameters {
			if err := d.schemas.find(p.Schema, p.Name); err != nil {
				return fmt.Errorf("parameter of %s: %w", c.Name, err)
			}
		}
		if err := d.schemas.find(c.Presence, "card"); err != nil {
			return fmt.Errorf("presence of %s: %w", c.Name, err)
		}
	}
	return nil
}

// find follows a schema. path is where its value is in a frame, for errors.
func (s schemas) find(raw json.RawMessage, path string) error {
	if len(raw) == 0 || raw[0] != '{' { // true and false are schemas too
		return nil
	}
	var k keywords
	if err := json.Unmarshal(raw, &k); err != nil {
		return fmt.Errorf("%s: read schema: %w", path, err)
	}
	if k.Ref != "" {
		n := s.byName[strings.TrimPrefix(k.Ref, schemaPrefix)]
		if n == nil {
			return fmt.Errorf("%s: no schema %q: give Document a whole Spec", path, k.Ref)
		}
		if n.used {
			return nil
		}
		n.used = true
		return s.find(json.RawMessage(n.raw), path)
	}
	if what, fix := unportable(k.Pattern); what != "" {
		return fmt.Errorf("%s: pattern %s: JSON Schema has the patterns of ECMA-262, and %s: %s", path, strconv.Quote(k.Pattern), what, fix)
	}
	return s.findParts(&k, path)
}

func (s schemas) findParts(k *keywords, path string) error {
	for _, name := range slices.Sorted(maps.Keys(k.Properties)) {
		if err := s.find(k.Properties[name], path+"."+name); err != nil {
			return err
		}
	}
	if err := s.find(k.Items, path+"[]"); err != nil {
		return err
	}
	if err := s.find(k.AdditionalProperties, path+"{}"); err != nil {
		return err
	}
	if err := s.find(k.PropertyNames, path+"{}"); err != nil {
		return err
	}
	for _, part := range slices.Concat(k.AllOf, k.AnyOf, k.OneOf) {
		if err := s.find(part, path); err != nil {
			return err
		}
	}
	return nil
}
