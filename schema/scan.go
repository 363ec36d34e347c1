package schema

import (
	"encoding/binary"
	"math/bits"
	"slices"

	"github.com/go-json-experiment/json/jsontext"
)

func isDigit(c byte) bool { return c-'0' <= 9 }

// plain are the bytes that stand for themselves in a string. UTF-8 is checked elsewhere.
var plain = func() (t [256]bool) {
	for i := 0x20; i < len(t); i++ {
		t[i] = i != '"' && i != '\\'
	}
	return t
}()

// Strings are scanned eight bytes at a time: see breaks.
const (
	ones  = 0x0101010101010101
	highs = 0x80 * ones
)

// breaks finds the first of eight bytes that ends a string or needs special handling: '"', '\\' and control characters.
// It sets the high bit of that byte; the bits above it are undefined.
func breaks(x uint64) uint64 {
	quote, backslash := x^'"'*ones, x^'\\'*ones
	return ((quote-ones)&^quote | (backslash-ones)&^backslash | (x-0x20*ones)&^x) & highs
}

// plainTo skips plain bytes of data from i on and returns where it stopped. It may stop up to seven bytes before the
// end of data.
func plainTo(data []byte, i int) int {
	for ; i+8 <= len(data); i += 8 {
		if hit := breaks(binary.LittleEndian.Uint64(data[i:])); hit != 0 {
			return i + bits.TrailingZeros64(hit)/8
		}
	}
	return i
}

// enter moves into the array or object at the cursor.
func (d *Decoder) enter() error {
	if d.depth >= d.max {
		return d.bad("nested deeper than %d levels", d.max)
	}
	d.depth++
	d.pos++
	return nil
}

// more moves to the next element of an array or object, or behind its end.
func (d *Decoder) more(end byte, first bool) (bool, error) {
	c := d.peek()
	switch {
	case c == end && d.pos < len(d.data):
		d.pos++
		d.depth--
		return false, nil
	case first:
		return true, nil
	case c != ',':
		return false, d.unexpected("',' or '" + string(end) + "'")
	}
	d.pos++
	if d.peek() == end {
		if end == '}' {
			return false, d.unexpected("a member name after ','")
		}
		return false, d.unexpected("a value after ','")
	}
	return true, nil
}

// name reads a member's name and the colon. The result is valid as long as the text.
func (d *Decoder) name() ([]byte, error) {
	if d.peek() != '"' {
		return nil, d.unexpected("a member name")
	}
	start := d.pos
	name, err := d.text()
	if err != nil {
		return nil, err
	}
	if len(name) != d.pos-start-2 { // it has escapes, and text returned d.tmp
		name = slices.Clone(name)
	}
	if d.peek() != ':' {
		return nil, d.unexpected("':'")
	}
	d.pos++
	return name, nil
}

// text reads the string at the cursor. The result refers to the input or, if there were escapes, to d.tmp.
func (d *Decoder) text() ([]byte, error) {
	start := d.pos
	escaped, err := d.passString()
	if err != nil {
		return nil, err
	}
	if !escaped {
		return d.data[start+1 : d.pos-1], nil
	}
	if d.tmp, err = jsontext.AppendUnquote(d.tmp[:0], d.data[start:d.pos]); err != nil {
		return nil, &SyntaxError{"invalid escape in string", start}
	}
	return d.tmp, nil
}

// passString moves the cursor behind the string at it.
func (d *Decoder) passString() (escaped bool, err error) {
	i, data := d.pos+1, d.data
	for {
		for i = plainTo(data, i); i < len(data) && plain[data[i]]; i++ {
		}
		if i >= len(data) {
			d.pos = len(data)
			return false, d.bad("")
		}
		switch data[i] {
		case '"':
			d.pos = i + 1
			return escaped, nil
		case '\\':
			escaped = true
			if i, err = d.escape(i); err != nil {
				return false, err
			}
		default:
			d.pos = i
			return false, d.bad("control character %U in string", data[i])
		}
	}
}

// escape checks the escape at i and returns the index behind it. Surrogates must come in pairs.
func (d *Decoder) escape(i int) (int, error) {
	d.pos = i
	if i+1 >= len(d.data) {
		d.pos = len(d.data)
		return 0, d.bad("")
	}
	switch d.data[i+1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return i + 2, nil
	case 'u':
	default:
		return 0, d.bad("invalid escape in string")
	}
	r, ok := d.hex(i)
	switch {
	case !ok, r >= 0xDC00 && r <= 0xDFFF:
		return 0, d.bad("invalid escape in string")
	case r >= 0xD800 && r <= 0xDBFF:
		if low, ok := d.hex(i + 6); !ok || low < 0xDC00 || low > 0xDFFF {
			return 0, d.bad("invalid escape in string")
		}
		return i + 12, nil
	}
	return i + 6, nil
}

// hex reads the escape \uXXXX at i.
func (d *Decoder) hex(i int) (r rune, ok bool) {
	if i+6 > len(d.data) || d.data[i] != '\\' || d.data[i+1] != 'u' {
		return 0, false
	}
	for _, c := range d.data[i+2 : i+6] {
		switch {
		case isDigit(c):
			r = r<<4 | rune(c-'0')
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			r = r<<4 | rune(c|0x20-'a'+10)
		default:
			return 0, false
		}
	}
	return r, true
}

func (d *Decoder) digits() bool {
	start := d.pos
	for d.pos < len(d.data) && isDigit(d.data[d.pos]) {
		d.pos++
	}
	return d.pos > start
}

func (d *Decoder) at(c byte) bool { return d.pos < len(d.data) && d.data[d.pos]|0x20 == c|0x20 }

// number reads the number at the cursor (RFC 8259, section 6).
func (d *Decoder) number() ([]byte, error) {
	start := d.pos
	if d.at('-') && d.data[d.pos] == '-' {
		d.pos++
	}
	if d.pos < len(d.data) && d.data[d.pos] == '0' {
		d.pos++
	} else if !d.digits() {
		return nil, d.unexpected("a digit")
	}
	if d.pos < len(d.data) && d.data[d.pos] == '.' {
		d.pos++
		if !d.digits() {
			return nil, d.unexpected("a digit")
		}
	}
	if d.at('e') {
		d.pos++
		if d.pos < len(d.data) && (d.data[d.pos] == '+' || d.data[d.pos] == '-') {
			d.pos++
		}
		if !d.digits() {
			return nil, d.unexpected("a digit")
		}
	}
	return d.data[start:d.pos], nil
}

func (d *Decoder) literal(s string) error {
	for i := range len(s) {
		if d.pos >= len(d.data) || d.data[d.pos] != s[i] {
			return d.unexpected(s)
		}
		d.pos++
	}
	return nil
}

// Skip checks the syntax of the next value and moves behind it.
func (d *Decoder) Skip() error {
	if d.broken {
		return d.invalidUTF8()
	}
	switch c := d.peek(); {
	case c == '"':
		_, err := d.passString()
		return err
	case c == '{':
		return d.skipObject()
	case c == '[':
		return d.skipArray()
	case c == 't':
		return d.literal("true")
	case c == 'f':
		return d.literal("false")
	case c == 'n':
		return d.literal("null")
	case c == '-' || isDigit(c):
		_, err := d.number()
		return err
	}
	return d.unexpected("a value")
}

func (d *Decoder) skipArray() error {
	if err := d.enter(); err != nil {
		return err
	}
	for first := true; ; first = false {
		if more, err := d.more(']', first); err != nil || !more {
			return err
		}
		if err := d.Skip(); err != nil {
			return err
		}
	}
}

func (d *Decoder) skipObject() error {
	if err := d.enter(); err != nil {
		return err
	}
	var names nameSet
	for first := true; ; first = false {
		if more, err := d.more('}', first); err != nil || !more {
			return err
		}
		at := d.pos
		name, err := d.name()
		if err != nil {
			return err
		}
		if names.add(name) {
			return duplicate(name, at)
		}
		if err := d.Skip(); err != nil {
			return err
		}
	}
}
