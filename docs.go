package chanx

import (
	"reflect"
	"runtime"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Docs holds the comments of a package: of its messages, events and parameters, their fields and constants, and its
// handlers. The command "chanx docs" writes it as a variable Docs of the package, to be listed in ConsumerOptions.Docs.
type Docs struct {
	Package string            // import path
	Main    bool              // it is package main
	Texts   map[string]string // by name: "Say", "Say.Text", "Level=high" for a constant's value, "Room.say" for a handler
}

// comments are the Docs of a consumer.
type comments []Docs

// of returns the comment of a type, or of a part of it. It is a schema.Options.Comment.
func (c comments) of(t reflect.Type, part string) string {
	name, _, _ := strings.Cut(t.Name(), "[") // a generic type's arguments are in its name
	if name == "" {
		return ""
	}
	return c.text(t.PkgPath(), name+part)
}

// ofHandler returns the comment of a function, or of a method expression such as (*Room).say.
func (c comments) ofHandler(f any) string {
	full := runtime.FuncForPC(reflect.ValueOf(f).Pointer()).Name() // example.com/chat.(*Room).say
	slash := strings.LastIndexByte(full, '/') + 1
	dot := slash + strings.IndexByte(full[slash:], '.')
	name := handlerName.Replace(full[dot+1:])
	text := c.text(strings.ReplaceAll(full[:dot], "%2e", "."), name)
	return withoutName(text, name[strings.LastIndexByte(name, '.')+1:])
}

// withoutName removes the name of a function from the beginning of its comment, because readers of a document do not
// know it: "say broadcasts what is said" becomes "Broadcasts what is said".
func withoutName(text, name string) string {
	rest, ok := strings.CutPrefix(text, name+" ")
	if !ok {
		return text
	}
	first, size := utf8.DecodeRuneInString(rest)
	return string(unicode.ToUpper(first)) + rest[size:]
}

var handlerName = strings.NewReplacer("(*", "", ")", "", "[...]", "")

// text finds a comment. Go calls package main "main" in a program, and by its path in a test.
func (c comments) text(pkg, name string) string {
	for _, d := range c {
		if d.Package == pkg || d.Main && pkg == "main" {
			return d.Texts[name]
		}
	}
	return ""
}
