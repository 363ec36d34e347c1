package chanx

import (
	"fmt"
	"net/http"
	"reflect"
	"slices"

	"github.com/chanx-go/chanx/schema"
)

// NewConsumerWith is like NewConsumer for a consumer whose clients give typed parameters in the URL. P is a struct,
// whose fields have the tag path:"name", for a wildcard of the pattern, or query:"name":
//
//	type Entry struct {
//		Room  string   `path:"room" pattern:"^[a-z0-9-]+$" doc:"The room to enter"`
//		Since int      `query:"since" default:"0" minimum:"0"`
//		Lang  *string  `query:"lang" enum:"en,de"` // optional
//		Tags  []string `query:"tag" maxItems:"10"` // the key may be repeated
//	}
//
// Fields are strings, numbers, booleans, times, types of these kinds, or types with UnmarshalText. Numbers are decimal,
// and booleans are true or false. The tags are those of messages. A Validate method checks the whole value. Names are
// used as they are, also under Camelize. Embedded structs are allowed.
//
// The parameters are checked after the Authenticator and before open. If one is wrong, the connection is refused with
// 400, or with 404 if one of the path is wrong. The items are in the authentication message: data.errors, with loc
// ["query", "since"]. Unknown keys of the query are ignored.
//
// A struct that cannot hold parameters panics. So does Handle with a pattern that lacks a wildcard.
func NewConsumerWith[S, P any](open func(c *Conn, r *http.Request, p P) (*S, error), opts *ConsumerOptions) *Consumer[S] {
	c := newConsumer(open == nil, func(c *Conn, r *http.Request, given any) (*S, error) { return open(c, r, *given.(*P)) }, opts)
	compiled, err := schema.CompileParams(reflect.TypeFor[P](), &schema.Options{Comment: comments(c.end.opts.Docs).of})
	if err != nil {
		panic(fmt.Sprintf("chanx: new consumer of %s: parameters: %v", reflect.TypeFor[S](), err))
	}
	c.end.params = &params{compiled, func() any { return new(P) }}
	return c
}

// params reads the parameters of a consumer made by NewConsumerWith. nil reads nothing.
type params struct {
	*schema.Params
	make func() any // returns a pointer to a new value
}

// read returns a pointer to the parameters of a request, or the refusal.
func (p *params) read(c *Conn, r *http.Request) (any, error) {
	if p == nil {
		return nil, nil
	}
	v := p.make()
	items := p.Decode(r.PathValue, r.URL.RawQuery, v, c.mount.limits)
	if items == nil {
		return v, nil
	}
	c.logCause(items)
	return nil, &RefusalError{Status: statusOf(items), Detail: badParameters, Errors: items}
}

// badParameters is the text for a client that gives wrong parameters.
const badParameters = "invalid parameters"

// statusOf is 404 if a parameter of the path is wrong: then the client asked for something that does not exist.
func statusOf(items ValidationError) int {
	inPath := func(item FieldError) bool { return len(item.Loc) > 0 && item.Loc[0] == schema.InPath }
	if slices.ContainsFunc(items, inPath) {
		return http.StatusNotFound
	}
	return http.StatusBadRequest
}

// checkPattern panics if the pattern lacks a parameter of the path.
func (p *params) checkPattern(pattern, consumer string) {
	if p == nil {
		return
	}
	names := wildcards(pattern)
	for _, name := range p.PathNames() {
		if !slices.Contains(names, name) {
			panic(fmt.Sprintf("chanx: handle %q: consumer %s has the parameter path:%q, and the pattern has no such wildcard: write {%s} in it",
				pattern, consumer, name, name))
		}
	}
}
