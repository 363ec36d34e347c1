package schema_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/chanx-go/chanx/schema"
)

// compileTag compiles a struct with one field X of type T and the tag.
func compileTag[T any](t *testing.T, tag string) (*schema.Type, error) {
	t.Helper()
	c, err := schema.NewCompiler(nil)
	if err != nil {
		t.Fatal(err)
	}
	return c.Compile(reflect.StructOf([]reflect.StructField{{Name: "X", Type: reflect.TypeFor[T](), Tag: reflect.StructTag(tag)}}))
}

// tagMistake checks that the error of a tag names the field and contains each part.
func tagMistake[T any](t *testing.T, tag string, parts ...string) {
	t.Helper()
	_, err := compileTag[T](t, tag)
	if err == nil {
		t.Errorf("%s on %s: accepted, want an error that says %q", tag, reflect.TypeFor[T](), parts)
		return
	}
	for _, part := range append(parts, ".X ") {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%s on %s: got %v, want it to say %q", tag, reflect.TypeFor[T](), err, part)
		}
	}
}

func TestMisspelledTagsAreReportedWithASuggestion(t *testing.T) {
	for name, meant := range map[string]string{
		"minLenght": "minLength", "minlength": "minLength", "MinLength": "minLength", "min_length": "minLength", "min-length": "minLength",
		"minLengt": "minLength", "minLen": "minLength", "minlen": "minLength", "maxlength": "maxLength", "maxLenght": "maxLength",
		"maxLengh": "maxLength", "maxLen": "maxLength", "patern": "pattern", "pattren": "pattern", "Pattern": "pattern", "patterns": "pattern",
		"fromat": "format", "Format": "format", "formt": "format", "enums": "enum", "Enum": "enum", "enmu": "enum", "emun": "enum",
		"defualt": "default", "Default": "default", "defaults": "default", "minimun": "minimum", "minium": "minimum", "Minimum": "minimum",
		"maximun": "maximum", "maxmum": "maximum", "multipleof": "multipleOf", "multiple_of": "multipleOf", "exclusivemaximum": "exclusiveMaximum",
		"exlusiveMinimum": "exclusiveMinimum", "minitems": "minItems", "maxItem": "maxItems", "uniqueitems": "uniqueItems", "uniqItems": "uniqueItems",
		"minproperties": "minProperties", "maxPropertys": "maxProperties", "docs": "doc", "Doc": "doc", "examples": "example", "exmaple": "example",
		"depricated": "deprecated", "frames": "frame", "Frame": "frame", "JSON": "json", "jsno": "json", "jason": "json", "Json": "json",
		"additionalproperties": "additionalProperties",
	} {
		tagMistake[string](t, `json:"x" `+name+`:"1"`, name+`:"1"`, "did you mean "+meant+"?")
		tagMistake[*[]int](t, name+`:""`, name+`:""`, "did you mean "+meant+"?")
	}
}

func TestConstraintsOfOtherLibrariesAreReportedWithOurTag(t *testing.T) {
	for tag, mend := range map[string]string{
		`required:"true"`: "is required unless", `Required:""`: "is required unless", `optional:"true"`: "make it a pointer",
		`nullable:"true"`: "make it a pointer", `omitempty:"true"`: "json tag", `notnull:"true"`: "is required unless", `notempty:"true"`: "minLength",
		`notblank:""`: "minLength", `nonzero:""`: "minimum", `min:"1"`: "minimum, minLength, minItems or minProperties", `Min:"1"`: "minLength",
		`max:"10"`: "maximum, maxLength, maxItems or maxProperties", `gte:"1"`: "minimum", `lte:"1"`: "maximum", `gt:"1"`: "exclusiveMinimum",
		`lt:"1"`: "exclusiveMaximum", `len:"3"`: "minLength", `length:"1,3"`: "minLength", `range:"1,3"`: "minimum", `between:"1,3"`: "minimum",
		`oneof:"a b"`: "enum", `oneOf:"a b"`: "enum", `choices:"a,b"`: "enum", `const:"a"`: "enum", `eq:"a"`: "enum", `ne:"a"`: "Validate",
		`regex:"^a$"`: "pattern", `regexp:"^a$"`: "pattern", `matches:"^a$"`: "pattern", `email:"true"`: "format", `alpha:""`: "pattern",
		`alphanum:""`: "pattern", `numeric:""`: "pattern", `startswith:"a"`: "pattern", `contains:"a"`: "pattern", `excludes:"a"`: "Validate",
		`unique:"true"`: "uniqueItems", `dive:""`: "by themselves", `minsize:"1"`: "minItems", `max_size:"1"`: "maxItems", `min_value:"1"`: "minimum",
		`maxval:"1"`: "maximum", `isdefault:""`: "Validate", `dependentRequired:"a"`: "Validate", `required_if:"A 1"`: "Validate", `requiredWith:"A"`: "Validate",
	} {
		name, _, _ := strings.Cut(tag, ":")
		tagMistake[string](t, `json:"x" `+tag, name, mend)
	}
}

func TestTagsOfOtherPackagesAreAllowed(t *testing.T) {
	for key := range strings.FieldsSeq(`xml yaml toml bson db sql gorm xorm bun pg protobuf protobuf_oneof protobuf_key validate binding valid vd
		mapstructure msgpack codec cbor avro parquet csv env envconfig form query path param uri url header cookie schema dynamodbav datastore firestore
		spanner bigquery graphql faker fake swaggertype swaggerignore jsonschema jsonschema_description description title desc help name short arg
		redis elastic plist hcl ini properties json5 jsonb jsonapi structs copier deepcopier conform mod label message comment readOnly writeOnly hidden
		sensitive encoding timeFormat contentType extensions size index primaryKey in out from to tag dec enc end even ent env elem fmt fam fields do dc
		unit log mask pii scrub secret groups since until version access split_words layout separator delim prefix suffix`) {
		if _, err := compileTag[string](t, `json:"x" `+key+`:"min=1,required"`); err != nil {
			t.Errorf("%s: %v", key, err)
		}
	}
}

func TestMalformedTagsAreReported(t *testing.T) {
	const pairs = `write key:"value"`
	tagMistake[string](t, `json: "x"`, pairs)
	tagMistake[string](t, `json:x`, pairs)
	tagMistake[string](t, `json`, pairs)
	tagMistake[string](t, `json:"x`, pairs)
	tagMistake[string](t, `json:'x'`, pairs)
	tagMistake[string](t, `json:"x", minLength:"1"`, `, minLength:"1"`, pairs)
	tagMistake[string](t, `json:"x";minLength:"1"`, "did you mean minLength?")
	tagMistake[string](t, `json:"x"; minLength:"1"`, pairs)
	tagMistake[string](t, "json:\"x\"\n\tminLength:\"1\"", pairs)
	tagMistake[string](t, `json:"x" minLength="1"`, pairs)
	tagMistake[string](t, `json:"x" the name of it`, pairs)
	tagMistake[string](t, `json:"x" pattern:"^\d+$"`, "pattern:", `\\`)
	tagMistake[string](t, `json:"x" min:"\d"`, "min:")
	tagMistake[string](t, `minLength:"1" minLength:"2"`, "minLength", "twice")
	tagMistake[string](t, `json:"x" doc:"a" json:"y"`, "json", "twice")
	for _, tag := range []string{`json:"x"  minLength:"1" `, `json:"x"minLength:"1"`, ``, ` `, `gorm:"\d" json:"x"`, `db:"a" db:"b" json:"x"`, `pattern:"^\\d+$"`, `json:"x,"`, `json:"-,"`} {
		if _, err := compileTag[string](t, tag); err != nil {
			t.Errorf("%s: %v", tag, err)
		}
	}
}

func TestOptionsOfTheJSONTagAreChecked(t *testing.T) {
	tagMistake[string](t, `json:"a,omitemtpy"`, `json:"a,omitemtpy"`, "did you mean omitempty?")
	tagMistake[string](t, `json:"a, omitempty"`, "did you mean omitempty?")
	tagMistake[string](t, `json:"a,omitEmpty"`, "did you mean omitempty?")
	tagMistake[string](t, `json:",omitzer"`, "did you mean omitzero?")
	tagMistake[int](t, `json:",String"`, "did you mean string?")
	tagMistake[int](t, `json:"a,required"`, "omitempty, omitzero and string")
	tagMistake[struct{ N int }](t, `json:",inline"`, "omitempty, omitzero and string")
	tagMistake[string](t, `json:"omitempty"`, `json:",omitempty"`)
	tagMistake[string](t, `json:" a"`, "space")
	tagMistake[string](t, `json:"a "`, "space")
	type inlined struct {
		Inner `json:",inline"` // as in Kubernetes; encoding/json accepts it too
		N     int              `json:"n"`
		Wide  int              `json:"full name,omitempty,omitzero,string"`
		Opt   string           `json:"string"`
	}
	equal(t, "value", decoded[inlined](t, `{"a":1,"n":2,"full name":"4","string":"5"}`), inlined{Inner{1, "inner"}, 2, 4, "5"})
}

func TestMisplacedTagsAreReported(t *testing.T) {
	mistake[struct {
		Inner `minProperties:"1"`
	}](t, `.Inner minProperties:"1": it does nothing on an embedded struct, whose fields are members here: tag those fields, or name the field with json`)
	mistake[struct {
		*Tagged `default:"{}"`
	}](t, `.Tagged default:"{}": it does nothing on an embedded struct, whose fields are members here: tag those fields, or name the field with json`)
	mistake[struct {
		A int `additionalProperties:"false"`
	}](t, `.A additionalProperties:"false": it belongs on a field _ struct{}: move it there`)
	mistake[struct {
		A int
		_ struct{} `additionalProperties:"flase"`
	}](t, `._ additionalProperties:"flase": it must be true or false`)
	mistake[struct {
		A int
		_ struct{} `additionalproperties:"false"`
	}](t, `._ additionalproperties:"false": it is not known: did you mean additionalProperties?`)
	mistake[struct {
		A int
		_ struct{} `minProperties:"1"`
	}](t, `._ minProperties:"1": it does nothing on a field _: remove it`)
	mistake[struct {
		a int `minimum:"1"`
	}](t, `.a minimum:"1": the field is not exported: export it or remove the tag`)
	type fine struct {
		Skipped  int `json:"-" min:"1" minLenght:"1"`
		internal int `gorm:"-" min:"1"`
		Inner    `doc:"what it has"`
		_        struct{} `nullable:"true" additionalProperties:"true"`
	}
	compiled[fine](t)
	_ = fine{}.internal
}

func TestMisspelledTagsAreFoundAtAnyDepth(t *testing.T) {
	type leaf struct {
		V string `json:"v" minLenght:"1"`
	}
	type ViaList struct{ L [][]leaf }
	type viaMap struct{ M map[string]*leaf }
	type viaFrame struct {
		L leaf `frame:"true"`
	}
	type embedding struct{ *ViaList }
	for _, err := range []error{failure[leaf](), failure[ViaList](), failure[viaMap](), failure[viaFrame](), failure[embedding](), failure[*leaf]()} {
		if err == nil || !strings.Contains(err.Error(), "schema_test.leaf.V minLenght:\"1\"") || !strings.Contains(err.Error(), "did you mean minLength?") {
			t.Errorf("got %v", err)
		}
	}
}

// failure returns the error of compiling T.
func failure[T any](unions ...schema.Union) error {
	_, err := describe[T](unions...)
	return err
}
