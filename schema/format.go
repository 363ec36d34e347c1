package schema

import (
	"bytes"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// format checks the form of a string. check returns "" or what is wrong.
type format struct {
	item, text string // of the item; the result of check is appended to text
	kindItem   string // of the item for other values than strings; "" means string_type
	kindText   string
	check      func(s string) (problem string)
	pattern    string // JSON Schema's format allows more than check: the pattern excludes the rest
}

var formats = map[string]*format{
	"date-time": {"datetime_parsing", "Input should be a valid datetime, ", "datetime_type", "Input should be a valid datetime", checkDateTime, ""},
	"date": {
		"date_parsing", "Input should be a valid date in the format YYYY-MM-DD, ", "date_type", "Input should be a valid date",
		layoutCheck(time.DateOnly), "",
	},
	"time":     {"time_parsing", "Input should be in a valid time format, ", "time_type", "Input should be a valid time", checkTime, ""},
	"duration": {"time_delta_parsing", "Input should be a valid timedelta, ", "time_delta_type", "Input should be a valid timedelta", checkDuration, ""},
	"email":    {"value_error", "value is not a valid email address: ", "", "", checkEmail, emailPattern},
	"uri":      {"url_parsing", "Input should be a valid URL, ", "url_type", "URL input should be a string or URL", checkURI, ""},
	"uuid":     {"uuid_parsing", "Input should be a valid UUID, ", "uuid_type", "UUID input should be a string, bytes or UUID object", checkUUID, ""},
	"ipv4":     {"ip_v4_address", "Input is not a valid ", "ip_v4_address", "Input is not a valid IPv4 address", checkIP("IPv4", netip.Addr.Is4), ""},
	"ipv6":     {"ip_v6_address", "Input is not a valid ", "ip_v6_address", "Input is not a valid IPv6 address", checkIP("IPv6", netip.Addr.Is6), ""},
	"hostname": {"value_error", "Value error, value is not a valid hostname: ", "", "", checkHostname, ""},
}

func formatNames() string {
	var names []string
	for name := range formats {
		names = append(names, name)
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

func checkDateTime(s string) string {
	_, problem := parseTime([]byte(s))
	return problem
}

// parseTime reads RFC 3339, section 5.6, strictly, unlike package time. problem is "" on success. T and Z may be lower
// case. A leap second, which time.Time cannot hold, becomes the second after it.
func parseTime(s []byte) (t time.Time, problem string) {
	s, leaps := plainTime(s)
	if err := t.UnmarshalText(s); err != nil {
		return t, timeProblem(err)
	}
	if problem := laxTimeProblem(s[11:]); problem != "" || !leaps {
		return t, problem
	}
	if u := t.UTC(); u.Hour() != 23 || u.Minute() != 59 {
		return t, "second out of range"
	}
	if next := t.Add(time.Second); next.Year() <= 9999 { // else RFC 3339 could not write it
		t = next
	}
	return t, ""
}

// plainTime rewrites a time so that package time accepts it, and reports whether it is a leap second.
func plainTime(s []byte) (_ []byte, leaps bool) {
	const minute = len("2025-05-11T14:30")
	if len(s) <= minute+len(":60") {
		return s, false
	}
	leaps = string(s[minute:minute+len(":60")]) == ":60"
	if leaps || s[10] == 't' || s[len(s)-1] == 'z' {
		s = bytes.ToUpper(s)
	}
	if leaps {
		copy(s[minute:], ":59")
	}
	return s, leaps
}

// laxTimeProblem finds what package time accepts in a time of day but RFC 3339 does not.
func laxTimeProblem[T string | []byte](s T) string {
	pair := func(from int) byte { return (s[from]-'0')*10 + s[from+1] - '0' }
	zone := len(s) - len("+00:00")
	switch {
	case s[2] != ':':
		return "the hour must have two digits"
	case len(s) > 8 && s[8] == ',':
		return "a fraction of a second begins with a period"
	case zone >= 8 && (s[zone] == '+' || s[zone] == '-') && (pair(zone+1) > 23 || pair(zone+4) > 59):
		return "time zone offset out of range"
	}
	return ""
}

// timeProblem describes the part that is wrong without quoting Go's layouts.
func timeProblem(err error) string {
	pe, ok := err.(*time.ParseError)
	switch {
	case ok && strings.Contains(pe.Message, "out of range"):
		return strings.TrimPrefix(pe.Message, ": ")
	case ok && pe.ValueElem == "":
		return "it ends too early"
	case ok:
		return "unexpected text at \"" + cutText(pe.ValueElem) + "\""
	}
	return "invalid"
}

func layoutCheck(layout string) func(string) string {
	return func(s string) string {
		if _, err := time.Parse(layout, s); err != nil {
			return timeProblem(err)
		}
		return ""
	}
}

// checkTime checks RFC 3339's full-time, whose offset is required.
func checkTime(s string) string {
	_, problem := parseTime([]byte("2000-01-02T" + s))
	return problem
}

// checkDuration checks RFC 3339, appendix A, which JSON Schema refers to. Unlike ISO 8601 it allows neither a sign nor
// a fraction, weeks stand alone, and no unit between two others may be missing. Fields of type time.Duration accept
// other texts; see parseDuration.
func checkDuration(s string) string {
	rest, ok := strings.CutPrefix(s, "P")
	if !ok {
		return "it must begin with P"
	}
	date, clock, hasClock := strings.Cut(rest, "T")
	if date == "" && clock == "" || hasClock && clock == "" {
		return "it has no part with a number"
	}
	if weeks, ok := strings.CutSuffix(date, "W"); ok && !hasClock && isDigits(weeks) {
		return ""
	}
	if !isSeries(date, "YMD") || !isSeries(clock, "HMS") {
		return "its parts must be whole numbers with the units Y, M, D, then T and H, M, S, without a gap, or W alone"
	}
	return ""
}

// isSeries reports whether s consists of numbers with units, in the order of units and without a gap.
func isSeries(s, units string) bool {
	first := true
	for s != "" {
		n := strings.IndexFunc(s, func(r rune) bool { return r < '0' || r > '9' })
		if n <= 0 {
			return false
		}
		at := strings.IndexByte(units, s[n])
		if at < 0 || !first && at > 0 {
			return false
		}
		s, units, first = s[n+1:], units[at+1:], false
	}
	return true
}

func isDigits(s string) bool {
	return s != "" && strings.IndexFunc(s, func(r rune) bool { return r < '0' || r > '9' }) < 0
}

// emailPattern matches what checkEmail accepts, except that it does not check the domain's labels: RFC 5321, section
// 4.1.2, without quoted local parts and address literals, and with a domain of at least two labels.
const emailPattern = "^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*@[A-Za-z0-9-]+(\\.[A-Za-z0-9-]+)+$"

func checkEmail(s string) string {
	at := strings.LastIndexByte(s, '@')
	switch {
	case at < 0:
		return "an email address must have an @-sign"
	case !isDotAtom(s[:at]):
		return "it does not have the form local@domain"
	case checkHostname(s[at+1:]) != "":
		return "the part after the @-sign is not a valid domain"
	case !strings.Contains(s[at+1:], "."):
		return "the part after the @-sign must have a period"
	}
	return ""
}

// isDotAtom checks Dot-string of RFC 5321, section 4.1.2, of at most 64 bytes (section 4.5.3.1.1).
func isDotAtom(s string) bool {
	for atom := range strings.SplitSeq(s, ".") {
		if atom == "" {
			return false
		}
		for i := range len(atom) {
			if c := atom[i]; !isLetter(c) && !isDigit(c) && strings.IndexByte("!#$%&'*+-/=?^_`{|}~", c) < 0 {
				return false
			}
		}
	}
	return len(s) <= 64
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

func checkUUID(s string) string {
	if len(s) != 36 {
		return "it must have 36 characters"
	}
	for i := range len(s) {
		dash := i == 8 || i == 13 || i == 18 || i == 23
		hex := isDigit(s[i]) || s[i]|0x20 >= 'a' && s[i]|0x20 <= 'f'
		if dash != (s[i] == '-') || !dash && !hex {
			return "it must have hexadecimal digits in groups of 8-4-4-4-12"
		}
	}
	return ""
}

func checkIP(version string, is func(netip.Addr) bool) func(string) string {
	return func(s string) string {
		if a, err := netip.ParseAddr(s); err != nil || !is(a) || a.Zone() != "" {
			return version + " address"
		}
		return ""
	}
}

// checkHostname checks RFC 1123, section 2.1, with A-labels of RFC 5890 (internationalized names in punycode).
func checkHostname(s string) string {
	if len(s) == 0 || len(s) > 253 {
		return "it must have 1 to 253 characters"
	}
	for label := range strings.SplitSeq(s, ".") {
		if problem := checkLabel(label); problem != "" {
			return problem
		}
	}
	return ""
}

func checkLabel(label string) string {
	if len(label) == 0 || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
		return "each label must have 1 to 63 characters and no hyphen at its ends"
	}
	for i := range len(label) {
		if c := label[i]; c != '-' && !isDigit(c) && !isLetter(c) {
			return "it may have letters, digits, hyphens and periods only"
		}
	}
	if len(label) >= 4 && label[2:4] == "--" && (!strings.EqualFold(label[:2], "xn") || !isPunycode(label[4:])) {
		return "a label with hyphens at its third and fourth place must be punycode"
	}
	return ""
}
