package schema_test

import (
	"strings"
	"testing"
	"time"

	"github.com/chanx-go/chanx/schema"
)

// TestTimeFormatsFollowRFC3339, section 5.6: T and Z may be lower case, the offset is required, a leap second ends a
// day of UTC.
func TestTimeFormatsFollowRFC3339(t *testing.T) {
	dateTime, clock := formatChecker(t, "date-time"), formatChecker(t, "time")
	c := declared[time.Time](t)
	for text, want := range map[string]bool{
		"14:30:00Z": true, "14:30:00z": true, "14:30:00.123456789012Z": true, "00:00:00+00:00": true, "14:30:00-00:00": true, "23:59:59+23:59": true,
		"23:59:60Z": true, "23:59:60.5z": true, "01:29:60+01:30": true, "15:59:60-08:00": true, "23:29:60+23:30": true,
		"14:30:00": false, "14:30Z": false, "14:30:60Z": false, "23:59:61Z": false, "22:59:60Z": false, "23:58:60Z": false, "23:59:60+01:00": false,
		"24:00:00Z": false, "14:60:00Z": false, "14:30:00.Z": false, "14:30:00,5Z": false, "14:30:00+24:00": false, "14:30:00+01:60": false,
		"14:30:00+0100": false, "14:30:00+01": false, "4:30:00Z": false, "14:30:00 Z": false, "14:30:00Z ": false, "143000Z": false, "١٤:30:00Z": false,
		"14:30:00Zz": false, "": false, "z": false,
	} {
		if got := clock(text) == nil; got != want {
			t.Errorf("time %q is accepted: %v", text, got)
		}
		for _, text := range []string{"1998-12-31T" + text, "1998-12-31t" + text} {
			if got := dateTime(text) == nil; got != want {
				t.Errorf("date-time %q is accepted: %v", text, got)
			}
			if got := c.Unmarshal([]byte(`"`+text+`"`), new(time.Time), schema.Limits{}) == nil; got != want {
				t.Errorf("time.Time %q is accepted: %v", text, got)
			}
		}
	}
	for text, want := range map[string]time.Time{
		"1998-12-31t23:59:60z":        time.Date(1999, 1, 1, 0, 0, 0, 0, time.UTC),
		"1998-12-31T15:59:60.5-08:00": time.Date(1999, 1, 1, 0, 0, 0, 5e8, time.UTC),
		"9999-12-31T23:59:60Z":        time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC),
	} {
		if got := decoded[time.Time](t, `"`+text+`"`); !got.Equal(want) {
			t.Errorf("%s is %v, want %v", text, got, want)
		}
	}
	for _, text := range []string{"1998-12-31 23:59:59Z", "1998-02-29T00:00:00Z", "98-12-31T00:00:00Z", "1998-12-31T", "1998-12-31", "1998-12-31X00:00:00Z"} {
		if dateTime(text) == nil {
			t.Errorf("%s is accepted", text)
		}
	}
}

// TestFormatsFollowTheirRFCs where Go's own parsers are more or less strict.
func TestFormatsFollowTheirRFCs(t *testing.T) {
	for _, f := range []struct{ format, good, bad string }{
		{
			"duration", "P4DT12H30M5S P4Y P1M PT0S P0D PT36H P2W P1Y2M3DT4H5M6S P1DT2H PT1H2M PT1M2S",
			"P PT P1 1D PT1D P1DT P1YT P1WT1H P1Y1W P1W1D P2D1Y P1Y2D PT1H2S P1D2H P2S PT1.5S -PT1H +P1D P1,5D p1d P١D P-1D PW",
		},
		{
			"uri", "http://x.example/?a=b#c ldap://[2001:db8::7]/c=GB?objectClass?one mailto:John.Doe@example.com tel:+1-816-555-1212 urn:oasis:names:x " +
				"http://-.~_!$&'()*+,;=:%40:80%2f::::::@example.com http://a?q=%20x http://xn--nw2a.xn--j6w193g/ http://223.255.255.254:80 file:///etc/x " +
				"x://[v1.fe:x]:1/ https://a.example: a+b-c.1:x ws:/a http://a/b;c=d?e=/?#/? urn:: about:blank http://[::ffff:1.2.3.4]/",
			"//a/b /a a a#b :// 1a:b http://a#b#c http://a/[b] http:/[::1] https://[@x/ http://[::1 http://[::1]x http://[fe80::1%25eth0]/ http://[1.2.3.4]/ http://[v.x]/ " +
				"http://a/%zz http://a/%4 http://a/®.txt http://ü.example/ http://a\\b http://a<b http://a{b} http://a^ http://a` http://a|b http://a:b/ http://a\"b " +
				"http:// https:///x http://[]/ http://u[@a/ -a:b",
		},
		{
			"hostname", "a a.b 1.2 a--b a1-b2.example xn--nxasmq6b xn--4gbwdl.xn--wgbh1c XN--mnchen-3ya.example xn--ihqwcrb4cv8a8dqg056pqjye " +
				strings.Repeat("a", 63),
			"- a..b a_b -a a- . a. .a a.-b ab--cd xn-- xn--X xn--a xn--aa--- xn--0 xn--999999999 xn--abc- aüb " + strings.Repeat("a", 64) + " " +
				strings.Repeat("a.", 127) + "a",
		},
		{
			"email", "a@b.co te~st@x.example ~t@x.example te.s.t@x.example a+b@x.example a!#$%&'*+/=?^_`{|}~-b@x.example " + strings.Repeat("a", 64) + "@b.co",
			".t@x.example t.@x.example te..st@x.example a@b @b.co a@ a@@b.co a@-b.co a@b..co a@x=y.example a@[127.0.0.1] a@b.co,c@d.co Alice<a@b.co> \"a\"@b.co " +
				"é@b.co a@é.co a(c)@b.co a@b.co. a\\b@b.co 2962 " + strings.Repeat("a", 65) + "@b.co",
		},
		{"date", "2024-02-29 0000-01-01 9999-12-31", "2025-02-29 2025-2-9 2025-05-11T00:00:00Z 20250511 2025-13-01 25-05-11 2025-05-1١"},
		{"ipv4", "0.0.0.0 192.0.2.7", "1.2.3 1.2.3.256 01.2.3.4 1.2.3.4.5 0x7f.0.0.1 2130706433 1.2.3.4/8 1.2.3.٤ ::1"},
		{"ipv6", ":: ::1 1:2:3:4:5:6:7:8 ::ffff:192.0.2.7 1::8 2001:DB8::7", "1:2:3:4:5:6:7:8:9 ::12345 :1:2:3:4:5:6:7 1::2::3 fe80::1%eth0 ::1/64 ::1.2.3.256 [::1] 1.2.3.4"},
		{"uuid", "2eb8aa08-aa98-11ea-b4aa-73b441d16380 2EB8AA08-AA98-11EA-B4AA-73B441D16380 00000000-0000-0000-0000-000000000000", "2eb8aa08aa9811eab4aa73b441d16380 " +
			"2eb8aa08-aa98-11ea-b4aa73b441d16380 2eb8-aa08-aa98-11ea-b4aa73b44-1d16380 {2eb8aa08-aa98-11ea-b4aa-73b441d1638} 2eb8aa08-aa98-11ea-b4ga-73b441d16380"},
	} {
		check := formatChecker(t, f.format)
		for s := range strings.FieldsSeq(f.good) {
			if err := check(s); err != nil {
				t.Errorf("%s %q is refused: %v", f.format, s, err)
			}
		}
		for s := range strings.FieldsSeq(f.bad) {
			if check(s) == nil {
				t.Errorf("%s %q is accepted", f.format, s)
			}
		}
		if check("") == nil {
			t.Errorf("%s: nothing is accepted", f.format)
		}
	}
}

// TestEmailSchemaIsAsStrictAsTheDecoder: chanx accepts fewer addresses than RFC 5321.
func TestEmailSchemaIsAsStrictAsTheDecoder(t *testing.T) {
	type message struct {
		Mail  string `json:"mail" format:"email"`
		Other string `json:"other" format:"email" pattern:"x"`
	}
	judge := judge(t, declared[message](t).JSONSchema(nil))
	for mail, want := range map[string]bool{
		"x@b.co": true, "x.y+z@b-c.co": true, "x@b": false, `\"x\"@b.co`: false, "x@[127.0.0.1]": false, "a@b.co": false,
	} {
		text := []byte(`{"mail":"a@b.co","other":"` + mail + `"}`)
		if got := judge.Validate(parse(t, text)) == nil; got != want {
			t.Errorf("%s: the schema accepts it: %v", text, got)
		}
		if got := declared[message](t).Unmarshal(text, new(message), schema.Limits{}) == nil; got != want {
			t.Errorf("%s: the decoder accepts it: %v", text, got)
		}
	}
}
