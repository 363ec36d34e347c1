package schema_test

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/netip"
	"net/url"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chanx-go/chanx/schema"
)

// ledgerRow is a typical type of an application.
type ledgerRow struct {
	cents int64
}

func (l *ledgerRow) UnmarshalJSON(b []byte) error {
	var row struct{ Cents int64 }
	err := json.Unmarshal(b, &row)
	l.cents = row.Cents
	return err
}

func (l ledgerRow) MarshalJSON() ([]byte, error) { return json.Marshal(l.cents) }

// half has one JSON method, so encoding/json handles the other direction.
type half struct {
	ledgerInner
	At netip.Addr
}

type ledgerInner struct{ Total struct{ Sum int8 } }

func (half) MarshalJSON() ([]byte, error) { return []byte("{}"), nil }

// failing returns the error that fails selects, from each method that a type may have.
var fails error

type (
	failingText  string
	failingJSON  string
	failingValue string
	failingKey   string
)

func (failingText) MarshalText() ([]byte, error)  { return []byte("x"), nil }
func (*failingText) UnmarshalText([]byte) error   { return fails }
func (failingKey) MarshalText() ([]byte, error)   { return []byte("x"), nil }
func (*failingKey) UnmarshalText([]byte) error    { return fails }
func (failingJSON) MarshalJSON() ([]byte, error)  { return []byte(`"x"`), nil }
func (*failingJSON) UnmarshalJSON(b []byte) error { return fails }
func (failingValue) Validate() error              { return fails }

// failing returns the error fails from each of its methods.
type failingAll struct {
	T failingText           `json:"t"`
	J failingJSON           `json:"j"`
	V failingValue          `json:"v"`
	K map[failingKey]string `json:"k"`
}

// badText and unmarshalable are variables so that no linter sees what is wrong with them.
var (
	badText       string
	unmarshalable any = make(chan int)
)

// goName is what must not be in a text: names of packages, types, functions, fields and layouts.
var goName = regexp.MustCompile(`\bGo\b|json|strconv|schema|netip|ledger|cents|failing|half|big|Parse|\*|int\d|\[\]|2006|time:|url|hex|[a-z]\.[A-Z]|Err`)

// foreignErrors are errors of the standard library, as types of users pass them on.
func foreignErrors() []error {
	get := func(_ any, err error) error { return err }
	var syntax json.RawMessage
	all := []error{
		json.Unmarshal([]byte(`{"Cents":"x"}`), &struct{ Cents int }{}),
		json.Unmarshal([]byte(`{`), &syntax),
		get(json.Marshal(unmarshalable)),
		get(strconv.ParseInt("x", 10, 64)), get(strconv.ParseFloat("1e999", 64)), get(strconv.Atoi("")), get(strconv.ParseBool("x")),
		get(time.Parse(time.RFC3339, "x")), get(time.ParseDuration("x")), new(time.Time).UnmarshalText([]byte("x")), get(time.LoadLocation("no/where")),
		get(netip.ParseAddr("x")), get(netip.ParsePrefix("x")), get(netip.ParseAddrPort("x")), get(net.ParseMAC("x")), new(net.IP).UnmarshalText([]byte("x")),
		get(url.Parse(badText + "%zz")), get(url.ParseRequestURI("")), get(base64.StdEncoding.DecodeString("!")), get(hex.DecodeString("x")), get(hex.DecodeString("abc")),
		new(big.Int).UnmarshalText([]byte("x")), new(big.Float).UnmarshalText([]byte("x")), new(big.Rat).UnmarshalText([]byte("x")),
		get(fmt.Sscanf("x", "%d", new(int))), get(regexp.Compile(badText + "(")),
		fmt.Errorf("cannot read %T", ledgerRow{}), fmt.Errorf("cannot read %T", &ledgerRow{}), fmt.Errorf("%T.cents is bad", ledgerRow{}),
	}
	for _, err := range all[:len(all):len(all)] {
		all = append(all, fmt.Errorf("not good: %w", err), fmt.Errorf("not good: %v", err), errors.Join(errors.New("not good"), err),
			fmt.Errorf("a: %w", fmt.Errorf("b: %w", err)))
	}
	return all
}

// TestErrorsForClientsContainNoGoNames: if UnmarshalJSON, UnmarshalText or Validate returns an error of encoding/json,
// strconv and others, the client only gets the kind of the value. The error itself stays on the server.
func TestErrorsForClientsContainNoGoNames(t *testing.T) {
	check := func(err error, cause error) {
		t.Helper()
		items, ok := errors.AsType[schema.ValidationError](err)
		if !ok || len(items) == 0 {
			t.Fatalf("%v: got %v", cause, err)
		}
		for _, item := range items {
			if goName.MatchString(item.Msg) || !strings.HasPrefix(item.Msg, "Value error, ") {
				t.Errorf("%v: the client gets %q", cause, item.Msg)
			}
		}
	}
	for _, text := range []string{`"x"`, `{"cents":"x"}`, `{"Cents":1.5}`, `{"cents":[]}`, `300`, `[]`, `true`, `{"Cents":99999999999999999999}`} {
		check(declared[ledgerRow](t).Unmarshal([]byte(text), new(ledgerRow), limits(0)), errors.New(text))
		check(declared[half](t).Unmarshal([]byte(`{"Total":{"Sum":`+text+`}}`), new(half), limits(0)), errors.New(text))
	}
	check(declared[half](t).Unmarshal([]byte(`{"At":"x"}`), new(half), limits(0)), errors.New("inner text"))
	check(declared[big.Int](t).Unmarshal([]byte(`"x"`), new(big.Int), limits(0)), errors.New("big.Int"))
	c := declared[failingAll](t)
	for _, fails = range foreignErrors() {
		err := c.Unmarshal([]byte(`{"t":"a","j":{},"v":"","k":{"a":""}}`), new(failingAll), limits(0))
		check(err, fails)
		if items, _ := errors.AsType[schema.ValidationError](err); len(items) != 4 || items[0].Cause == nil && !strings.HasSuffix(items[0].Msg, fails.Error()) {
			t.Errorf("%v: got %+v", fails, items)
		}
		check(compiled[failingAll](t).Validate(failingAll{}), fails)
		inner := fails
		fails = schema.ValidationError{{Type: "value_error", Msg: "Value error, " + inner.Error()}}
		check(c.Unmarshal([]byte(`{"t":"a","j":{},"v":"","k":{"a":""}}`), new(failingAll), limits(0)), inner)
	}
}

func TestErrorsOfTheApplicationAreSent(t *testing.T) {
	c := declared[failingAll](t)
	for _, fails = range []error{
		errors.New("want a colour such as #ff0000"), fmt.Errorf("no such port: %d", 99), errors.Join(errors.New("too early"), errors.New("too short")),
		fmt.Errorf("first: %w", errors.New("see https://example.org/Help.html. Or ask.")), errors.New("time: must be in the future"),
		errors.New("url: must begin with https"), errors.New("Go on! A Go player needs a rank"), errors.New(""),
	} {
		got := shown(c.Unmarshal([]byte(`{"t":"a","j":{},"v":"","k":{}}`), new(failingAll), limits(0)))
		var want []string
		for _, name := range []string{"t", "j", "v"} {
			want = append(want, `value_error "`+name+`": Value error, `+fails.Error())
		}
		equal(t, "items", got, strings.Join(want, "\n"))
	}
}

// TestMethodsMayReturnTheirOwnItems with paths below the value and with the names on the wire.
func TestMethodsMayReturnTheirOwnItems(t *testing.T) {
	fails = schema.ValidationError{{Type: "out_of_stock", Loc: []any{"item", 3}, Msg: "None is left"}}
	got := shown(camel[failingAll](t).Unmarshal([]byte(`{"t":"a","j":{},"v":"","k":{}}`), new(failingAll), limits(0)))
	equal(t, "items", got, `out_of_stock "t","item",3: None is left
out_of_stock "j","item",3: None is left
out_of_stock "v","item",3: None is left`)
	b, err := json.Marshal(schema.FieldError{Cause: errors.New("secret")})
	if err != nil || strings.Contains(string(b), "secret") || reflect.TypeFor[schema.FieldError]().NumField() != 4 {
		t.Errorf("%s, %v", b, err)
	}
}
