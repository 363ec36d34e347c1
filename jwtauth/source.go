package jwtauth

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strings"
)

// Source is a place in a request that may contain a token. Make one with FromHeader, FromCookie, FromQuery or
// FromSubprotocol.
type Source struct {
	tokens func(*http.Request) []string
	scheme map[string]any // for an AsyncAPI document
	prefix string         // of FromSubprotocol
}

// FromHeader finds tokens in the header "Authorization: Bearer <token>" (RFC 6750 section 2.1). Programs can send it;
// pages in browsers cannot.
func FromHeader() Source {
	return Source{tokens: bearers, scheme: map[string]any{"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}}
}

func bearers(r *http.Request) (tokens []string) {
	for _, line := range r.Header.Values("Authorization") {
		scheme, token, _ := strings.Cut(line, " ")
		if strings.EqualFold(scheme, "Bearer") { // in any case: RFC 9110 section 11.1
			tokens = append(tokens, strings.TrimLeft(token, " "))
		}
	}
	return tokens
}

// FromCookie finds tokens in a cookie, which should be HttpOnly, Secure and SameSite. Browsers also send it with
// connections that pages of other sites open; ServerOptions.Origins refuses those.
func FromCookie(name string) Source {
	mustBeToken("FromCookie", name)
	return Source{tokens: func(r *http.Request) (tokens []string) {
		for _, c := range r.CookiesNamed(name) {
			tokens = append(tokens, c.Value)
		}
		return tokens
	}, scheme: apiKey("cookie", name)}
}

// FromQuery finds tokens in a query parameter of the request's URL. Servers and proxies on the way log URLs (RFC 6750
// section 2.3), so let such a token live for seconds only, or prefer another source.
func FromQuery(name string) Source {
	if name == "" {
		panic("jwtauth: FromQuery: the name is empty")
	}
	return Source{tokens: func(r *http.Request) []string { return r.URL.Query()[name] }, scheme: apiKey("query", name)}
}

// FromSubprotocol finds tokens among the subprotocols that a client offers (RFC 6455 section 1.9), behind a prefix. It
// is the only header that a page in a browser can set:
//
//	new WebSocket("wss://example.com/ws", ["app.v1", "bearer." + token]) // FromSubprotocol("bearer.")
//
// The server never chooses the token as the subprotocol. But a browser fails a connection if the server chooses none of
// the offered subprotocols. So the client should offer a real one too, which the server's options list:
//
//	chanx.NewServer(&chanx.ServerOptions{Subprotocols: []string{"app.v1"}})
//
// Without a real one, the client offers the prefix itself, which the server then chooses:
//
//	new WebSocket("wss://example.com/ws", ["bearer.", "bearer." + token])
//
// A token offered alone cannot work in browsers: a warning without the token is logged.
func FromSubprotocol(prefix string) Source {
	mustBeToken("FromSubprotocol", prefix)
	scheme := apiKey("header", "Sec-WebSocket-Protocol")
	scheme["description"] = fmt.Sprintf("The token is offered as a subprotocol, behind %s, beside the one that is spoken.", prefix)
	return Source{tokens: func(r *http.Request) (tokens []string) {
		for _, line := range r.Header.Values("Sec-WebSocket-Protocol") {
			for offer := range strings.SplitSeq(line, ",") {
				if token, ok := strings.CutPrefix(strings.Trim(offer, " \t"), prefix); ok {
					tokens = append(tokens, token)
				}
			}
		}
		return tokens
	}, scheme: scheme, prefix: prefix}
}

// Subprotocols returns the prefixes of FromSubprotocol, in order. If a client offers no subprotocol that the server
// supports, the server chooses the first prefix that the client offers.
func (a *Authenticator) Subprotocols() (prefixes []string) {
	for _, s := range a.opts.Sources {
		if s.prefix != "" {
			prefixes = append(prefixes, s.prefix)
		}
	}
	return prefixes
}

// TokenRequired reports whether a client without a token is refused: not with Options.Optional.
func (a *Authenticator) TokenRequired() bool { return !a.opts.Optional }

func apiKey(in, name string) map[string]any {
	return map[string]any{"type": "httpApiKey", "in": in, "name": name}
}

// mustBeToken panics if a name has a character that the names of cookies and subprotocols must not have: both are
// tokens of RFC 9110 section 5.6.2.
func mustBeToken(function, name string) {
	const marks = "!#$%&'*+-.^_`|~"
	bad := func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune(marks, r)
	}
	if name == "" || strings.ContainsFunc(name, bad) {
		panic(fmt.Sprintf("jwtauth: %s: %q is not a token: use letters, digits and %s", function, name, marks))
	}
}

var errTwoTokens = errors.New("the request has two different tokens")

// token returns the token of a request, or "". An empty cookie or parameter counts as absent.
func (a *Authenticator) token(r *http.Request) (found string, err error) {
	for _, s := range a.opts.Sources {
		for _, token := range s.tokens(r) {
			switch {
			case token == "" || token == found:
			case found != "":
				return "", errTwoTokens
			default:
				found = token
			}
		}
	}
	return found, nil
}

// SecuritySchemes describes Options.Sources, in order, as Security Scheme Objects of an AsyncAPI 3 document. The values
// have the types of encoding/json. The caller may change them.
func (a *Authenticator) SecuritySchemes() []map[string]any {
	schemes := make([]map[string]any, len(a.opts.Sources))
	for i, s := range a.opts.Sources {
		schemes[i] = maps.Clone(s.scheme)
	}
	return schemes
}
