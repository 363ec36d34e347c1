package schema

import (
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// tagPair is one key:"value" of a struct tag.
type tagPair struct {
	key    string
	quoted string // the value with its quotes
}

func (p tagPair) String() string { return p.key + ":" + p.quoted }

// splitTag parses a struct tag like reflect.StructTag.Lookup. rest is the part that Lookup does not read, because of a
// syntax error.
func splitTag(tag string) (pairs []tagPair, rest string) {
	for {
		tag = strings.TrimLeft(tag, " ")
		end := strings.IndexFunc(tag, func(r rune) bool { return r <= ' ' || r == ':' || r == '"' || r == 0x7f })
		if end <= 0 || !strings.HasPrefix(tag[end:], `:"`) {
			return pairs, tag
		}
		key, value := tag[:end], tag[end+1:]
		n := 1
		for n < len(value) && value[n] != '"' {
			if value[n] == '\\' {
				n++
			}
			n++
		}
		if n >= len(value) {
			return pairs, tag
		}
		pairs = append(pairs, tagPair{key, value[:n+1]})
		tag = value[n+1:]
	}
}

// otherTags are the names of this package's tags that are not constraints.
var otherTags = []string{"json", "default", "doc", "example", "deprecated", frameTag, strictTag}

// strictTag is the tag of a field _ that makes the struct refuse unknown members.
const strictTag = "additionalProperties"

func isConstraint(key string) bool {
	return slices.ContainsFunc(constraints, func(c constraint) bool { return c.tag == key })
}

func isOwnTag(key string) bool { return slices.Contains(otherTags, key) || isConstraint(key) }

// checkTags refuses tags that would be silently ignored: misspelled names, constraints of other libraries, text that
// reflect cannot parse, and tags on fields where they have no effect.
func checkTags(t reflect.Type, f reflect.StructField) error {
	wrong := func(tag, fix string) error { return &TypeError{Type: t, Field: f.Name, Tag: tag, Msg: fix} }
	read := f.IsExported() || f.Name == "_" || isInlined(f)
	pairs, rest := splitTag(string(f.Tag))
	if rest != "" && read {
		return wrong("`"+rest+"`", `Go reads no tag from here on: write key:"value" pairs, with spaces between them and none behind a colon`)
	}
	seen := map[string]bool{}
	for _, p := range pairs {
		if !isOwnTag(p.key) {
			fix := misspelledTag(p.key)
			if fix == "" && f.Name != "_" {
				fix = foreignConstraint(p.key)
			}
			if fix != "" && read {
				return wrong(p.String(), fix)
			}
			continue
		}
		text, err := strconv.Unquote(p.quoted)
		fix := misplaced(f, p.key)
		switch {
		case err != nil:
			fix = `Go cannot read its text: write \\ for each \`
		case seen[p.key]:
			fix = "the field has this tag twice, and only the first is read: remove one"
		case fix != "":
		case p.key == "json":
			fix = checkJSONTag(f, text)
		case p.key == strictTag && text != "true" && text != "false":
			fix = "it must be true or false"
		}
		if fix != "" {
			return wrong(p.String(), fix)
		}
		seen[p.key] = true
	}
	return nil
}

// misplaced returns how to fix one of this package's tags on a field where it has no effect, or "".
func misplaced(f reflect.StructField, key string) string {
	switch {
	case f.Name == "_":
		if key != strictTag {
			return "it does nothing on a field _: remove it"
		}
	case key == strictTag:
		return "it belongs on a field _ struct{}: move it there"
	case isInlined(f):
		if isConstraint(key) || key == "default" || key == "example" {
			return "it does nothing on an embedded struct, whose fields are members here: tag those fields, or name the field with json"
		}
	case !f.IsExported() && isConstraint(key):
		return "the field is not exported: export it or remove the tag"
	}
	return ""
}

// isInlined reports whether the fields of an embedded struct become members of the struct around it.
func isInlined(f reflect.StructField) bool {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	t := f.Type
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return f.Anonymous && name == "" && t.Kind() == reflect.Struct && (f.IsExported() || f.Type.Kind() == reflect.Struct)
}

var jsonOptions = []string{"omitempty", "omitzero", "string"}

// checkJSONTag finds options that have no effect, and names that were meant as options.
func checkJSONTag(f reflect.StructField, text string) (fix string) {
	name, options, _ := strings.Cut(text, ",")
	switch {
	case name == "omitempty" || name == "omitzero":
		return `it names the field ` + name + `: write json:",` + name + `"`
	case name != strings.TrimSpace(name):
		return "the name begins or ends with a space: remove it"
	}
	for option := range strings.SplitSeq(options, ",") {
		if option == "" || slices.Contains(jsonOptions, option) || option == "inline" && isInlined(f) {
			continue
		}
		if meant := nearest(option, jsonOptions); meant != "" {
			return strconv.Quote(option) + " is not an option: did you mean " + meant + "?"
		}
		return strconv.Quote(option) + " is not an option: there are omitempty, omitzero and string"
	}
	return ""
}
