package schema

import (
	"bytes"
	"math"
	"reflect"
	"strconv"
)

// integer reads an integer of any Go type. A number without a fraction is an integer in any notation: 1.0, 1e2.
func (d *Decoder) integer(t *Type, r *rules, v reflect.Value) error {
	if c := d.peek(); c != '-' && !isDigit(c) {
		return d.refuseInteger(t, r)
	}
	text, err := d.number()
	if err != nil {
		return err
	}
	negative, x, item := parseInteger(text)
	switch {
	case item == fractional && refusingEnum(t, r) != nil:
		d.fail("literal_error", refusingEnum(t, r).text)
	case item != nil:
		d.fail(item.typ, item.msg)
	case t.kind == kindInt:
		d.setInt(t, r, v, negative, x)
	default:
		d.setUint(t, r, v, negative, x)
	}
	return nil
}

func (d *Decoder) refuseInteger(t *Type, r *rules) error {
	if e := refusingEnum(t, r); e != nil {
		return d.refuse("literal_error", e.text)
	}
	return d.refuse("int_type", "Input should be a valid integer")
}

func (d *Decoder) setInt(t *Type, r *rules, v reflect.Value, negative bool, x uint64) {
	n := int64(x)
	if negative {
		n = -n
	}
	if n != 0 && negative != (n < 0) || v.OverflowInt(n) {
		d.fail(tooLarge.typ, tooLarge.msg)
		return
	}
	if d.allowsInt(t, r, n) {
		v.SetInt(n)
	}
}

func (d *Decoder) setUint(t *Type, r *rules, v reflect.Value, negative bool, x uint64) {
	if negative && x != 0 || v.OverflowUint(x) {
		d.fail(tooLarge.typ, tooLarge.msg)
		return
	}
	if d.allowsUint(t, r, x) {
		v.SetUint(x)
	}
}

// numberItem is the item for a number that is not an integer or does not fit.
type numberItem struct{ typ, msg string }

var (
	fractional = &numberItem{"int_from_float", "Input should be a valid integer, got a number with a fractional part"}
	tooLarge   = &numberItem{"int_parsing_size", "Unable to parse input string as an integer, exceeded maximum size"}
	notFinite  = &numberItem{"finite_number", "Input should be a finite number"}
)

// parseInteger splits a JSON number into sign and absolute value.
func parseInteger(text []byte) (negative bool, x uint64, item *numberItem) {
	digits := text
	if text[0] == '-' {
		negative, digits = true, text[1:]
	}
	if len(digits) > 19 {
		return parseDecimal(text)
	}
	for _, c := range digits {
		if !isDigit(c) {
			return parseDecimal(text)
		}
		x = x*10 + uint64(c-'0') // 19 digits fit
	}
	return negative, x, nil
}

// parseDecimal reads a number with a fraction, an exponent or many digits. It never expands a large power of 10.
func parseDecimal(text []byte) (negative bool, x uint64, item *numberItem) {
	n := splitNumber(text)
	switch {
	case len(n.digits) == 0:
		return n.negative, 0, nil
	case n.point < len(n.digits):
		return n.negative, 0, fractional
	case n.point > 20:
		return n.negative, 0, beyond(text)
	}
	for len(n.digits) < n.point {
		n.digits = append(n.digits, '0')
	}
	x, err := strconv.ParseUint(string(n.digits), 10, 64)
	if err != nil {
		return n.negative, 0, tooLarge
	}
	return n.negative, x, nil
}

// decimal is the number 0.digits × 10^point. Digits neither begin nor end with 0; zero has no digits.
type decimal struct {
	negative bool
	digits   []byte
	point    int
}

func splitNumber(text []byte) (n decimal) {
	text, n.negative = bytes.CutPrefix(text, []byte("-"))
	if e := bytes.IndexAny(text, "eE"); e >= 0 {
		n.point = saturate(text[e+1:])
		text = text[:e]
	}
	whole, fraction, _ := bytes.Cut(text, []byte("."))
	n.point += len(whole)
	all := append(append(make([]byte, 0, len(text)), whole...), fraction...)
	n.digits = bytes.TrimLeft(all, "0")
	n.point -= len(all) - len(n.digits)
	n.digits = bytes.TrimRight(n.digits, "0")
	return n
}

// beyond returns the item for a number that is too large: notFinite if its fraction or exponent makes it exceed
// float64, else tooLarge.
func beyond(text []byte) *numberItem {
	if bytes.ContainsAny(text, ".eE") {
		if x, _ := strconv.ParseFloat(string(text), 64); math.IsInf(x, 0) {
			return notFinite
		}
	}
	return tooLarge
}

// saturate reads an exponent and limits it, so that later arithmetic cannot overflow.
func saturate(text []byte) int {
	const limit = 1 << 24
	x, err := strconv.Atoi(string(text))
	switch {
	case err != nil && text[0] == '-':
		return -limit
	case err != nil:
		return limit
	}
	return max(-limit, min(limit, x))
}
