package chanx

import (
	"errors"
	"fmt"
	"reflect"
	"slices"

	"github.com/chanx-go/chanx/schema"
)

// UnionType describes an interface type: one member of the JSON object tells its concrete types apart. See Union.
type UnionType = schema.Union

// UnionVariant is one concrete type of a UnionType. See VariantOf.
type UnionVariant = schema.Variant

// Union declares that fields of the interface type I hold one of the variants. The member named by discriminator tells
// them apart. See ServerOptions.Unions.
func Union[I any](discriminator string, variants ...UnionVariant) UnionType {
	return UnionType{Interface: reflect.TypeFor[I](), Discriminator: discriminator, Variants: variants}
}

// VariantOf declares the variant T, identified by tag.
func VariantOf[T any](tag string) UnionVariant {
	return UnionVariant{Tag: tag, Type: reflect.TypeFor[T]()}
}

func newConsumerCompiler(unions []UnionType, docs comments) (*schema.Compiler, error) {
	return schema.NewCompiler(&schema.Options{
		Unions: unions, UnionsOption: "ServerOptions.Unions or ConsumerOptions.Unions", Comment: docs.of,
	})
}

// newServerCompiler panics if a union is wrong.
func newServerCompiler(unions []UnionType) *schema.Compiler {
	c, err := schema.NewCompiler(&schema.Options{Unions: unions, UnionsOption: "ServerOptions.Unions"})
	for i := 0; i < len(unions) && err == nil; i++ {
		if _, err = c.Compile(unions[i].Interface); lacksUnion(err) {
			err = nil // a consumer may have it
		}
	}
	if err != nil {
		panic(fmt.Sprintf("chanx: new server: ServerOptions.Unions: %v", err))
	}
	return c
}

// compilerFor returns the compiler of a consumer on this server. A union of the consumer replaces the server's.
func (s *Server) compilerFor(e *endpoint) *schema.Compiler {
	if len(s.opts.Unions) == 0 {
		return e.compiler
	}
	unions := slices.Clone(e.opts.Unions)
	for _, u := range s.opts.Unions {
		if !slices.ContainsFunc(unions, func(own UnionType) bool { return own.Interface == u.Interface }) {
			unions = append(unions, u)
		}
	}
	c, err := newConsumerCompiler(unions, e.opts.Docs)
	if err != nil {
		panic(err) // NewServer and NewConsumer have checked them
	}
	return c
}

// compile describes a type with the compiler by. If by lacks a union, the first consumer that has it is used.
func (s *Server) compile(by *schema.Compiler, t reflect.Type) (*schema.Type, error) {
	typ, err := by.Compile(t)
	if !lacksUnion(err) {
		return typ, err
	}
	for _, m := range s.mounted() {
		if typ, err := m.compiler.Compile(t); err == nil {
			return typ, nil
		}
	}
	return nil, err
}

// compileAny describes a type that is given to a method of the server.
func (s *Server) compileAny(t reflect.Type) (*schema.Type, error) { return s.compile(s.compiler, t) }

// direction is a check of a type: that it can be read, or written, or be an event.
type direction = func(*schema.Type) error

func compileFor(c *schema.Compiler, t reflect.Type, directions []direction) (*schema.Type, error) {
	typ, err := c.Compile(t)
	for _, check := range directions {
		if err == nil {
			err = check(typ)
		}
	}
	return typ, err
}

// lacksUnion reports whether a type did not compile because there is no union for an interface inside it.
func lacksUnion(err error) bool {
	wrong, ok := errors.AsType[*schema.TypeError](err)
	return ok && wrong.NoUnion
}
