package schema

import (
	"reflect"
	"slices"
	"strconv"
)

// UnreadRule is a field's tag with rules for another library, such as validate:"required". This package ignores it.
type UnreadRule struct {
	Type  reflect.Type // the struct that declares the field
	Field string
	Tag   string // the tag and its text
}

// ruleTags are the tags that other libraries read rules from: go-playground/validator and gookit/validate, gin,
// govalidator, hertz.
var ruleTags = []string{"validate", "binding", "valid", "validator", "vd"}

func (t *Type) noteUnread(owner reflect.Type, f reflect.StructField) {
	for _, key := range ruleTags {
		if text := f.Tag.Get(key); text != "" && text != "-" && (f.IsExported() || isInlined(f)) {
			t.unread = append(t.unread, UnreadRule{owner, f.Name, key + ":" + strconv.Quote(text)})
		}
	}
}

// UnreadRules lists the rules for other libraries in the type and the types inside it. It may be called concurrently.
func (t *Type) UnreadRules() []UnreadRule { return t.unreadRules(nil, map[*Type]bool{}) }

func (t *Type) unreadRules(all []UnreadRule, seen map[*Type]bool) []UnreadRule {
	if seen[t] {
		return all
	}
	seen[t] = true
	for _, u := range t.unread {
		if !slices.Contains(all, u) {
			all = append(all, u)
		}
	}
	for part := range t.parts {
		all = part.unreadRules(all, seen)
	}
	return all
}
