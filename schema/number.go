package schema

import (
	"fmt"
	"math/big"
	"reflect"
)

// numberText reads a json.Number, which keeps its text: 12.50 stays 12.50 and no digit is lost.
func (d *Decoder) numberText(r *rules, v reflect.Value) error {
	if c := d.peek(); c != '-' && !isDigit(c) {
		return d.refuse("float_type", "Input should be a valid number")
	}
	text, err := d.number()
	if err != nil {
		return err
	}
	if r == nil || r.checkNumberText(d, text) {
		v.SetString(string(text))
	}
	return nil
}

// appendNumberText writes a json.Number. The empty one is written as 0, as by encoding/json.
func appendNumberText(b []byte, text string) ([]byte, error) {
	if text == "" {
		text = "0"
	}
	if !isNumberText(text) {
		return b, fmt.Errorf("%q is not a JSON number", cutText(text))
	}
	return append(b, text...), nil
}

func isNumberText(text string) bool {
	d := Decoder{data: []byte(text)}
	_, err := d.number()
	return err == nil && d.pos == len(text)
}

func (i *checker) number(r *rules, text string) {
	if text == "" {
		text = "0"
	}
	if !isNumberText(text) {
		i.fail("float_type", "Input should be a valid number")
	} else if r != nil {
		r.checkNumberText(&i.Decoder, []byte(text))
	}
}

// checkNumberText compares a number of any length exactly.
func (r *rules) checkNumberText(d *Decoder, text []byte) bool {
	n := splitNumber(text)
	for i := range r.bounds {
		b := &r.bounds[i]
		if b.tag == "multipleOf" && n.isMultiple(b.exact) || b.tag != "multipleOf" && b.allows(n.compare(b.exact), false) {
			continue
		}
		d.fail(b.item, b.text)
		return false
	}
	return true
}

// boundPlaces limits the digits that a comparison needs, so that a long number costs no more than a short one. The text
// of a bound has at most 64 characters and is a float64, so its decimal form has fewer digits than boundPlaces before
// the point, behind it, and between its first and last digit. Digits of a number beyond these only decide if the others
// are equal.
const boundPlaces = 400

func (n decimal) sign() int {
	switch {
	case len(n.digits) == 0:
		return 0
	case n.negative:
		return -1
	}
	return 1
}

// compare returns -1, 0 or 1 if n is less than, equal to or greater than a bound.
func (n decimal) compare(b *big.Rat) int {
	if n.sign() != b.Sign() || n.sign() == 0 {
		return cmpInt(n.sign(), b.Sign())
	}
	switch {
	case n.point > boundPlaces:
		return n.sign()
	case n.point < -boundPlaces:
		return -n.sign()
	}
	x := n
	x.digits = n.digits[:min(len(n.digits), 2*boundPlaces)]
	if c := x.rat().Cmp(b); c != 0 || len(x.digits) == len(n.digits) {
		return c
	}
	return n.sign() // the omitted digits are not all zeros
}

func cmpInt(a, b int) int { return min(1, max(-1, a-b)) }

// rat converts a number of few digits.
func (n decimal) rat() *big.Rat {
	x, _ := new(big.Int).SetString(string(n.digits), 10)
	if n.negative {
		x.Neg(x)
	}
	places := len(n.digits) - n.point
	power := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(max(places, -places))), nil)
	if places < 0 {
		return new(big.Rat).SetInt(x.Mul(x, power))
	}
	return new(big.Rat).SetFrac(x, power)
}

// isMultiple reports whether n is a whole multiple of a positive number. It never expands the power of ten of a large
// exponent.
func (n decimal) isMultiple(of *big.Rat) bool {
	if len(n.digits) == 0 {
		return true
	}
	places := len(n.digits) - n.point
	if places > 2*boundPlaces {
		return false // n has more decimal places than any multiple
	}
	ten := big.NewInt(10)
	modulus := new(big.Int).Set(of.Num())
	if places > 0 {
		modulus.Mul(modulus, new(big.Int).Exp(ten, big.NewInt(int64(places)), nil))
	}
	x, _ := new(big.Int).SetString(string(n.digits), 10)
	x.Mod(x, modulus)
	if places < 0 {
		x.Mul(x, new(big.Int).Exp(ten, big.NewInt(int64(-places)), modulus))
	}
	return x.Mod(x.Mul(x, of.Denom()), modulus).Sign() == 0
}
