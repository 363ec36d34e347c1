package clientgen

import (
	"slices"
	"strings"
)

const maxLineTS = 120

// typesTS writes the types of a contract.
type typesTS struct {
	*strings.Builder

	names map[*Type]string
}

// name returns the name of a type in a direction. What the client receives has the plain name.
func (w *typesTS) name(t *Type, d direction) string {
	if t.Split && d == sent {
		return w.names[t] + "Input"
	}
	return w.names[t]
}

func (w *typesTS) declare(t *Type) {
	d := received
	if !t.Received {
		d = sent
	}
	w.declareAs(t, d)
	if t.Split {
		w.declareAs(t, sent)
	}
}

func (w *typesTS) declareAs(t *Type, d direction) {
	s := t.Schema
	w.WriteString(describeTS(s).text(""))
	if s.Shape != Object || s.Nullable {
		w.WriteString("export type " + w.name(t, d) + " = " + w.schema(s, d) + ";\n")
		return
	}
	w.WriteString("export interface " + w.name(t, d) + " ")
	w.WriteString(w.body(s, d) + "\n")
}

// body writes the members of an interface, in one line if they fit.
func (w *typesTS) body(s *Schema, d direction) string {
	line := w.members(s, d)
	if len(line) <= maxLineTS && !strings.Contains(line, "\n") {
		return line
	}
	var b strings.Builder
	b.WriteString("{\n")
	for _, p := range s.Properties {
		b.WriteString(describeTS(p.Schema).text("  ") + "  " + w.property(p, d) + ";\n")
	}
	if s.Items != nil {
		b.WriteString("  [name: string]: unknown;\n")
	}
	b.WriteString("}")
	return b.String()
}

// members writes an object in one line, with the comments between.
func (w *typesTS) members(s *Schema, d direction) string {
	var all []string
	for _, p := range s.Properties {
		comment := strings.TrimSuffix(describeTS(p.Schema).text(""), "\n")
		if comment != "" {
			comment += " "
		}
		all = append(all, comment+w.property(p, d))
	}
	if s.Items != nil {
		all = append(all, "[name: string]: unknown")
	}
	if len(all) == 0 {
		return "{}"
	}
	return "{ " + strings.Join(all, "; ") + " }"
}

func (w *typesTS) property(p Property, d direction) string {
	if p.Required || p.Always && d == received {
		return memberTS(p.Name) + ": " + w.schema(p.Schema, d)
	}
	return memberTS(p.Name) + "?: " + w.schema(p.Schema, d) + " | undefined"
}

// schema writes the type of a value.
func (w *typesTS) schema(s *Schema, d direction) string {
	text := w.notNull(s, d)
	if s.Nullable {
		text += " | null"
	}
	return text
}

func (w *typesTS) notNull(s *Schema, d direction) string {
	switch s.Shape {
	case Never:
		return "never"
	case Null:
		return "null"
	case String:
		return "string"
	case Integer, Number:
		return "number"
	case Boolean:
		return "boolean"
	case Enum:
		return literalsTS(s.Values)
	case Array:
		return "readonly " + group(w.schema(s.Items, d)) + "[]"
	case Map:
		return w.mapping(s, d)
	case Object:
		if len(s.Properties) == 0 && s.Items == nil {
			return "Record<string, never>"
		}
		return w.members(s, d)
	case Union:
		return w.union(s, d)
	case Named:
		return w.name(s.Ref, d)
	}
	return "unknown"
}

func (w *typesTS) mapping(s *Schema, d direction) string {
	if s.Keys == nil {
		return "{ readonly [key: string]: " + w.schema(s.Items, d) + " }"
	}
	var keys []string
	for _, k := range s.Keys {
		keys = append(keys, quoteTS(k))
	}
	return "{ readonly [K in " + strings.Join(keys, " | ") + "]?: " + w.schema(s.Items, d) + " }"
}

func (w *typesTS) union(s *Schema, d direction) string {
	var all []string
	for _, of := range s.Of {
		if one := w.schema(of, d); !slices.Contains(all, one) {
			all = append(all, one)
		}
	}
	return strings.Join(all, " | ")
}

// group puts a type into parentheses if a suffix would else belong to its last part only.
func group(text string) string {
	if strings.Contains(text, " ") && !strings.HasPrefix(text, "{") || strings.Contains(text, " | ") {
		return "(" + text + ")"
	}
	return text
}

func literalsTS(values []Literal) string {
	var all []string
	for _, v := range values {
		if v.Kind == String {
			all = append(all, quoteTS(v.Text))
		} else {
			all = append(all, v.Text)
		}
	}
	return strings.Join(all, " | ")
}

// describeTS is the documentation of a schema: its text, its format, what its constants mean.
func describeTS(s *Schema) commentTS {
	parts := []string{strings.TrimSpace(s.Doc)}
	if s.Format != "" {
		parts = append(parts, "Format: "+s.Format+".")
		if parts[0] == "" {
			parts = []string{s.Format}
		}
	}
	for _, v := range s.Values {
		if v.Doc != "" {
			parts = append(parts, "- "+v.Text+": "+strings.ReplaceAll(v.Doc, "\n", " "))
		}
	}
	return commentTS{strings.TrimSpace(strings.Join(parts, "\n")), s.Deprecated}
}
