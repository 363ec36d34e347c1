package asyncapi

import (
	"bytes"
	"fmt"

	"github.com/go-json-experiment/json/jsontext"
	"go.yaml.in/yaml/v3"
)

// YAML converts a document to YAML 1.2. Its members keep their order.
func YAML(document []byte) ([]byte, error) {
	dec := jsontext.NewDecoder(bytes.NewReader(document))
	root, err := yamlNode(dec)
	if err != nil {
		return nil, fmt.Errorf("asyncapi: convert to YAML: %w", err)
	}
	var b bytes.Buffer
	enc := yaml.NewEncoder(&b)
	enc.SetIndent(2)
	if err := enc.Encode(root); err != nil {
		return nil, fmt.Errorf("asyncapi: convert to YAML: %w", err)
	}
	return b.Bytes(), enc.Close()
}

// yamlNode reads one JSON value. The encoder quotes a text that would be read as another type.
func yamlNode(dec *jsontext.Decoder) (*yaml.Node, error) {
	t, err := dec.ReadToken()
	if err != nil {
		return nil, err
	}
	switch t.Kind() {
	case '{':
		return yamlParts(dec, &yaml.Node{Kind: yaml.MappingNode})
	case '[':
		return yamlParts(dec, &yaml.Node{Kind: yaml.SequenceNode})
	case '"':
		n := &yaml.Node{}
		n.SetString(t.String())
		return n, nil
	}
	return &yaml.Node{Kind: yaml.ScalarNode, Value: t.String()}, nil // the same in both
}

func yamlParts(dec *jsontext.Decoder, n *yaml.Node) (*yaml.Node, error) {
	for dec.PeekKind() != '}' && dec.PeekKind() != ']' {
		part, err := yamlNode(dec)
		if err != nil {
			return nil, err
		}
		n.Content = append(n.Content, part)
	}
	if len(n.Content) == 0 {
		n.Style = yaml.FlowStyle
	}
	_, err := dec.ReadToken()
	return n, err
}
