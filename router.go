package chanx

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/chanx-go/chanx/internal/socket"
)

// router serves the consumers of one ServeMux.
type router struct {
	srv *Server
	mux *http.ServeMux
}

// ServeHTTP passes a request to the consumer whose pattern matches. Only mounts are registered, so any other handler
// that the mux finds is its own: 404, or a redirect to the path that matches.
func (h router) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	found, pattern := h.mux.Handler(r)
	if _, ok := found.(*mount); ok {
		h.mux.ServeHTTP(w, r)
		return
	}
	switch {
	case !h.srv.opts.RefuseWithHTTP && h.srv.upgrader.Check(r) == nil:
		r.Pattern = pattern
		h.srv.notFound().ServeHTTP(w, r)
	case pattern == "" && r.RequestURI != "*":
		answerHTTP(w, r, http.StatusNotFound, noEndpoint)
	default:
		ignoreBody(w, r)
		h.mux.ServeHTTP(w, r)
	}
}

const noEndpoint = "nothing is served at this path"

// notFoundState is the state of connections that are never accepted.
type notFoundState struct{ *Conn }

// newNotFound returns a consumer that refuses handshakes at paths that no pattern matches.
func newNotFound() *endpoint {
	refuse := func(r *http.Request) error {
		if r.Pattern != "" {
			return Refuse(http.StatusNotFound, noEndpoint+": "+r.Pattern+" is")
		}
		return Refuse(http.StatusNotFound, noEndpoint)
	}
	return NewConsumer(func(_ *Conn, r *http.Request) (*notFoundState, error) { return nil, refuse(r) }, &ConsumerOptions{
		// Refuse before open, because by then the channel layer is used. A test may replace the Authenticator.
		Authenticator: AuthenticatorFunc(func(r *http.Request) (Identity, error) { return Identity{}, refuse(r) }),
	}).endpoint()
}

// answerHTTP refuses a request with a plain HTTP status and a text for people.
func answerHTTP(w http.ResponseWriter, r *http.Request, status int, text string) {
	h := w.Header()
	switch status {
	case http.StatusMethodNotAllowed:
		h.Set("Allow", http.MethodGet) // RFC 9110 section 15.5.6
	case http.StatusUpgradeRequired:
		h.Set("Sec-WebSocket-Version", socket.Version)
		if r.ProtoMajor == 1 { // HTTP/2 has no such headers: RFC 9113 section 8.2.2
			h.Set("Upgrade", "websocket")
			h.Set("Connection", "Upgrade")
		}
	case http.StatusServiceUnavailable, http.StatusTooManyRequests:
		h.Set("Retry-After", "5")
	}
	ignoreBody(w, r)
	http.Error(w, text, status)
}

// ignoreBody prevents net/http from waiting for a body that is never read, before or after the answer: to reuse the
// connection it would read up to 256 KiB.
func ignoreBody(w http.ResponseWriter, r *http.Request) {
	if r.ContentLength == 0 {
		return
	}
	if r.ProtoMajor == 1 {
		w.Header().Add("Connection", "close")
	}
	_ = http.NewResponseController(w).SetReadDeadline(time.Now()) // without it, http.Server.ReadTimeout bounds the wait
}

// upgradeFailed answers with a plain HTTP status if that is still possible.
func (m *mount) upgradeFailed(w http.ResponseWriter, r *http.Request, c *Conn, err error, status int, text string) {
	switch {
	case errors.Is(err, socket.ErrRefusing):
		answerHTTP(w, r, status, text)
	case errors.Is(err, socket.ErrHijack):
		answerHTTP(w, r, status, text)
		c.logError(slog.LevelError, "chanx: the connection cannot be taken over from the HTTP server. Probably a middleware hides it "+
			"behind an http.ResponseWriter of its own: give that type the method Unwrap() http.ResponseWriter, or serve WebSockets "+
			"outside of the middleware", "", err, "writer", fmt.Sprintf("%T", w))
	default:
		c.logError(slog.LevelInfo, "chanx: handshake failed", "", err)
	}
}

// warnNoSubprotocol logs that none of the subprotocols that a client offers is chosen: a browser fails such a
// connection, and its page sees only 1006.
func (m *mount) warnNoSubprotocol(c *Conn, r *http.Request) {
	offered := r.Header["Sec-Websocket-Protocol"]
	if len(offered) == 0 || m.srv.upgrader.Chosen(r, m.tokenProtocols...) != "" {
		return
	}
	m.srv.logThrottled(slog.LevelWarn, "chanx: the client offers subprotocols, and none is chosen: browsers fail such a connection. "+
		"List one in ServerOptions.Subprotocols, or let the client offer the name that stands for its token", m.pattern,
		c.logAttrs([]any{"offered", m.printable(offered), "listed", m.srv.opts.Subprotocols, "for_tokens", m.tokenProtocols})...)
}

// maxOffered and maxOfferedBytes bound what is logged of offered subprotocols.
const maxOffered, maxOfferedBytes = 8, 16

// printable returns what may be logged of offered subprotocols. Long ones, and those with the prefix of a token, may be
// secrets and are shortened.
func (m *mount) printable(offered []string) (names []string) {
	for _, line := range offered {
		for o := range strings.SplitSeq(line, ",") {
			if len(names) == maxOffered {
				return append(names, "…")
			}
			o = strings.Trim(o, " \t")
			if i := slices.IndexFunc(m.tokenProtocols, func(p string) bool { return strings.HasPrefix(o, p) }); i >= 0 {
				o = m.tokenProtocols[i] + "…"
			} else if len(o) > maxOfferedBytes {
				o = fmt.Sprintf("%s… (%d bytes)", o[:maxOfferedBytes/2], len(o))
			}
			names = append(names, o)
		}
	}
	return names
}

// callerPlace returns the folder, file and line of a caller; skip is as for runtime.Caller, relative to the function
// that calls this one.
func callerPlace(skip int) string {
	_, file, line, _ := runtime.Caller(skip + 1)
	return filepath.Base(filepath.Dir(file)) + "/" + filepath.Base(file) + ":" + strconv.Itoa(line)
}

// registeredAt matches how net/http reports the place where a pattern was registered. For patterns of this package that
// is always the same line of this file.
var registeredAt = regexp.MustCompile(`pattern ("(?:[^"\\]|\\.)*") \(registered at [^)]*\)`)

// register adds a mount to its mux. Panics of net/http name places in this package: they are replaced by those of the
// program.
func (s *Server) register(mux *http.ServeMux, m *mount) {
	defer func() {
		if why := recover(); why != nil {
			isNew := true // the new pattern comes first; the other may be equal
			text := registeredAt.ReplaceAllStringFunc(fmt.Sprint(why), func(p string) string {
				quoted, place := registeredAt.FindStringSubmatch(p)[1], m.place
				if !isNew {
					place = s.placeOf(quoted)
				}
				isNew = false
				return "pattern " + quoted + " (handled at " + place + ")"
			})
			panic(fmt.Sprintf("chanx: handle %q at %s: %s", m.pattern, m.place, text))
		}
	}()
	mux.Handle(m.pattern, m)
}

// placeOf returns where an earlier pattern was passed to Handle.
func (s *Server) placeOf(quoted string) string {
	for _, m := range s.mounted() {
		if strconv.Quote(m.pattern) == quoted {
			return m.place
		}
	}
	return "another place"
}

var wildcard = regexp.MustCompile(`\{([^{}]+)\}`)

// wildcards returns the names of the wildcards in a net/http pattern.
func wildcards(pattern string) []string {
	names := []string{}
	for _, m := range wildcard.FindAllStringSubmatch(pattern, -1) {
		if name := strings.TrimSuffix(m[1], "..."); name != "$" {
			names = append(names, name)
		}
	}
	return names
}
