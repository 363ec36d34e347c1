package schema

import (
	"cmp"
	"math"
	"math/big"
	"unicode/utf8"
)

// checkString reports whether s passes. It adds an item for the first constraint that fails.
func (r *rules) checkString(d *Decoder, s string) bool {
	if r.enum != nil {
		if _, ok := r.enum.set[s]; !ok {
			d.fail("literal_error", r.enum.text)
			return false
		}
	}
	if !r.checkLength(d, s) {
		return false
	}
	if r.pattern != nil && !r.pattern.MatchString(s) {
		d.fail("string_pattern_mismatch", r.patternText)
		return false
	}
	if r.format != nil {
		if problem := r.format.check(s); problem != "" {
			d.failBecause(r.format.item, r.format.text, problem)
			return false
		}
	}
	return true
}

// checkLength counts code points only if the number of bytes does not decide.
func (r *rules) checkLength(d *Decoder, s string) bool {
	least, most := r.minLength, r.maxLength
	if (least == nil || len(s)/utf8.UTFMax >= *least) && (most == nil || len(s) <= *most) {
		return true
	}
	n := utf8.RuneCountInString(s)
	switch {
	case least != nil && n < *least:
		d.fail("string_too_short", r.shortText)
		return false
	case most != nil && n > *most:
		d.fail("string_too_long", r.longText)
		return false
	}
	return true
}

func (r *rules) checkInt(d *Decoder, x int64) bool {
	for i := range r.bounds {
		b := &r.bounds[i]
		ok := false
		if b.isWhole {
			ok = b.allows(cmp.Compare(x, b.whole), b.whole != 0 && x%b.whole == 0)
		} else {
			ok = b.allowsExactly(new(big.Rat).SetInt64(x))
		}
		if !ok {
			d.fail(b.item, b.text)
			return false
		}
	}
	return true
}

func (r *rules) checkUint(d *Decoder, x uint64) bool {
	if x <= math.MaxInt64 {
		return r.checkInt(d, int64(x))
	}
	for i := range r.bounds {
		if b := &r.bounds[i]; !b.allowsExactly(new(big.Rat).SetUint64(x)) {
			d.fail(b.item, b.text)
			return false
		}
	}
	return true
}

// allowsExactly compares x with a bound when one of them does not fit an int64.
func (b *bound) allowsExactly(x *big.Rat) bool {
	multiple := b.exact.Sign() != 0 && new(big.Rat).Quo(x, b.exact).IsInt()
	return b.allows(x.Cmp(b.exact), multiple)
}

func (r *rules) checkFloat(d *Decoder, x float64) bool {
	for i := range r.bounds {
		b := &r.bounds[i]
		if !b.allows(cmp.Compare(x, b.float), isMultiple(x, b.float)) {
			d.fail(b.item, b.text)
			return false
		}
	}
	return true
}

// isMultiple is exact for whole numbers. For others it tolerates a relative error of 1e-15, because decimal fractions
// are rounded.
func isMultiple(x, of float64) bool {
	if of == 0 {
		return false
	}
	if x == math.Trunc(x) && of == math.Trunc(of) {
		return math.Mod(x, of) == 0
	}
	q := x / of
	return math.Abs(q-math.Round(q)) <= 1e-15*math.Max(1, math.Abs(q))
}
