// Package schema describes Go types once and reads the description in several ways: it decodes and validates JSON in one
// pass, encodes values, checks values made in code, writes JSON Schema and gives an example.
//
// A [Compiler] makes a [Type] of a Go type, from its fields and their tags (json, default, minLength, maximum, enum and
// so on). Mistakes in tags, misspelt names and constraints of other libraries among them, are found then, once, and
// named. A [Codec] is a Type with the names of a [Naming];
// [Definitions] are the schemas of many of them, for one document.
//
// Decoding is strict where encoding/json is lenient: kinds are exact ("1" is no number), names are matched exactly, a
// name may come once, text must be valid UTF-8. It tells all that is wrong, not the first thing, each with its path. A
// field is required unless it has a default, is a pointer or is omitempty or omitzero; only a pointer may be null.
package schema
