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
	quoted string // the value as it stands in the tag
}

func (p tagPair) String() string { return p.key + ":" + p.quoted }

// splitTag reads a struct tag like reflect.StructTag.Lookup. What Lookup stops at, so that it finds nothing behind it, is rest.
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

// strictTag is the tag of a field _ that refuses unknown members.
const strictTag = "additionalProperties"

func isConstraint(key string) bool {
	return slices.ContainsFunc(constraints, func(c constraint) bool { return c.tag == key })
}

func isOwnTag(key string) bool { return slices.Contains(otherTags, key) || isConstraint(key) }

// checkTags finds tags of a struct's field that would be ignored although somebody meant something by them: misspelt
// names, constraints of other libraries, text that reflect cannot read, and tags in a place where they are not read.
func checkTags(t reflect.Type, f reflect.StructField) error {
	wrong := func(tag, mend string) error { return &TypeError{Type: t, Field: f.Name, Tag: tag, Mend: mend} }
	read := f.IsExported() || f.Name == "_" || isInlined(f)
	pairs, rest := splitTag(string(f.Tag))
	if rest != "" && read {
		return wrong("`"+rest+"`", `Go reads no tag from here on: write key:"value" pairs, with spaces between them and none behind a colon`)
	}
	seen := map[string]bool{}
	for _, p := range pairs {
		if !isOwnTag(p.key) {
			mend := misspelt(p.key)
			if mend == "" && f.Name != "_" {
				mend = foreignWord(p.key)
			}
			if mend != "" && read {
				return wrong(p.String(), mend)
			}
			continue
		}
		text, err := strconv.Unquote(p.quoted)
		mend := misplaced(f, p.key)
		switch {
		case err != nil:
			mend = `Go cannot read its text: write \\ for each \`
		case seen[p.key]:
			mend = "the field has this tag twice, and only the first is read: remove one"
		case mend != "":
		case p.key == "json":
			mend = checkJSONTag(f, text)
		case p.key == strictTag && text != "true" && text != "false":
			mend = "it must be true or false"
		}
		if mend != "" {
			return wrong(p.String(), mend)
		}
		seen[p.key] = true
	}
	return nil
}

// misplaced is what is wrong with one of this package's tags on a field where it is not read; "" if it is.
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

// checkJSONTag finds options that do nothing, and names that were meant as options.
func checkJSONTag(f reflect.StructField, text string) (mend string) {
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
			return strconv.Quote(option) + " is no option: did you mean " + meant + "?"
		}
		return strconv.Quote(option) + " is no option: there are omitempty, omitzero and string"
	}
	return ""
}
