package chanx_test

import (
	"context"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/chanx-go/chanx"
)

// Types with mistakes that must panic when a consumer is built.
type (
	plainState   struct{ Name string }
	pointerless  struct{ chanx.Conn }
	deepState    struct{ state }
	ptrMessage   struct{}
	noAction     struct{}
	reserved     struct{}
	errorMessage struct{}
	promotedMsg  struct{ sayMessage }
	sayTwice     struct{}
	badTag       struct {
		Name string `json:"name" minLength:"x"`
	}
	badDefault struct {
		N int `json:"n" default:"many"`
	}
	badField struct {
		C chan int `json:"c"`
	}
	anyFace struct {
		V interface{ Face() } `json:"v"`
	}
	collides struct {
		AB  int `json:"a_b"`
		AB2 int `json:"aB"`
	}
	noName    struct{}
	camelFace struct {
		Kind string `json:"faceKind"`
	}
	badFace struct {
		N int `default:"many"`
	}
)

func (camelFace) Face() {}
func (badFace) Face()   {}

func (*ptrMessage) Action() string  { return "ptr" }
func (noAction) Action() string     { return "" }
func (reserved) Action() string     { return "chanx.cancel" }
func (errorMessage) Action() string { return "error" }
func (sayTwice) Action() string     { return "say" }
func (badTag) Action() string       { return "bad_tag" }
func (badDefault) Action() string   { return "bad_default" }
func (badField) Action() string     { return "bad_field" }
func (anyFace) Action() string      { return "any_face" }
func (collides) Action() string     { return "collides" }
func (noName) Event() string        { return "" }

var consumerMistakes = []mistake{
	{"nil open", func() { chanx.NewConsumer[state](nil, nil) }, []string{"chanx_test.state", "open is nil"}},
	{"state without Conn", func() {
		chanx.NewConsumer(func(*chanx.Conn, *http.Request) (*plainState, error) { return nil, nil }, nil)
	}, []string{"plainState", "embed *chanx.Conn"}},
	{"state with Conn by value", func() {
		chanx.NewConsumer(func(*chanx.Conn, *http.Request) (*pointerless, error) { return nil, nil }, nil)
	}, []string{"pointerless", "embed *chanx.Conn", "its field Conn is chanx.Conn"}},
	{"state with Conn deeper", func() {
		chanx.NewConsumer(func(*chanx.Conn, *http.Request) (*deepState, error) { return nil, nil }, nil)
	}, []string{"deepState", "not only through another embedded type"}},
	{"state that is no struct", func() {
		chanx.NewConsumer(func(*chanx.Conn, *http.Request) (*int, error) { return nil, nil }, nil)
	}, []string{"int", "must be a struct"}},
	{
		"static group", func() { chanx.NewConsumer(openState, &chanx.ConsumerOptions{Groups: []string{"a\nb"}}) },
		[]string{"ConsumerOptions.Groups", `"a\nb"`, "control character U+000A"},
	},
	{"union without variants", func() {
		chanx.NewConsumer(openState, &chanx.ConsumerOptions{Unions: []chanx.UnionType{chanx.Union[interface{ Face() }]("kind")}})
	}, []string{"Face()", "at least one variant"}},
}

var messageMistakes = []mistake{
	{"pointer message", func() { on[*ptrMessage](newState()) }, []string{"*chanx_test.ptrMessage", "pointer", "value receiver"}},
	{"interface message", func() { on[chanx.Message](newState()) }, []string{"chanx.Message", "interface", "OnUnion"}},
	{"empty action", func() { on[noAction](newState()) }, []string{"noAction", "its action is empty"}},
	{"reserved action", func() { on[reserved](newState()) }, []string{"reserved", "chanx.cancel", "rename"}},
	{"promoted action", func() { on[promotedMsg](newState()) }, []string{"promotedMsg", "embedded", "func (promotedMsg) Action() string"}},
	{
		"action handled twice", func() { c := newState(); on[sayMessage](c); on[sayTwice](c) },
		[]string{"sayTwice", `"say"`, "sayMessage", "handled already"},
	},
	{
		"two types for one action", func() { c := newState(); chanx.Sends[sayMessage](c); chanx.Sends[sayTwice](c) },
		[]string{"sayTwice", `"say"`, "sayMessage", "rename"},
	},
	{"the server's own action", func() { chanx.Sends[errorMessage](newState()) }, []string{"errorMessage", `"error"`}},
	{"bad tag", func() { on[badTag](newState()) }, []string{"badTag.Name", `minLength:"x"`, "whole number"}},
	{"bad default", func() { on[badDefault](newState()) }, []string{"badDefault.N", `default:"many"`}},
	{"field that is no JSON", func() { on[badField](newState()) }, []string{"chan int at chanx_test.badField.C", "json:\"-\""}},
	{
		"latest of another type", func() { chanx.Broadcasts[plainMessage](newState(), byItem) },
		[]string{"plainMessage", "Latest is for chanx_test.priceMessage", "chanx.Latest(func(m plainMessage) string"},
	},
	{
		"latest of another type than sent", func() { chanx.Sends[plainMessage](newState(), byItem) },
		[]string{"plainMessage", "Latest is for chanx_test.priceMessage"},
	},
	{"latest twice", func() { chanx.Sends[priceMessage](newState(), byItem, byItem) }, []string{"priceMessage", "has a key function already"}},
	{"latest declared twice", func() { chanx.Sends[priceMessage](newViewer(), byItem) }, []string{"priceMessage", "has a key function already"}},
	{"latest without a function", func() { chanx.Latest[priceMessage](nil) }, []string{"priceMessage", "nil"}},
	{
		"latest of the library's", func() { chanx.Sends[chanx.Pong](newState(), chanx.Latest(func(chanx.Pong) string { return "" })) },
		[]string{"Pong", "leave it out"},
	},
	{"nil handler", func() { chanx.On[state, sayMessage](newState(), nil) }, []string{"sayMessage", "handler is nil"}},
	{
		"union of nothing", func() { chanx.OnUnion(newState(), func(*state, context.Context, chanx.Message) error { return nil }) },
		[]string{"chanx.Message", "at least one chanx.Case"},
	},
	{"union case that is none", func() {
		chanx.OnUnion(newState(), func(*state, context.Context, interface {
			chanx.Message
			Face()
		},
		) error {
			return nil
		}, chanx.Case[sayMessage]())
	}, []string{"sayMessage", "does not implement"}},
	{
		"event without name", func() { chanx.OnEvent(newState(), func(*state, context.Context, noName) error { return nil }) },
		[]string{"noName", "name is empty"},
	},
	{"event twice", func() {
		c := newState()
		for range 2 {
			chanx.OnEvent(c, func(*state, context.Context, ringEvent) error { return nil })
		}
	}, []string{"ringEvent", `"ring"`}},
	{"OnOpen twice", func() {
		c := newState()
		for range 2 {
			c.OnOpen(func(*state, context.Context) error { return nil })
		}
	}, []string{"chanx: register OnOpen of consumer state: it has one already"}},
	{"OnOpen of nil", func() { newState().OnOpen(nil) }, []string{"chanx: register OnOpen of consumer state: the handler is nil"}},
	{"OnClose of nil", func() { newState().OnClose(nil) }, []string{"chanx: register OnClose of consumer state: the handler is nil"}},
	{"middleware that is nil", func() { newState().Use(nil) }, []string{"chanx: use middleware of consumer state: it is nil"}},
	{"registering too late", func() {
		c := newState()
		chanx.NewServer(nil).Handle("/ws", c)
		c.OnOpen(func(*state, context.Context) error { return nil })
	}, []string{"chanx: register with consumer state: it serves already: register everything before Handle"}},
	{"a status that is no refusal", func() { _ = chanx.Refuse(200, "") }, []string{"chanx: refuse connection: status 200"}},
	{"nothing at a time", func() { chanx.Concurrent(0) }, []string{"chanx: register handler: Concurrent(0)"}},
	{"OnClose nil", func() { newState().OnClose(nil) }, []string{"OnClose", "nil"}},
}

var serverMistakes = []mistake{
	{"pattern with a method", func() { chanx.NewServer(nil).Handle("GET /ws", newState()) }, []string{`"GET /ws"`, "leave the method out"}},
	{"nil consumer", func() { chanx.NewServer(nil).Handle("/ws", nil) }, []string{`"/ws"`, "nil"}},
	{"bad pattern", func() { chanx.NewServer(nil).Handle("/{a}/{a}", newState()) }, []string{"/{a}/{a}"}},
	{"pattern twice", func() { s := chanx.NewServer(nil); s.Handle("/ws", newState()); s.Handle("/ws", newState()) }, []string{"/ws"}},
	{"names that collide", func() {
		c := newState()
		on[collides](c)
		chanx.NewServer(&chanx.ServerOptions{Camelize: true}).Handle("/ws", c)
	}, []string{"collides.AB2", "camelCase", `"aB"`}},
	{"interface field", func() { c := newState(); on[anyFace](c); chanx.NewServer(nil).Handle("/ws", c) }, []string{
		`handle "/ws": consumer state`, "interface { Face() } at chanx_test.anyFace.V", "declare the types it may hold in ServerOptions.Unions or ConsumerOptions.Unions",
	}},
	{"union twice", func() { chanx.NewServer(&chanx.ServerOptions{Unions: slices.Concat(facials, facials)}) }, []string{
		"new server: ServerOptions.Unions", "chanx_test.facial", "declared as a union twice",
	}},
	{"bad tag in a variant", func() {
		face := chanx.Union[interface{ Face() }]("kind", chanx.VariantOf[badFace]("bad"))
		chanx.NewServer(&chanx.ServerOptions{Unions: []chanx.UnionType{face}})
	}, []string{"new server: ServerOptions.Unions", "chanx_test.badFace.N", `default:"many"`}},
	{"discriminator that is a field", func() {
		face := chanx.Union[interface{ Face() }]("face_kind", chanx.VariantOf[camelFace]("camel"))
		c := chanx.NewConsumer(openState, &chanx.ConsumerOptions{Unions: []chanx.UnionType{face}})
		on[anyFace](c)
		chanx.NewServer(nil).Handle("/ws", c)
		chanx.NewServer(&chanx.ServerOptions{Camelize: true}).Handle("/ws", c)
	}, []string{`handle "/ws"`, "camelFace.Kind at chanx_test.anyFace.V.(chanx_test.camelFace).Kind", `the discriminator "face_kind"`, "rename one"}},
	{"discriminator that is a field, in a union of the server", func() {
		face := chanx.Union[interface{ Face() }]("face_kind", chanx.VariantOf[camelFace]("camel"))
		c := newState()
		on[anyFace](c)
		chanx.NewServer(&chanx.ServerOptions{Camelize: true, Unions: []chanx.UnionType{face}}).Handle("/ws", c)
	}, []string{`handle "/ws"`, "camelFace.Kind at chanx_test.anyFace.V.(chanx_test.camelFace).Kind", "rename one"}},
	{
		"registered too late", func() { c := newState(); chanx.NewServer(nil).Handle("/ws", c); on[sayMessage](c) },
		[]string{"state", "before Handle"},
	},
	{"discriminator", func() { chanx.NewServer(&chanx.ServerOptions{Discriminator: "payload"}) }, []string{"Discriminator", `"payload"`}},
	{"origin", func() { chanx.NewServer(&chanx.ServerOptions{Origins: []string{"example.com"}}) }, []string{"example.com", "scheme"}},
	{"subprotocol", func() { chanx.NewServer(&chanx.ServerOptions{Subprotocols: []string{"a b"}}) }, []string{"a b"}},
	{
		"level of compression", func() { chanx.NewServer(&chanx.ServerOptions{Compression: chanx.Compression{Level: 10}}) },
		[]string{"ServerOptions.Compression.Level 10", "1 (fastest) to 9 (smallest)"},
	},
	{
		"negative level", func() {
			chanx.NewServer(&chanx.ServerOptions{Compression: chanx.Compression{Enabled: true, Level: -2}})
		},
		[]string{"ServerOptions.Compression.Level -2"},
	},
	{"status of Refuse", func() { _ = chanx.Refuse(200, "") }, []string{"200", "400 to 599"}},
	{"one subprotocol", func() { handleWith(oneSubprotocol{}) }, []string{
		`handle "/ws"`, "oneSubprotocol is not a chanx.SubprotocolAuthenticator", "change the method Subprotocols() string into Subprotocols() []string",
	}},
	{"schemes without TokenRequired", func() { handleWith(onlySchemes{}) }, []string{
		"onlySchemes is not a chanx.DocumentedAuthenticator: add the method TokenRequired() bool",
	}},
	{"schemes of a pointer", func() { handleWith(pointerSchemes{}) }, []string{"pointerSchemes", "pointer receivers: pass a pointer"}},
}

func handleWith(a chanx.Authenticator) {
	chanx.NewServer(nil).Handle("/ws", chanx.NewConsumer(openState, &chanx.ConsumerOptions{Authenticator: a}))
}

// Authenticators whose further methods would be ignored.
type (
	oneSubprotocol struct{ chanx.AuthenticatorFunc }
	onlySchemes    struct{ chanx.AuthenticatorFunc }
	pointerSchemes struct{ chanx.AuthenticatorFunc }
)

func (oneSubprotocol) Subprotocols() string               { return "token." }
func (onlySchemes) SecuritySchemes() []map[string]any     { return nil }
func (*pointerSchemes) SecuritySchemes() []map[string]any { return nil }
func (*pointerSchemes) TokenRequired() bool               { return true }

// TestAuthenticatorsWithoutFurtherMethods are complete.
func TestAuthenticatorsWithoutFurtherMethods(t *testing.T) {
	handleWith(nil)
	handleWith(byHeader)
	handleWith(&pointerSchemes{})
	handleWith(carrying{byHeader})
}

func TestMistakesPanicAtConstruction(t *testing.T) {
	for _, tt := range slices.Concat(consumerMistakes, messageMistakes, serverMistakes) {
		t.Run(tt.name, func(t *testing.T) {
			said := panicOf(tt.do)
			for _, part := range tt.says {
				if !strings.Contains(said, part) {
					t.Errorf("panic %q, want it to say %q", said, part)
				}
			}
		})
	}
}

// TestDeclarationsMayRepeat checks that the same declaration may be made twice.
func TestDeclarationsMayRepeat(t *testing.T) {
	c := newState()
	chanx.Sends[saidMessage](c)
	chanx.Broadcasts[saidMessage](c)
	chanx.Sends[saidMessage](c)
	chanx.Sends[chanx.Ping](c)
	on[chanx.Ping](c)
	on[collides](c)
	for range 2 {
		chanx.NewServer(nil).Handle("/ws", c)
	}
}

// TestBadPatternsNameTheCaller checks that the panic names the line of the call of Handle, not one of this library.
func TestBadPatternsNameTheCaller(t *testing.T) {
	for _, k := range []struct {
		name  string
		do    func(s *chanx.Server)
		texts []string
	}{
		{"taken", func(s *chanx.Server) {
			s.Handle("/ws/{a}", door())
			s.Handle("/ws/{a}", door())
		}, []string{`chanx: handle "/ws/{a}" at `, `pattern "/ws/{a}" (handled at `, `conflicts with pattern "/ws/{a}" (handled at `}},
		{"overlapping", func(s *chanx.Server) {
			s.Handle("/ws/{a}/x", door())
			s.Handle("/ws/y/{b}", door())
		}, []string{`chanx: handle "/ws/y/{b}" at `, `pattern "/ws/{a}/x" (handled at `}},
		{"open brace", func(s *chanx.Server) { s.Handle("/ws/{a", door()) }, []string{`chanx: handle "/ws/{a" at `, "wildcard"}},
		{"no slash", func(s *chanx.Server) { s.Handle("ws", door()) }, []string{`chanx: handle "ws" at `, "missing /"}},
		{"empty", func(s *chanx.Server) { s.Handle("", door()) }, []string{`chanx: handle "" at `, "invalid pattern"}},
		{"of Handler", func(s *chanx.Server) { s.Handler("/{a}/{a}", door()) }, []string{`chanx: handle "/{a}/{a}" at `, "duplicate"}},
	} {
		t.Run(k.name, func(t *testing.T) {
			s := chanx.NewServer(&chanx.ServerOptions{Logger: quiet})
			defer func() {
				text, _ := recover().(string)
				for _, want := range append(k.texts, "/construct_test.go:") {
					if !strings.Contains(text, want) {
						t.Errorf("panic %q, want %q", text, want)
					}
				}
				if strings.Contains(text, "server.go") || strings.Contains(text, "router.go") || strings.Contains(text, "registered at") {
					t.Errorf("panic %q names a place of this library", text)
				}
				if places := regexp.MustCompile(`construct_test\.go:\d+`).FindAllString(text, -1); len(places) == 3 && (places[0] != places[1] || places[1] == places[2]) {
					t.Errorf("places %q: want twice the new one, then the old one", places)
				}
				if n := len(s.Spec().Channels); n > 1 {
					t.Errorf("%d endpoints are described: the one that panicked is none", n)
				}
				if err := s.Shutdown(t.Context()); err != nil {
					t.Error(err)
				}
			}()
			k.do(s)
		})
	}
}
