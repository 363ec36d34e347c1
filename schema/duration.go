package schema

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// durationUnits are those of ISO 8601 whose length is fixed, in their order; the part before T and the part after it.
var durationUnits = [2][]struct {
	letter byte
	length time.Duration
}{
	{{'W', 7 * 24 * time.Hour}, {'D', 24 * time.Hour}},
	{{'H', time.Hour}, {'M', time.Minute}, {'S', time.Second}},
}

// parseDuration reads an ISO 8601 duration such as P1DT2H3.5S; why is what is wrong with it. Years and months have no
// fixed length and are refused.
func parseDuration(s string) (_ time.Duration, why string) {
	rest, negative := strings.CutPrefix(s, "-")
	rest, ok := strings.CutPrefix(rest, "P")
	if !ok {
		return 0, "it must begin with P"
	}
	date, clock, hasClock := strings.Cut(rest, "T")
	if date == "" && clock == "" || hasClock && clock == "" {
		return 0, "it has no part with a number"
	}
	total := 0.0
	var whole time.Duration
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
			x, err := strconv.ParseFloat(part[:n], 64)
			if err != nil || part[0] == '.' || part[n-1] == '.' {
				return 0, "it has a number that cannot be read"
			}
			integer := math.Floor(x)
			total += x * float64(units[0].length)
			if total > math.MaxInt64/2 {
				return 0, "it is too long"
			}
			whole += time.Duration(integer)*units[0].length + time.Duration(math.Round((x-integer)*float64(units[0].length)))
			part, units = part[n+1:], units[1:]
		}
	}
	if negative {
		whole = -whole
	}
	return whole, ""
}

// appendDuration writes hours, minutes and seconds.
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
