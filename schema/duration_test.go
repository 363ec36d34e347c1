package schema_test

import (
	"math"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chanx-go/chanx/schema"
)

// TestDurationsRoundTrip encodes durations of any nanosecond, decodes them, and checks them against their JSON Schema.
func TestDurationsRoundTrip(t *testing.T) {
	c, judge := declared[time.Duration](t), judge(t, declared[time.Duration](t).JSONSchema(nil))
	check := func(d time.Duration) {
		t.Helper()
		text := encoded(t, d)
		var back time.Duration
		if err := c.Unmarshal([]byte(text), &back, schema.Limits{}); err != nil || back != d {
			t.Errorf("%d is encoded as %s and decoded as %d, %v", d, text, back, err)
		}
		if err := judge.Validate(parse(t, []byte(text))); err != nil {
			t.Errorf("%s does not pass its own schema: %v", text, err)
		}
	}
	for _, d := range []time.Duration{
		0, 1, -1, math.MaxInt64, math.MinInt64, math.MaxInt64 - 1, math.MinInt64 + 1, 1<<53 + 1, -1<<53 - 1, time.Hour, -time.Hour,
		1500 * time.Millisecond, 25*time.Hour + time.Nanosecond, 59*time.Second + 999999999, 1<<62 + 1,
	} {
		check(d)
	}
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 5000 {
		check(time.Duration(rnd.Uint64() >> rnd.IntN(64)))
	}
}

// TestDurationsAgreeWithTheSchema covers every sign and unit. Years and months, whose length depends on the calendar,
// are neither decoded nor described.
func TestDurationsAgreeWithTheSchema(t *testing.T) {
	c := declared[time.Duration](t)
	s := string(c.JSONSchema(nil))
	judge := judge(t, c.JSONSchema(nil))
	if strings.Contains(s, "format") || !strings.Contains(s, "pattern") {
		t.Errorf("the schema is %s", s)
	}
	for text, want := range map[string]time.Duration{
		"PT0S": 0, "-PT0S": 0, "P1WT1H": 169 * time.Hour, "P1W2D": 9 * 24 * time.Hour, "P1.5D": 36 * time.Hour, "PT0.1S": 100 * time.Millisecond,
		"-P1DT0.000000001S": -24*time.Hour - 1, "PT0.0000000004S": 0, "PT0.0000000005S": 1, "PT0.123456789123456789123456789S": 123456789,
		"P0.000000000000001W": 1, "PT00000000000000000001S": time.Second, "PT1H1S": time.Hour + time.Second, "PT2562047H47M16.854775807S": math.MaxInt64,
		"-PT2562047H47M16.854775808S": math.MinInt64, "P15250W1DT23H47M16.854775807S": math.MaxInt64,
	} {
		var d time.Duration
		if err := c.Unmarshal([]byte(`"`+text+`"`), &d, schema.Limits{}); err != nil || d != want {
			t.Errorf("%s is %d, %v, want %d", text, d, err, want)
		}
		if err := judge.Validate(text); err != nil {
			t.Errorf("%s is decoded, but its schema refuses it: %v", text, err)
		}
	}
	for _, text := range []string{
		"", "P", "PT", "-P", "P1", "1H", "P1Y", "P4Y", "P1M", "P1Y2M", "PT1D", "P1H", "P1DT", "P1D1W", "PT1S1H", "PT1.S", "PT.5S", "PT1.2.3S", "+PT1S",
		"PT-1S", "--PT1S", "PT1s", "pt1S", " PT1S", "PT1S ", "PT1,5S", "PT1E3S", "P1WT", "PT١S",
	} {
		if c.Unmarshal([]byte(`"`+text+`"`), new(time.Duration), schema.Limits{}) == nil || judge.Validate(text) == nil {
			t.Errorf("%q is decoded, or its schema accepts it", text)
		}
	}
	for _, text := range []string{
		"PT2562047H47M16.854775808S", "-PT2562047H47M16.854775809S", "P99999999999999999999W", "PT9223372036.8547758075S", "PT18446744073709551616S",
		"P15250W2D", "PT5124095H34M33.709551616S",
	} {
		if err := c.Unmarshal([]byte(`"`+text+`"`), new(time.Duration), schema.Limits{}); !strings.Contains(shown(err), "it is too long") {
			t.Errorf("%s: got %v", text, err)
		}
	}
	if pattern := regexp.MustCompile(`\(\?`); pattern.MatchString(s) {
		t.Errorf("the pattern is not portable: %s", s)
	}
}
