package schema

import (
	"fmt"
	"unicode/utf8"
)

// Limits bounds decoding. In each field zero means the default, and a negative value removes the limit.
type Limits struct {
	MaxDepth  int // nesting of arrays and objects; default 32; negative means 10,000
	MaxErrors int // items of a ValidationError; default 20
}

const (
	defaultDepth  = 32
	hardDepth     = 10_000 // because the stack of a goroutine is limited
	defaultErrors = 20
)

// SyntaxError reports a text that is not JSON according to RFC 8259 and RFC 7493 (valid UTF-8, no duplicate names), or
// one that nests too deep.
type SyntaxError struct {
	What   string
	Offset int // in bytes, from 0
}

// Error returns a text such as "unexpected end of input at byte 17".
func (e *SyntaxError) Error() string { return fmt.Sprintf("%s at byte %d", e.What, e.Offset) }

// Decoder reads one JSON text and collects the mistakes in its values. Call Reset before each text. A Decoder may be
// reused, but not concurrently.
type Decoder struct {
	data   []byte
	pos    int
	depth  int
	max    int // of depth
	naming Naming
	nested int // depth of defaults inside defaults
	findings
	tmp    []byte  // the last unescaped string
	walk   nameSet // member names of BeginObject's object
	first  bool    // none of its members has been read
	broken bool    // the text is not valid UTF-8
}

// Reset starts a new text. The caller must not change data while the decoder reads it.
func (d *Decoder) Reset(data []byte, l Limits) {
	d.data, d.pos, d.depth, d.max = data, 0, 0, l.MaxDepth
	switch {
	case d.max == 0:
		d.max = defaultDepth
	case d.max < 0 || d.max > hardDepth:
		d.max = hardDepth
	}
	d.findings.reset(l.MaxErrors)
	d.broken = !utf8.Valid(data)
}

func (d *Decoder) bad(format string, args ...any) error {
	if d.pos >= len(d.data) {
		return &SyntaxError{"unexpected end of input", len(d.data)}
	}
	return &SyntaxError{fmt.Sprintf(format, args...), d.pos}
}

// unexpected reports the byte at the cursor.
func (d *Decoder) unexpected(want string) error {
	if d.pos < len(d.data) {
		r, _ := utf8.DecodeRune(d.data[d.pos:])
		return d.bad("unexpected %q, want %s", r, want)
	}
	return d.bad("")
}

// Kind returns the first byte of the next value: one of { [ " t f n, or 0 for a number. Any other byte does not begin a
// value; 0xFF means the end of the text.
func (d *Decoder) Kind() byte {
	switch c := d.peek(); {
	case d.pos >= len(d.data):
		return 0xFF
	case c == '-' || isDigit(c):
		return '0'
	default:
		return c
	}
}

// peek skips white space and returns the next byte, or 0 at the end.
func (d *Decoder) peek() byte {
	for d.pos < len(d.data) {
		switch c := d.data[d.pos]; c {
		case ' ', '\t', '\r', '\n':
			d.pos++
		default:
			return c
		}
	}
	return 0
}

// BeginObject goes to the start of the text and enters the object there, even if the object has been read before. If
// the text is not an object, ok is false and nothing is read.
func (d *Decoder) BeginObject() (ok bool, err error) {
	d.pos, d.depth = 0, 0
	if d.broken {
		return false, d.invalidUTF8()
	}
	if d.peek() != '{' {
		if d.pos >= len(d.data) {
			return false, d.bad("")
		}
		return false, nil
	}
	if err := d.enter(); err != nil {
		return false, err
	}
	d.walk.reset()
	d.first = true
	return true, nil
}

func (d *Decoder) invalidUTF8() error {
	for i := 0; i < len(d.data); {
		if d.data[i] < utf8.RuneSelf {
			i++
			continue
		}
		r, n := utf8.DecodeRune(d.data[i:])
		if r == utf8.RuneError && n == 1 {
			return &SyntaxError{"invalid UTF-8", i}
		}
		i += n
	}
	return nil
}

// NextMember moves to the value of the next member of BeginObject's object. The name is valid until the next call of a
// method. ok is false after the last member.
func (d *Decoder) NextMember() (name []byte, ok bool, err error) {
	more, err := d.more('}', d.first)
	if err != nil || !more {
		return nil, false, err
	}
	d.first = false
	at := d.pos
	if name, err = d.name(); err != nil {
		return nil, false, err
	}
	if d.walk.add(name) {
		return nil, false, duplicate(name, at)
	}
	return name, true, nil
}

func duplicate(name []byte, at int) error {
	return &SyntaxError{fmt.Sprintf("duplicate member %q", cutText(string(name[:min(len(name), maxText*utf8.UTFMax)]))), at}
}

// End returns an error if anything but white space follows the value.
func (d *Decoder) End() error {
	if d.peek(); d.pos < len(d.data) {
		return d.unexpected("the end")
	}
	return nil
}

// Raw skips the next value and returns its text.
func (d *Decoder) Raw() ([]byte, error) {
	d.peek()
	start := d.pos
	err := d.Skip()
	return d.data[start:d.pos], err
}

// String reads the next value, which must be a string. The result is valid until the next call of a method.
func (d *Decoder) String() ([]byte, error) {
	if d.peek() != '"' {
		return nil, d.unexpected("a string")
	}
	return d.text()
}
