package clientgen

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// Limits of a document. Those of package asyncapi are far below.
const (
	maxBytes  = 10 << 20
	maxValues = 1 << 20
	maxDepth  = 128 // of arrays and objects
)

// value is a JSON value with its place in the document. Objects keep the order of their members.
type value struct {
	kind   jsontext.Kind
	text   string // of a string its value, of a number its digits
	items  []*value
	index  map[string]*value // members of an object
	parent *value
	name   string // within parent
}

// parse reads a whole document. Names that occur twice in an object, and texts that are not valid UTF-8, are errors.
func parse(document []byte) (*value, error) {
	if len(document) > maxBytes {
		return nil, fmt.Errorf("it has %d bytes: at most %d are read", len(document), maxBytes)
	}
	p := parser{dec: jsontext.NewDecoder(bytes.NewReader(document))}
	root, err := p.value(nil, "", 0)
	if err != nil {
		return nil, err
	}
	if _, err := p.dec.ReadToken(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows the JSON value: give one document")
	}
	if root.kind != '{' {
		return nil, errors.New("it is not a JSON object: give a document of package asyncapi")
	}
	return root, nil
}

type parser struct {
	dec    *jsontext.Decoder
	values int
}

func (p *parser) value(parent *value, name string, depth int) (*value, error) {
	if p.values++; p.values > maxValues {
		return nil, fmt.Errorf("it has more than %d values", maxValues)
	}
	if depth > maxDepth {
		return nil, fmt.Errorf("it nests more than %d values", maxDepth)
	}
	token, err := p.dec.ReadToken()
	if errors.Is(err, io.EOF) {
		return nil, errors.New("it is empty or ends too early")
	}
	if err != nil {
		return nil, fmt.Errorf("it is not JSON: %w", err)
	}
	v := &value{kind: token.Kind(), parent: parent, name: name}
	switch v.kind {
	case '{':
		err = p.members(v, depth)
	case '[':
		err = p.elements(v, depth)
	case '"', '0':
		v.text = token.String()
	}
	return v, err
}

func (p *parser) members(v *value, depth int) error {
	v.index = map[string]*value{}
	for p.dec.PeekKind() == '"' {
		name, err := p.dec.ReadToken()
		if err != nil {
			return fmt.Errorf("it is not JSON: %w", err)
		}
		key := name.String()
		member, err := p.value(v, key, depth+1)
		if err != nil {
			return err
		}
		v.items = append(v.items, member)
		v.index[key] = member
	}
	return p.end()
}

func (p *parser) elements(v *value, depth int) error {
	for p.dec.PeekKind() != ']' {
		item, err := p.value(v, fmt.Sprint(len(v.items)), depth+1)
		if err != nil {
			return err
		}
		v.items = append(v.items, item)
	}
	return p.end()
}

func (p *parser) end() error {
	if _, err := p.dec.ReadToken(); err != nil {
		return fmt.Errorf("it is not JSON: %w", err)
	}
	return nil
}

// get returns a member, or nil. v may be nil, and of any kind.
func (v *value) get(names ...string) *value {
	for _, name := range names {
		if v == nil {
			return nil
		}
		v = v.index[name]
	}
	return v
}

// path is the place of v, for errors.
func (v *value) path() string {
	var names []string
	for ; v != nil && v.parent != nil; v = v.parent {
		names = append(names, v.name)
	}
	if len(names) == 0 {
		return "document"
	}
	var b strings.Builder
	for i := len(names) - 1; i >= 0; i-- {
		b.WriteString(names[i])
		if i > 0 {
			b.WriteByte('.')
		}
	}
	return b.String()
}
