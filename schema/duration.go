package schema

import (
	"math"
	"math/bits"
	"strconv"
	"strings"
	"time"
)

// durationUnits are the units of ISO 8601 with a fixed length, in order: those before T and those after it.
var durationUnits = [2][]struct {
	letter byte
	length time.Duration
}{
	{{'W', 7 * 24 * time.Hour}, {'D', 24 * time.Hour}},
	{{'H', time.Hour}, {'M', time.Minute}, {'S', time.Second}},
}

// durationPattern matches what parseDuration accepts, except that it does not limit the length. JSON Schema's format
// "duration" allows neither a sign nor a fraction.
var durationPattern = func() string {
	some := func(units string) string { // one or more of them, in this order
		var all []string
		for i := range units {
			var part strings.Builder
			part.WriteString(`[0-9]+(\.[0-9]+)?` + units[i:i+1])
			for _, later := range units[i+1:] {
				part.WriteString(`([0-9]+(\.[0-9]+)?` + string(later) + `)?`)
			}
			all = append(all, part.String())
		}
		return "(" + strings.Join(all, "|") + ")"
	}
	return "^-?P(" + some("WD") + "(T" + some("HMS") + ")?|T" + some("HMS") + ")$"
}()

// parseDuration reads an ISO 8601 duration such as P1DT2H3.5S. problem is "" on success. Years and months are refused,
// because they have no fixed length. Each number may have a fraction, which is rounded to nanoseconds.
func parseDuration(s string) (_ time.Duration, problem string) {
	rest, negative := strings.CutPrefix(s, "-")
	rest, ok := strings.CutPrefix(rest, "P")
	if !ok {
		return 0, "it must begin with P"
	}
	date, clock, hasClock := strings.Cut(rest, "T")
	if date == "" && clock == "" || hasClock && clock == "" {
		return 0, "it has no part with a number"
	}
	most := uint64(math.MaxInt64)
	if negative {
		most++
	}
	total := uint64(0)
	for i, part := range []string{date, clock} {
		units := durationUnits[i]
		for part != "" {
			n := strings.IndexFunc(part, func(r rune) bool { return r != '.' && (r < '0' || r > '9') })
			if n <= 0 {
				return 0, "each number must be followed by its unit"
			}
			for len(units) > 0 && units[0].letter != part[n] {
				units = units[1:]
			}
			if len(units) == 0 {
				return 0, "its units must be W, D, then T and H, M, S, in this order"
			}
			x, problem := timesUnit(part[:n], uint64(units[0].length))
			if problem != "" {
				return 0, problem
			}
			if x > most || total > most-x {
				return 0, "it is too long"
			}
			total += x
			part, units = part[n+1:], units[1:]
		}
	}
	if negative {
		return time.Duration(-total), ""
	}
	return time.Duration(total), ""
}

// timesUnit multiplies a decimal number by the length of a unit. The product is exact up to rounding to nanoseconds.
func timesUnit(number string, unit uint64) (nanoseconds uint64, problem string) {
	whole, fraction, point := strings.Cut(number, ".")
	if whole == "" || point && fraction == "" || strings.Contains(fraction, ".") {
		return 0, "it has a number that cannot be read"
	}
	const digits = 18 // further digits change even a number of weeks by less than a nanosecond
	fraction = strings.TrimRight(fraction[:min(len(fraction), digits)], "0")
	x, err := strconv.ParseUint(whole, 10, 64)
	beyond, product := bits.Mul64(x, unit)
	if err != nil || beyond > 0 || product > 1<<63 {
		return 0, "it is too long"
	}
	if fraction == "" {
		return product, ""
	}
	f, _ := strconv.ParseUint(fraction, 10, 64) // cannot fail: at most 18 digits
	scale := uint64(1)
	for range fraction {
		scale *= 10
	}
	high, low := bits.Mul64(f, unit)
	low, carry := bits.Add64(low, scale/2, 0)
	part, _ := bits.Div64(high+carry, low, scale)
	return product + part, ""
}

// appendDuration writes a duration as hours, minutes and seconds.
func appendDuration(b []byte, d time.Duration) []byte {
	if d == 0 {
		return append(b, "PT0S"...)
	}
	u := uint64(d)
	if d < 0 {
		b, u = append(b, '-'), -u
	}
	b = append(b, "PT"...)
	for _, unit := range durationUnits[1][:2] {
		if n := u / uint64(unit.length); n > 0 {
			b = append(strconv.AppendUint(b, n, 10), unit.letter)
			u %= uint64(unit.length)
		}
	}
	if u == 0 {
		return b
	}
	b = strconv.AppendUint(b, u/uint64(time.Second), 10)
	if frac := u % uint64(time.Second); frac > 0 {
		digits := strconv.FormatUint(frac+uint64(time.Second), 10)[1:]
		b = append(append(b, '.'), strings.TrimRight(digits, "0")...)
	}
	return append(b, 'S')
}
