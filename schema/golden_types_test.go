package schema_test

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/chanx-go/chanx/schema"
)

// v is a payload with one member, the shape of most declarations.
type v[T any] struct {
	V T `json:"v"`
}

// counterpart is the Go type that corresponds to a declaration of the original.
type counterpart struct {
	typ    reflect.Type
	naming schema.Naming
}

func as[T any]() counterpart { return counterpart{typ: reflect.TypeFor[T]()} }

type (
	shade string
	rung  int
	spot  struct {
		X int `json:"x"`
		Y int `json:"y" default:"0"`
	}
	aliased struct {
		UserName string `json:"user_name"`
		UserAge  int    `json:"user_age" default:"0"`
	}
	lowHigh struct {
		Low  int `json:"low"`
		High int `json:"high"`
	}
	evenInt     int
	positiveInt int
	knownText   string
	beast       interface{ beast() }
	tomcat      struct {
		Lives int `json:"lives"`
	}
	hound struct {
		Name string `json:"name"`
	}
)

func (shade) Enum() []shade { return []shade{"red", "green", "blue"} }
func (rung) Enum() []rung   { return []rung{1, 2} }
func (tomcat) beast()       {}
func (hound) beast()        {}

func (o lowHigh) Validate() error {
	if o.Low > o.High {
		return errors.New("low must not exceed high")
	}
	return nil
}

func (e evenInt) Validate() error {
	if e%2 != 0 {
		return fmt.Errorf("%d is odd", e)
	}
	return nil
}

func (p positiveInt) Validate() error {
	switch {
	case p <= 0:
		return errors.New("must be positive")
	case p == 13:
		return errors.New("")
	}
	return nil
}

// Validate changes the value, as its original does.
func (k *knownText) Validate() error {
	switch *k {
	case "bad":
		return schema.ValidationError{{Type: "not_known", Msg: "bad is not known"}}
	case "empty":
		return errors.New("")
	}
	*k = knownText(strings.ToUpper(string(*k)))
	return nil
}

var beasts = schema.Union{
	Interface: reflect.TypeFor[beast](), Discriminator: "kind",
	Variants: []schema.Variant{{Tag: "cat", Type: reflect.TypeFor[tomcat]()}, {Tag: "dog", Type: reflect.TypeFor[hound]()}},
}

// counterparts are the declarations that have a Go type.
var counterparts = map[string]counterpart{
	"str": as[v[string]](),
	"str_len": as[struct {
		V string `json:"v" minLength:"3" maxLength:"5"`
	}](),
	"str_len1": as[struct {
		V string `json:"v" minLength:"1" maxLength:"1"`
	}](),
	"str_pattern": as[struct {
		V string `json:"v" pattern:"^[a-z]+[0-9]?$"`
	}](),
	"str_all": as[struct {
		V string `json:"v" minLength:"2" maxLength:"4" pattern:"^[a-z]+$"`
	}](),
	"int": as[v[int]](),
	"int_ge_le": as[struct {
		V int `json:"v" minimum:"0" maximum:"10"`
	}](),
	"int_gt_lt": as[struct {
		V int `json:"v" exclusiveMinimum:"0" exclusiveMaximum:"10"`
	}](),
	"int_mult": as[struct {
		V int `json:"v" multipleOf:"5"`
	}](),
	"int_all": as[struct {
		V int `json:"v" multipleOf:"3" minimum:"3" maximum:"9"`
	}](),
	"float": as[v[float64]](),
	"float_range": as[struct {
		V float64 `json:"v" minimum:"0.5" exclusiveMaximum:"2.5"`
	}](),
	"float_gt": as[struct {
		V float64 `json:"v" exclusiveMinimum:"1.0"`
	}](),
	"float_mult": as[struct {
		V float64 `json:"v" multipleOf:"0.1"`
	}](),
	"float_finite":     as[v[float64]](),
	"bool":             as[v[bool]](),
	"opt_str":          as[v[*string]](),
	"opt_int_required": as[v[*int]](),
	"opt_str_len": as[struct {
		V *string `json:"v" minLength:"2"`
	}](),
	"any": as[v[any]](),
	"literal_str": as[struct {
		V string `json:"v" enum:"a,b,c"`
	}](),
	"literal_two": as[struct {
		V string `json:"v" enum:"on,off"`
	}](),
	"literal_one": as[struct {
		V string `json:"v" enum:"only"`
	}](),
	"literal_int": as[struct {
		V int `json:"v" enum:"1,2"`
	}](),
	"literal_quote": as[struct {
		V string "json:\"v\" enum:\"it's,say \\\"hi\\\",a\\nb\""
	}](),
	"enum_str":       as[v[shade]](),
	"enum_int":       as[v[rung]](),
	"datetime":       as[v[time.Time]](),
	"datetime_aware": as[v[time.Time]](),
	"date": as[struct {
		V string `json:"v" format:"date"`
	}](),
	"time": as[struct {
		V string `json:"v" format:"time"`
	}](),
	"timedelta": as[v[time.Duration]](),
	"uuid": as[struct {
		V string `json:"v" format:"uuid"`
	}](),
	"url": as[struct {
		V string `json:"v" format:"uri"`
	}](),
	"email": as[struct {
		V string `json:"v" format:"email"`
	}](),
	"ipv4": as[struct {
		V string `json:"v" format:"ipv4"`
	}](),
	"bytes":    as[v[[]byte]](),
	"base64":   as[v[[]byte]](),
	"list_int": as[v[[]int]](),
	"list_str": as[v[[]string]](),
	"list_con": as[struct {
		V []int `json:"v" minItems:"2" maxItems:"3"`
	}](),
	"list_one": as[struct {
		V []int `json:"v" minItems:"1" maxItems:"1"`
	}](),
	"list_list":    as[v[[][]int]](),
	"list_any":     as[v[[]any]](),
	"tuple_var":    as[v[[]int]](),
	"dict_str_int": as[v[map[string]int]](),
	"dict_int_str": as[v[map[int]string]](),
	"dict_con": as[struct {
		V map[string]int `json:"v" minProperties:"1" maxProperties:"2"`
	}](),
	"dict_list":   as[v[map[string][]int]](),
	"dict_any":    as[v[map[string]any]](),
	"model":       as[v[spot]](),
	"model_opt":   as[v[*spot]](),
	"model_list":  as[v[[]spot]](),
	"model_dict":  as[v[map[string]spot]](),
	"tagged":      as[v[beast]](),
	"tagged_list": as[v[[]beast]](),
	"default_str": as[struct {
		V string `json:"v" default:"fallback"`
	}](),
	"default_factory": as[struct {
		V []int `json:"v" default:"[]"`
	}](),
	"strict_int":      as[v[int]](),
	"strict_str":      as[v[string]](),
	"strict_bool":     as[v[bool]](),
	"strict_float":    as[v[float64]](),
	"strict_datetime": as[v[time.Time]](),
	"strict_list":     as[v[[]int]](),
	"direct_str":      as[string](),
	"direct_int":      as[int](),
	"direct_list":     as[[]int](),
	"direct_dict":     as[map[string]string](),
	"direct_opt":      as[*string](),
	"direct_any":      as[any](),
	"direct_bare":     as[map[string]any](),
	"alias":           {reflect.TypeFor[aliased](), schema.CamelCase},
	"forbid": as[struct {
		_ struct{} `additionalProperties:"false"`
		A int      `json:"a"`
		B string   `json:"b" default:"x"`
	}](),
	"allow": as[struct {
		A int `json:"a"`
	}](),
	"ignore": as[struct {
		A int    `json:"a"`
		B string `json:"b" default:"x"`
	}](),
	"frozen": as[struct {
		A int `json:"a"`
		B int `json:"b" default:"2"`
	}](),
	"strict_model": as[struct {
		I int     `json:"i"`
		F float64 `json:"f" default:"0.0"`
		S []int   `json:"s" default:"[]"`
	}](),
	"several": as[struct {
		Name string   `json:"name" minLength:"2"`
		Age  int      `json:"age" minimum:"0"`
		Tags []string `json:"tags"`
		Home spot     `json:"home"`
		Note *string  `json:"note"`
	}](),
	"model_after": as[lowHigh](),
	"validator_value": as[struct {
		V evenInt `json:"v"`
		W string  `json:"w" default:"w"`
	}](),
	"validator_assert": as[v[positiveInt]](),
	"validator_custom": as[v[knownText]](),
}

// withoutCounterpart lists the declarations without a corresponding Go type, and why.
var withoutCounterpart = map[string]string{
	"str_strip":          "the constraint changes the value (strip_whitespace, to_lower)",
	"decimal":            "no decimal type",
	"decimal_con":        "no decimal type",
	"decimal_range":      "no decimal type",
	"none":               "no type whose only value is null",
	"literal_mixed":      "an enum has one kind",
	"literal_bool":       "an enum has strings or integers",
	"datetime_naive":     "no time without an offset",
	"datetime_ge":        "bounds are for numbers",
	"date_past":          "no constraint depends on the clock",
	"uuid4":              "uuid has no version constraint",
	"http_url":           "uri has no scheme constraint",
	"bytes_len":          "lengths are for strings and lists",
	"json":               "no JSON inside a string",
	"set_int":            "no set type",
	"set_con":            "no set type",
	"frozenset_str":      "no set type",
	"tuple_fixed":        "no list whose elements differ in type",
	"dict_key_len":       "no constraints on keys",
	"union_int_str":      "a union has a discriminator",
	"union_str_int":      "a union has a discriminator",
	"union_int_float":    "a union has a discriminator",
	"union_float_int":    "a union has a discriminator",
	"union_bool_int":     "a union has a discriminator",
	"union_int_list":     "a union has a discriminator",
	"union_int_none_str": "a union has a discriminator",
	"union_date_str":     "a union has a discriminator",
	"union_int_date":     "a union has a discriminator",
	"union_con":          "a union has a discriminator",
	"union_literal_int":  "a union has a discriminator",
	"union_models":       "a union has a discriminator",
	"union_model_str":    "a union has a discriminator",
	"union_dict_list":    "a union has a discriminator",
	"union_left":         "a union has a discriminator",
	"direct_union":       "a union has a discriminator",
	"default_bad":        "a default that is not valid panics at construction",
	"strict_uuid":        "strict mode refuses all JSON there",
	"strict_enum":        "strict mode refuses all JSON there",
	"strict_tuple":       "strict mode refuses all JSON there",
	"alias_populate":     "a member has one name",
	"alias_choices":      "a member has one name",
	"model_before":       "no hook before decoding",
	"validator_before":   "no hook before decoding",
	"validator_crash":    "a crash of a validator is no item",
	"dump":               "has decimal, set and tuple members",
}
