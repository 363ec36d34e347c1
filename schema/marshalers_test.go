package schema_test

import (
	"encoding/json"
	"fmt"
	"math/big"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/chanx-go/chanx/schema"
)

type (
	meta struct {
		By string `json:"by"`
	}
	nothing struct{ _ int }
	Money   struct{ Cents int }
	Wage    struct{ Cents int }
	Label   struct{ Text string }
)

func (m Money) MarshalJSON() ([]byte, error)     { return fmt.Appendf(nil, "%d", m.Cents), nil }
func (m *Money) UnmarshalJSON(text []byte) error { return json.Unmarshal(text, &m.Cents) }
func (w Wage) MarshalJSON() ([]byte, error)      { return fmt.Appendf(nil, "%d", w.Cents), nil }
func (w *Wage) UnmarshalJSON(text []byte) error  { return json.Unmarshal(text, &w.Cents) }
func (l *Label) UnmarshalText(text []byte) error { l.Text = string(text); return nil }
func (l *Label) MarshalText() ([]byte, error)    { return []byte(l.Text), nil }

// mistaken checks that the error of a type contains each part.
func mistaken[T any](t *testing.T, parts ...string) {
	t.Helper()
	err := failure[T]()
	for _, part := range parts {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("got %v, want it to say %q", err, part)
		}
	}
}

func TestEmbeddedPointersToUnexportedTypesAreReported(t *testing.T) {
	type note struct {
		*meta
		Text string
	}
	type deep struct{ note }
	const mend = ".meta: it embeds a pointer to a type that is not exported, so that its fields would be neither read nor written: embed schema_test.meta itself, or export it"
	mistake[note](t, "schema_test.note"+mend)
	mistake[deep](t, "schema_test.note.meta at schema_test.deep.meta"+mend[len(".meta"):])
	mistaken[struct{ *note }](t, ".note", "not exported")
	compiled[struct {
		meta
		*Base `json:"base"`
	}](t)
	compiled[struct {
		*meta `json:"-"`
		Text  string
	}](t)
	compiled[struct {
		*nothing
		Text string
	}](t)
}

func TestMarshalersPromotedFromEmbeddedTypesAreReported(t *testing.T) {
	type order struct {
		Money
		Qty int
	}
	mistake[order](t, "schema_test.order.Money: its MarshalJSON is that of schema_test.Money, so that Qty would be neither read nor written: "+
		"give the field a name, or declare MarshalJSON on schema_test.order")
	mistake[[]order](t, "schema_test.order.Money at []schema_test.order[].Money: its MarshalJSON is that of schema_test.Money, so that Qty would be neither read nor written: "+
		"give the field a name, or declare MarshalJSON on schema_test.order")
	mistaken[struct {
		*time.Time
		Who string
	}](t, ".Time", "MarshalJSON", "could run on nil")
	mistaken[struct{ *time.Time }](t, ".Time", "could run on nil", "give the field a name")
	mistaken[struct{ json.Marshaler }](t, ".Marshaler", "could run on nil")
	mistaken[struct {
		time.Time `json:"at"`
	}](t, ".Time", "json tag does nothing")
	mistaken[struct {
		*Label
		meta
	}](t, ".Label", "MarshalText", "could run on nil")
	mistaken[struct {
		Label
		meta
	}](t, ".Label", "MarshalText", "meta would be neither read nor written")
	mistaken[struct {
		netip.Addr
		Port uint16 `json:"port"`
	}](t, ".Addr", "MarshalText", "Port")
	mistaken[struct {
		order
		N int
	}](t, "order", "MarshalJSON", "N would be")
	mistaken[struct {
		Money
		*Label
		N int
	}](t, ".Money", "MarshalJSON", "Label would be")
	mistaken[struct {
		Money
		Wage
		N int
	}](t, ".Money", "does not get it", "give the field a name")
	mistaken[struct {
		Money `json:"-"`
		N     int
	}](t, ".Money", "json tag does nothing")
	mistaken[struct {
		Value struct {
			*stamped2
			N int
		} `json:",omitzero"`
	}](t, ".Value", "IsZero", "could run on nil")
}

type stamped2 struct{ at int }

func (s stamped2) IsZero() bool { return s.at == 0 }

// opt is generic, embeds a type with a marshaler, and has its own.
type opt[T any] struct {
	Money
	V T
}

func (o opt[T]) MarshalJSON() ([]byte, error)  { return json.Marshal(o.V) }
func (o *opt[T]) UnmarshalJSON(b []byte) error { return json.Unmarshal(b, &o.V) }

// ownWrapped has its own marshaler and embeds a type with another one.
type ownWrapped struct {
	Label
	netip.Addr
	N int
}

func (w ownWrapped) MarshalText() ([]byte, error) { return fmt.Appendf(nil, "n%d", w.N), nil }
func (w *ownWrapped) UnmarshalText(b []byte) error {
	_, err := fmt.Sscanf(string(b), "n%d", &w.N)
	return err
}

func TestMarshalersOfTheTypeItselfAreAllowed(t *testing.T) {
	equal(t, "generic", decoded[[]opt[string]](t, `["a"]`), []opt[string]{{V: "a"}})
	equal(t, "text", encoded(t, map[ownWrapped]ownWrapped{{N: 1}: {N: 2}}), `{"n1":"n2"}`)
	equal(t, "wrapper", decoded[[]struct{ Money }](t, `[5]`), []struct{ Money }{{Money{5}}})
	equal(t, "state", encoded(t, struct {
		Money
		seen bool
	}{Money{5}, true}), `5`)
}

func TestEmbeddedInterfacesWithValidateAreReported(t *testing.T) {
	mistaken[struct {
		Checker interface{ Validate() error } `json:"-"`
		Selfless
	}](t, ".Selfless", "could run on a nil interface")
}

type Selfless interface{ Validate() error }

// nullish encodes its zero value as null.
type nullish struct{ set *int }

func (o nullish) MarshalJSON() ([]byte, error)     { return json.Marshal(o.set) }
func (o *nullish) UnmarshalJSON(text []byte) error { return json.Unmarshal(text, &o.set) }

// needy panics on its zero value.
type needy struct{ p *int }

func (n needy) MarshalJSON() ([]byte, error)     { return json.Marshal(*n.p) }
func (n *needy) UnmarshalJSON(text []byte) error { return json.Unmarshal(text, &n.p) }

func TestMarshalersDoNotGetNull(t *testing.T) {
	const null = `value_error "v": Value error, it must not be null`
	decode[value[big.Int]](t, in{`{"v":null}`, null}, in{`{"v":7}`, ""})
	decode[value[*big.Int]](t, in{`{"v":null}`, ""})
	decode[value[[]big.Int]](t, in{`{"v":[1,null]}`, `value_error "v",1: Value error, it must not be null`})
	decode[value[map[string]big.Int]](t, in{`{"v":{"a":null}}`, `value_error "v","a": Value error, it must not be null`})
	decode[value[Money]](t, in{`{"v":null}`, null})
	decode[value[struct{ Money }]](t, in{`{"v":null}`, null})
	decode[value[writes]](t, in{`{"v":null}`, null})
	decode[value[needy]](t, in{`{"v":null}`, null})
	decode[value[big.Float]](t, in{`{"v":null}`, badString})
	decode[value[netip.Prefix]](t, in{`{"v":null}`, badString})
	decode[value[nullish]](t, in{`{"v":null}`, ""}, in{`{"v":1}`, ""}, in{`{"v":nul}`, "syntax: unexpected '}', want null at byte 8"})
	decode[value[big.Int]](t, in{`{"v":nul}`, "syntax: unexpected '}', want null at byte 8"})
	decode[value[json.RawMessage]](t, in{`{"v":null}`, ""})
	decode[Money](t, in{`null`, `value_error : Value error, it must not be null`})
	_, err := describe[struct {
		N big.Int `default:"null"`
	}]()
	if err == nil || !strings.Contains(err.Error(), "must not be null") {
		t.Error(err)
	}
}

// severity is written by MarshalText and has nothing to read it; heard is the other way round.
type (
	severity int
	heard    int
)

func (s severity) MarshalText() ([]byte, error)  { return []byte(strings.Repeat("!", int(s))), nil }
func (h *heard) UnmarshalText(text []byte) error { *h = heard(len(text)); return nil }

func TestTypesWithOneTextMethodHaveOneDirection(t *testing.T) {
	v := struct {
		S severity         `json:"s"`
		M map[severity]int `json:"m"`
		P *severity        `json:"p"`
	}{2, map[severity]int{1: 3}, new(severity)}
	equal(t, "text", encoded(t, v), `{"s":"!!","m":{"!":3},"p":""}`)
	equal(t, "read", decoded[map[heard]heard](t, `{"abc":"de"}`), map[heard]heard{3: 2})
	for _, typ := range []*schema.Type{compiled[severity](t), compiled[map[severity]int](t), compiled[value[[]*severity]](t), compiled[struct {
		S severity `frame:"true"`
	}](t)} {
		if err := typ.CheckReadable(); err == nil || !strings.Contains(err.Error(), "declare UnmarshalText on schema_test.severity") {
			t.Errorf("%s: got %v", typ.GoType(), err)
		}
		if err := typ.CheckWritable(); err != nil {
			t.Error(err)
		}
	}
	err := compiled[value[map[string]heard]](t).CheckWritable()
	if err == nil || !strings.Contains(err.Error(), ".V[]: it is read by UnmarshalText and could not be written: declare MarshalText on schema_test.heard") {
		t.Error(err)
	}
	if err := compiled[Kinds](t).CheckReadable(); err != nil {
		t.Error(err)
	}
	decode[value[severity]](t, in{`{"v":"!"}`, `value_error "v": Value error, its type has no UnmarshalText`})
	if _, err := declared[value[heard]](t).Append(nil, value[heard]{}); err == nil || !strings.Contains(err.Error(), "no MarshalText") {
		t.Error(err)
	}
	equal(t, "schema", string(declared[severity](t).JSONSchema(nil)), `{"$schema":"http://json-schema.org/draft-07/schema#","allOf":[{"$ref":"#/definitions/severity"}],"definitions":{"severity":{"type":"string"}}}`)
	equal(t, "example", string(declared[severity](t).Example()), `""`)
	mistaken[struct {
		S severity `default:"!"`
	}](t, "UnmarshalText")
}
