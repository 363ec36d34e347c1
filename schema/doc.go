// Package schema compiles a Go type once and uses the result in several ways: it decodes and validates JSON in one
// pass, encodes values, validates values made in code, writes JSON Schema and makes an example.
//
// A [Compiler] turns a Go type into a [Type], from its fields and their tags (json, default, minLength, maximum, enum
// and so on). Compiling reports mistakes in tags, including misspelled names and constraints of other libraries. A
// [Codec] is a Type with the member names of a [Naming]. [Definitions] hold the schemas of many types for one document.
//
// Decoding is strict where encoding/json is lenient: kinds are exact ("1" is not a number), names are matched exactly,
// a name may occur once, text must be valid UTF-8. It reports the first [Limits].MaxErrors mistakes with their paths,
// not only one. A field is required unless it has a default, is a pointer, or is omitempty or omitzero. null is
// accepted for pointers, any, json.RawMessage and types that encode their zero value as null.
package schema
