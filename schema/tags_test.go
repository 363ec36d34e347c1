package schema_test

import (
	"net/netip"
	"strings"
	"testing"
)

type colour string

func (colour) Enum() []colour { return []colour{"red", "blue"} }

type level uint8

func (level) Enum() []level { return []level{1, 2, 30} }

func TestStringsHaveALengthInCodePoints(t *testing.T) {
	const short, long = `string_too_short "v": String should have at least 2 characters`, `string_too_long "v": String should have at most 3 characters`
	type limited struct {
		V string `json:"v" minLength:"2" maxLength:"3"`
	}
	decode[limited](t, in{`{"v":"é😀"}`, ""}, in{`{"v":"é😀日"}`, ""}, in{`{"v":"\ud83d\ude00"}`, short}, in{`{"v":""}`, short}, in{`{"v":"abcd"}`, long},
		in{`{"v":1}`, badString})
	decode[struct {
		V string `json:"v" minLength:"1" maxLength:"1"`
	}](t, in{`{"v":""}`, `string_too_short "v": String should have at least 1 character`},
		in{`{"v":"ab"}`, `string_too_long "v": String should have at most 1 character`})
}

func TestStringConstraintsAreCheckedInOrder(t *testing.T) {
	type all struct {
		V string `json:"v" minLength:"2" pattern:"^[a-z]+$" format:"hostname" enum:"a,bb,CC,zz-"`
	}
	decode[all](t, in{`{"v":"x"}`, `literal_error "v": Input should be 'a', 'bb', 'CC' or 'zz-'`},
		in{`{"v":"a"}`, `string_too_short "v": String should have at least 2 characters`},
		in{`{"v":"CC"}`, `string_pattern_mismatch "v": String should match pattern '^[a-z]+$'`}, in{`{"v":"bb"}`, ""})
	decode[struct {
		V string `json:"v" pattern:"b"`
	}](t, in{`{"v":"abc"}`, ""}, in{`{"v":"ac"}`, `string_pattern_mismatch "v": String should match pattern 'b'`})
}

func TestFormatErrorsGiveTheReason(t *testing.T) {
	type f struct {
		DateTime string `json:"date-time" format:"date-time"`
		Date     string `json:"date" format:"date"`
		Time     string `json:"time" format:"time"`
		Duration string `json:"duration" format:"duration"`
		Email    string `json:"email" format:"email"`
		URI      string `json:"uri" format:"uri"`
		UUID     string `json:"uuid" format:"uuid"`
		IPv4     string `json:"ipv4" format:"ipv4"`
		IPv6     string `json:"ipv6" format:"ipv6"`
		Hostname string `json:"hostname" format:"hostname"`
	}
	all := func(s string) string {
		var b strings.Builder
		for name := range strings.FieldsSeq("date-time date time duration email uri uuid ipv4 ipv6 hostname") {
			b.WriteString(`,"` + name + `":` + s)
		}
		return "{" + b.String()[1:] + "}"
	}
	decode[f](t, in{`{"date-time":"2025-05-11T14:30:00Z","date":"2025-05-11","time":"14:30:00+02:00","duration":"P1D","email":"a.b@example.org",
		"uri":"https://example.org/a?b#c","uuid":"12345678-1234-5678-1234-56781234567a","ipv4":"127.0.0.1","ipv6":"::1","hostname":"a-b.example"}`, ""},
		in{all("1"), `datetime_type "date-time": Input should be a valid datetime
date_type "date": Input should be a valid date
time_type "time": Input should be a valid time
time_delta_type "duration": Input should be a valid timedelta
string_type "email": Input should be a valid string
url_type "uri": URL input should be a string or URL
uuid_type "uuid": UUID input should be a string, bytes or UUID object
ip_v4_address "ipv4": Input is not a valid IPv4 address
ip_v6_address "ipv6": Input is not a valid IPv6 address
string_type "hostname": Input should be a valid string`},
		in{all(`"-"`), `datetime_parsing "date-time": Input should be a valid datetime, unexpected text at "-"
date_parsing "date": Input should be a valid date in the format YYYY-MM-DD, unexpected text at "-"
time_parsing "time": Input should be in a valid time format, unexpected text at "-"
time_delta_parsing "duration": Input should be a valid timedelta, it must begin with P
value_error "email": value is not a valid email address: an email address must have an @-sign
url_parsing "uri": Input should be a valid URL, relative URL without a base
uuid_parsing "uuid": Input should be a valid UUID, it must have 36 characters
ip_v4_address "ipv4": Input is not a valid IPv4 address
ip_v6_address "ipv6": Input is not a valid IPv6 address
value_error "hostname": Value error, value is not a valid hostname: each label must have 1 to 63 characters and no hyphen at its ends`})
}

func TestFormatsRefuseNearMisses(t *testing.T) {
	for _, c := range []struct{ format, good, bad string }{
		{"date-time", "2025-05-11T14:30:00.5Z 2025-05-11T14:30:00-00:00", "2025-05-11T14:30:00 2025-05-11T1:30:00Z 2025-05-11T14:30:00,5Z"},
		{"date", "2024-02-29", "2025-02-29 2025-2-9 2025-05-11T00:00:00Z"},
		{"time", "14:30:00Z 14:30:00.25-01:00", "14:30:00 4:30:00Z 14:30Z 24:00:00Z 14:30:00,5Z 14:30:00+24:00"},
		{"email", "a@b.co a+b@x.example", "a@b @b.co a@ a@@b.co a@-b.co Alice<a@b.co> \"a\"@b.co a@[127.0.0.1]"},
		{"uri", "https://x mailto:a@b.co urn:x:y file:///a", "/a x https:// http://a\\b http://a<b http://[::1"},
		{"uuid", "12345678-1234-5678-1234-56781234567A", "123456781234567812345678123456780000 g2345678-1234-5678-1234-567812345678"},
		{"ipv4", "0.0.0.0 255.255.255.255", "256.0.0.1 01.2.3.4 ::1 1.2.3 ::ffff:1.2.3.4"},
		{"ipv6", ":: ::ffff:1.2.3.4 2001:db8::1", "1.2.3.4 fe80::1%eth0 :::"},
		{"hostname", "a a.b xn--nxasmq6b 1.2", "a..b a_b -a a- . " + strings.Repeat("a", 64)},
	} {
		check := formatChecker(t, c.format)
		for s := range strings.FieldsSeq(c.good) {
			if err := check(s); err != nil {
				t.Errorf("%s %q is refused: %v", c.format, s, err)
			}
		}
		for s := range strings.FieldsSeq(c.bad) {
			if check(s) == nil {
				t.Errorf("%s %q is taken", c.format, s)
			}
		}
	}
}

func TestNumbersHaveBounds(t *testing.T) {
	type bounds struct {
		V int8 `json:"v" multipleOf:"3" maximum:"9" minimum:"3"`
	}
	decode[bounds](t, in{`{"v":6}`, ""}, in{`{"v":10}`, `multiple_of "v": Input should be a multiple of 3`},
		in{`{"v":12}`, `less_than_equal "v": Input should be less than or equal to 9`},
		in{`{"v":0}`, `greater_than_equal "v": Input should be greater than or equal to 3`}, in{`{"v":300}`, tooBig})
	decode[struct {
		V float64 `json:"v" exclusiveMaximum:"2.50" exclusiveMinimum:"1.0"`
	}](t, in{`{"v":2.4}`, ""}, in{`{"v":2.5}`, `less_than "v": Input should be less than 2.5`}, in{`{"v":1}`, `greater_than "v": Input should be greater than 1`})
	decode[struct {
		V float64 `json:"v" multipleOf:"0.1"`
	}](t, in{`{"v":0.3}`, ""}, in{`{"v":123456789.7}`, ""}, in{`{"v":0}`, ""}, in{`{"v":0.35}`, `multiple_of "v": Input should be a multiple of 0.1`})
	decode[struct {
		V float32 `json:"v" maximum:"0.1" minimum:"0.1"`
	}](t, in{`{"v":0.1}`, ""})
	decode[struct {
		V int `json:"v" minimum:"0.5" exclusiveMaximum:"1e1"`
	}](t, in{`{"v":1}`, ""}, in{`{"v":0}`, `greater_than_equal "v": Input should be greater than or equal to 0.5`},
		in{`{"v":10}`, `less_than "v": Input should be less than 10`})
	decode[struct {
		V uint64 `json:"v" minimum:"-1" maximum:"18446744073709551614" multipleOf:"2"`
	}](t, in{`{"v":18446744073709551614}`, ""}, in{`{"v":18446744073709551615}`, `multiple_of "v": Input should be a multiple of 2`},
		in{`{"v":9}`, `multiple_of "v": Input should be a multiple of 2`})
	decode[struct {
		V uint64 `json:"v" exclusiveMaximum:"18446744073709551615"`
	}](t, in{`{"v":18446744073709551615}`, `less_than "v": Input should be less than 18446744073709551615`})
}

func TestEnumsRefuseOtherKindsAsWell(t *testing.T) {
	type set struct {
		C colour `json:"c"`
		L level  `json:"l"`
		I int    `json:"i" enum:"-1,0"`
		S string `json:"s" enum:"only"`
		F string `json:"f" enum:"127.0.0.1" format:"ipv4"`
	}
	const all = `literal_error "c": Input should be 'red' or 'blue'
literal_error "l": Input should be 1, 2 or 30
literal_error "i": Input should be -1 or 0
literal_error "s": Input should be 'only'
literal_error "f": Input should be '127.0.0.1'`
	decode[set](t, in{`{"c":"red","l":30,"i":-1.0,"s":"only","f":"127.0.0.1"}`, ""}, in{`{"c":"RED","l":3,"i":1,"s":"","f":"::1"}`, all},
		in{`{"c":null,"l":null,"i":null,"s":null,"f":null}`, all}, in{`{"c":1,"l":"1","i":"0","s":[],"f":{}}`, all},
		in{`{"c":"red","l":1.5,"i":0,"s":"only","f":"127.0.0.1"}`, `literal_error "l": Input should be 1, 2 or 30`},
		in{
			`{"c":"red","l":256,"i":0,"s":"only","f":"127.0.0.1"}`,
			`int_parsing_size "l": Unable to parse input string as an integer, exceeded maximum size`,
		})
	decode[struct {
		V colour `json:"v" enum:"red"`
	}](t, in{`{"v":"red"}`, ""}, in{`{"v":"blue"}`, `literal_error "v": Input should be 'red'`},
		in{`{"v":"x"}`, `literal_error "v": Input should be 'red' or 'blue'`})
}

func TestSizeConstraintsOfListsAndMaps(t *testing.T) {
	type list struct {
		V []int `json:"v" minItems:"2" maxItems:"3"`
	}
	decode[list](t, in{`{"v":[1,2]}`, ""}, in{`{"v":[ 1 , 2 , 3 ]}`, ""},
		in{`{"v":[1]}`, `too_short "v": List should have at least 2 items after validation, not 1`},
		in{`{"v":["x"]}`, "int_type \"v\",0: Input should be a valid integer\ntoo_short \"v\": List should have at least 2 items after validation, not 1"},
		in{`{"v":["x",1,2,3,4]}`, `too_long "v": List should have at most 3 items after validation, not 5`},
		in{`{"v":[1,2,3,4}`, `syntax: unexpected '}', want ',' or ']' at byte 13`}, in{`{"v":[1,2,3,4,tru]}`, "syntax: unexpected ']', want true at byte 17"})
	type dict struct {
		V map[string]int `json:"v" minProperties:"1" maxProperties:"2"`
	}
	decode[dict](t, in{`{"v":{"a":1}}`, ""}, in{`{"v":{}}`, `too_short "v": Dictionary should have at least 1 item after validation, not 0`},
		in{`{"v":{"a":1,"b":2,"c":3,"d":4}}`, `too_long "v": Dictionary should have at most 2 items after validation, not 4`},
		in{`{"v":{"a":"x","b":2,"c":3}}`, `int_type "v","a": Input should be a valid integer`})
}

func TestUniqueItemsComparesJSONValues(t *testing.T) {
	const twice = `unique_items "v": Items should be unique`
	type list[T any] struct {
		V []T `json:"v" uniqueItems:"true"`
	}
	decode[list[any]](t, in{`{"v":[1,"1",true,null,[1],{"a":1},"true",[]]}`, ""}, in{`{"v":[1,10e-1]}`, twice}, in{`{"v":[0,-0.0]}`, twice},
		in{`{"v":["a","\u0061"]}`, twice}, in{`{"v":[{"a":1,"b":[2]},{ "b" : [ 2.0 ], "a" : 1 }]}`, twice}, in{`{"v":[[1,2],[2,1]]}`, ""}, in{`{"v":[null,null]}`, twice})
	decode[list[int]](t, in{`{"v":[9007199254740992,9007199254740993]}`, ""}, in{`{"v":[3,1,3]}`, twice})
	decode[list[struct{}]](t, in{`{"v":[{"x":1},{"x":2}]}`, ""}, in{`{"v":[{"x":1},{"x":1}]}`, twice})
}

func TestConstraintsApplyToElements(t *testing.T) {
	type deep struct {
		Tags  []string             `json:"tags" maxLength:"3" maxItems:"2"`
		Grid  [][]*int             `json:"grid" maximum:"9" minItems:"1"`
		Names map[string][2]string `json:"names" pattern:"^x"`
		Opt   *string              `json:"opt" minLength:"2"`
	}
	decode[deep](t, in{`{"tags":["abc"],"grid":[[1,null]],"names":{"a":["x","xy"]},"opt":null}`, ""},
		in{`{"tags":["abcd","a"],"grid":[[],[1,10]],"names":{"a":["x","y"]},"opt":"a"}`, `string_too_long "tags",0: String should have at most 3 characters
less_than_equal "grid",1,1: Input should be less than or equal to 9
string_pattern_mismatch "names","a",1: String should match pattern '^x'
string_too_short "opt": String should have at least 2 characters`},
		in{`{"tags":["a","b","c"],"grid":[],"names":{}}`, `too_long "tags": List should have at most 2 items after validation, not 3
too_short "grid": List should have at least 1 item after validation, not 0`})
}

func TestConstraintsApplyToTheTextOfTextTypes(t *testing.T) {
	type host struct {
		V netip.Addr `json:"v" format:"ipv4" maxLength:"9"`
	}
	decode[host](t, in{`{"v":"127.0.0.1"}`, ""}, in{`{"v":"::1"}`, `ip_v4_address "v": Input is not a valid IPv4 address`},
		in{`{"v":"127.0.0.11"}`, `string_too_long "v": String should have at most 9 characters`}, in{`{"v":1}`, `ip_v4_address "v": Input is not a valid IPv4 address`})
}
