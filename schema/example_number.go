package schema

import (
	"encoding/json"
	"math/big"
	"slices"
	"strconv"
)

// sampleNumber returns 1 if that is allowed, else a number at or near a bound.
func sampleNumber(t *Type, r *rules, choice int) json.RawMessage {
	if values := enumOfPlace(t, r); len(values) > 0 {
		return values[choice%len(values)]
	}
	step := big.NewRat(1, 1)
	starts := []*big.Rat{big.NewRat(1, 1), big.NewRat(0, 1)}
	for _, b := range r.bounds {
		if b.tag == "multipleOf" {
			step = b.exact
		}
	}
	for _, b := range slices.Backward(r.bounds) { // lower bounds come last
		starts = append(starts, b.exact)
		for _, other := range r.bounds {
			sum := new(big.Rat).Add(b.exact, other.exact)
			starts = append(starts, sum.Mul(sum, big.NewRat(1, 2)))
		}
	}
	for _, start := range starts {
		for _, x := range around(start, step, choice) {
			if text := numberText(t, x); text != nil && r.allow(x) {
				return text
			}
		}
	}
	return json.RawMessage("0")
}

// around lists numbers at and next to a start: the start itself, then multiples of step, beginning with the choice-th.
func around(start, step *big.Rat, choice int) (near []*big.Rat) {
	floor := new(big.Rat).Quo(start, step)
	n := new(big.Int).Div(floor.Num(), floor.Denom()) // Euclidean: rounds down
	if choice == 0 {
		near = append(near, start)
	}
	for _, i := range []int{choice, choice + 1, -choice, -choice - 1} {
		k := new(big.Int).Add(n, big.NewInt(int64(i)))
		near = append(near, new(big.Rat).Mul(new(big.Rat).SetInt(k), step))
	}
	return near
}

// numberText writes a number as its Go type holds it; it returns nil if the type cannot hold it.
func numberText(t *Type, x *big.Rat) json.RawMessage {
	if t.kind == kindFloat {
		f, _ := x.Float64()
		return strconv.AppendFloat(nil, f, 'f', -1, 64)
	}
	if t.kind == kindNumber {
		digits, _ := x.FloatPrec()
		return json.RawMessage(x.FloatString(digits))
	}
	if text := x.Num().String(); x.IsInt() && isIntegerOf(t.goType, text) {
		return json.RawMessage(text)
	}
	return nil
}

// allow compares x exactly with all bounds.
func (r *rules) allow(x *big.Rat) bool {
	return !slices.ContainsFunc(r.bounds, func(b bound) bool {
		multiple := b.tag == "multipleOf" && new(big.Rat).Quo(x, b.exact).IsInt()
		return !b.allows(x.Cmp(b.exact), multiple)
	})
}
