package schema

import (
	"net/mail"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"
)

// format is a check of a string's form: check returns why it fails, or "".
type format struct {
	item, text string // of the item; text is followed by why
	kindItem   string // for what is no string; "" is string_type
	kindText   string
	check      func(s string) (why string)
}

var formats = map[string]*format{
	"date-time": {"datetime_parsing", "Input should be a valid datetime, ", "datetime_type", "Input should be a valid datetime", checkDateTime},
	"date": {
		"date_parsing", "Input should be a valid date in the format YYYY-MM-DD, ", "date_type", "Input should be a valid date",
		layoutCheck(time.DateOnly),
	},
	"time":     {"time_parsing", "Input should be in a valid time format, ", "time_type", "Input should be a valid time", checkTime},
	"duration": {"time_delta_parsing", "Input should be a valid timedelta, ", "time_delta_type", "Input should be a valid timedelta", checkDuration},
	"email":    {"value_error", "value is not a valid email address: ", "", "", checkEmail},
	"uri":      {"url_parsing", "Input should be a valid URL, ", "url_type", "URL input should be a string or URL", checkURI},
	"uuid":     {"uuid_parsing", "Input should be a valid UUID, ", "uuid_type", "UUID input should be a string, bytes or UUID object", checkUUID},
	"ipv4":     {"ip_v4_address", "Input is not a valid ", "ip_v4_address", "Input is not a valid IPv4 address", checkIP("IPv4", netip.Addr.Is4)},
	"ipv6":     {"ip_v6_address", "Input is not a valid ", "ip_v6_address", "Input is not a valid IPv6 address", checkIP("IPv6", netip.Addr.Is6)},
	"hostname": {"value_error", "Value error, value is not a valid hostname: ", "", "", checkHostname},
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
	_, why := parseTime([]byte(s))
	return why
}

// parseTime reads RFC 3339, section 5.6, without what Go tolerates besides; why is what is wrong.
func parseTime(s []byte) (t time.Time, why string) {
	if err := t.UnmarshalText(s); err != nil {
		return t, whyTime(err)
	}
	return t, whyLax(s[11:])
}

// whyLax finds in a time of the day what Go tolerates and RFC 3339 does not.
func whyLax[T string | []byte](s T) string {
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

// whyTime names the part that is wrong without quoting Go's layouts.
func whyTime(err error) string {
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
			return whyTime(err)
		}
		return ""
	}
}

// checkTime is RFC 3339's full-time; the offset may be left out.
func checkTime(s string) string {
	var err error
	for _, layout := range []string{"15:04:05Z07:00", "15:04:05"} {
		if _, err = time.Parse(layout, s); err == nil {
			return whyLax(s)
		}
	}
	return whyTime(err)
}

func checkDuration(s string) string {
	_, why := parseDuration(s)
	return why
}

func checkEmail(s string) string {
	at := strings.LastIndexByte(s, '@')
	switch a, err := mail.ParseAddress(s); {
	case at < 0:
		return "an email address must have an @-sign"
	case err != nil || a.Address != s || a.Name != "":
		return "it does not have the form local@domain"
	case checkHostname(s[at+1:]) != "":
		return "the part after the @-sign is not a valid domain"
	case !strings.Contains(s[at+1:], "."):
		return "the part after the @-sign must have a period"
	}
	return ""
}

func checkURI(s string) string {
	u, err := url.Parse(s)
	switch {
	case err != nil:
		return "it cannot be parsed"
	case !u.IsAbs():
		return "relative URL without a base"
	case u.Host == "" && u.Opaque == "" && u.Path == "":
		return "empty host"
	case strings.ContainsAny(s, " \t\n\r<>\"{}|\\^`"):
		return "it has a character that must be escaped"
	}
	return ""
}

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

// checkHostname is RFC 1123, section 2.1.
func checkHostname(s string) string {
	if len(s) == 0 || len(s) > 253 {
		return "it must have 1 to 253 characters"
	}
	for label := range strings.SplitSeq(s, ".") {
		if len(label) == 0 || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return "each label must have 1 to 63 characters and no hyphen at its ends"
		}
		for i := range len(label) {
			if c := label[i]; c != '-' && !isDigit(c) && (c|0x20 < 'a' || c|0x20 > 'z') {
				return "it may have letters, digits, hyphens and periods only"
			}
		}
	}
	return ""
}
