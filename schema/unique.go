package schema

import (
	"bytes"
	"slices"
	"strconv"
)

// valueSet finds equal JSON values: it compares numbers by value and ignores the order of members.
type valueSet struct {
	seen  map[string]struct{}
	twice bool
}

// add adds the JSON text of one value.
func (s *valueSet) add(text []byte) error {
	if s.twice {
		return nil
	}
	d := Decoder{data: text, max: hardDepth}
	key, err := d.appendCanonical(nil)
	if err != nil {
		return err
	}
	if s.seen == nil {
		s.seen = map[string]struct{}{}
	}
	_, s.twice = s.seen[string(key)]
	s.seen[string(key)] = struct{}{}
	return nil
}

// appendCanonical reads the value at the cursor and writes it so that equal values have equal texts.
func (d *Decoder) appendCanonical(b []byte) ([]byte, error) {
	switch c := d.peek(); {
	case c == '{':
		return d.canonicalObject(b)
	case c == '[':
		return d.canonicalArray(b)
	case c == '"':
		s, err := d.text()
		return appendText(b, string(s)), err
	case c == '-' || isDigit(c):
		n, err := d.number()
		if err != nil {
			return b, err
		}
		return appendCanonicalNumber(b, n), nil
	}
	raw, err := d.Raw()
	return append(b, raw...), err
}

func (d *Decoder) canonicalArray(b []byte) ([]byte, error) {
	if err := d.enter(); err != nil {
		return b, err
	}
	b = append(b, '[')
	for first := true; ; first = false {
		if more, err := d.more(']', first); err != nil || !more {
			return append(b, ']'), err
		}
		var err error
		if b, err = d.appendCanonical(b); err != nil {
			return b, err
		}
		b = append(b, ',')
	}
}

func (d *Decoder) canonicalObject(b []byte) ([]byte, error) {
	if err := d.enter(); err != nil {
		return b, err
	}
	var all [][]byte
	for first := true; ; first = false {
		if more, err := d.more('}', first); err != nil {
			return b, err
		} else if !more {
			break
		}
		name, err := d.name()
		if err != nil {
			return b, err
		}
		member, err := d.appendCanonical(append(appendText(nil, string(name)), ':'))
		if err != nil {
			return b, err
		}
		all = append(all, member)
	}
	slices.SortFunc(all, bytes.Compare)
	return append(append(append(b, '{'), bytes.Join(all, []byte(","))...), '}'), nil
}

// appendCanonicalNumber writes the significant digits of a number and its exponent.
func appendCanonicalNumber(b, text []byte) []byte {
	n := splitNumber(text)
	if len(n.digits) == 0 {
		return append(b, '0')
	}
	if n.negative {
		b = append(b, '-')
	}
	return strconv.AppendInt(append(append(b, n.digits...), 'e'), int64(n.point), 10)
}
