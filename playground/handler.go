package playground

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"path"
	"regexp"
	"strings"
	"time"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/asyncapi"
	"github.com/chanx-go/chanx/internal/throttle"
)

// Options of the page. The zero value works.
type Options struct {
	// Title is the name of the application, on the page and in its document. The default is that of package asyncapi.
	Title string

	// Access is called before each answer: for the page, its assets and the document. Nil allows everybody. An error made
	// with chanx.Refuse is answered with its status and detail, any other one is logged and answered with 500. It may be
	// called concurrently.
	Access func(*http.Request) error
}

// Handler serves the page and the AsyncAPI document of srv, as asyncapi.json and asyncapi.yaml beside the page. It can
// be mounted at any path that ends with a slash. The document is built at the first request, so register all consumers
// before the server listens. opts may be nil.
func Handler(srv *chanx.Server, opts *Options) http.Handler {
	o := Options{}
	if opts != nil {
		o = *opts
	}
	return &handler{
		access:   o.Access,
		document: asyncapi.Handler(srv, &asyncapi.Options{Title: o.Title}),
		lines:    throttle.New(slog.Default()),
	}
}

type handler struct {
	access   func(*http.Request) error
	document http.Handler
	lines    *throttle.Log
}

// ServeHTTP looks at the last element of the path only: the page refers to its assets by relative names.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	head := w.Header()
	head.Set("X-Content-Type-Options", "nosniff")
	head.Set("Referrer-Policy", "no-referrer")
	head.Set("Content-Security-Policy", policy(r.Host))
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		head.Set("Allow", "GET, HEAD")
		http.Error(w, "use GET", http.StatusMethodNotAllowed)
		return
	}
	if h.access != nil {
		if err := h.access(r); err != nil {
			h.refuse(w, r, err)
			return
		}
	}
	switch name := path.Base(r.URL.Path); {
	case r.URL.Path == "":
		redirect(w, r)
	case strings.HasSuffix(r.URL.Path, "/"):
		serve(w, r, "index.html")
	case name == "asyncapi.json" || name == "asyncapi.yaml":
		h.document.ServeHTTP(w, r)
	default:
		serve(w, r, name)
	}
}

// redirect adds the slash that a prefix cut by http.StripPrefix has lost.
func redirect(w http.ResponseWriter, r *http.Request) {
	whole, err := url.ParseRequestURI(r.RequestURI)
	if err != nil {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Location", url.PathEscape(path.Base(whole.Path))+"/")
	w.WriteHeader(http.StatusTemporaryRedirect)
}

// refuse answers an error of Options.Access.
func (h *handler) refuse(w http.ResponseWriter, r *http.Request, err error) {
	w.Header().Set("Cache-Control", "no-store")
	if refusal, ok := errors.AsType[*chanx.RefusalError](err); ok && refusal.Status >= 400 && refusal.Status <= 599 {
		http.Error(w, cmp.Or(refusal.Detail, http.StatusText(refusal.Status)), refusal.Status)
		return
	}
	h.lines.Log(context.WithoutCancel(r.Context()), slog.LevelError, throttle.Kind{Text: "playground: Options.Access failed"}, 1, "error", err)
	http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
}

var plainHost = regexp.MustCompile(`^[A-Za-z0-9.\-:\[\]]+$`)

// policy is the Content-Security-Policy of the page. The host is named, because older browsers do not count WebSocket
// connections to the page's own host as 'self'.
func policy(host string) string {
	connect := "'self'"
	if plainHost.MatchString(host) {
		connect += " ws://" + host + " wss://" + host
	}
	return "default-src 'self'; connect-src " + connect + "; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
}

// serve answers with a file of the page. The names of assets contain a hash of their content, so browsers keep them.
func serve(w http.ResponseWriter, r *http.Request, name string) {
	a, ok := assets()[name]
	if !ok {
		http.NotFound(w, r)
		return
	}
	head := w.Header()
	head.Set("Content-Type", contentTypes[path.Ext(name)])
	head.Add("Vary", "Accept-Encoding")
	head.Set("Cache-Control", "no-cache")
	if a.hashed {
		head.Set("Cache-Control", "private, max-age=31536000, immutable")
	}
	text, etag := a.packed, a.etag+"-gzip"
	if acceptsGzip(r) {
		head.Set("Content-Encoding", "gzip")
	} else {
		text, etag = a.text(), a.etag
	}
	head.Set("ETag", `"`+etag+`"`)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(text))
}

// acceptsGzip reports whether a client reads gzip (RFC 9110 section 12.5.3).
func acceptsGzip(r *http.Request) bool {
	for one := range strings.SplitSeq(strings.Join(r.Header.Values("Accept-Encoding"), ","), ",") {
		name, weight, _ := strings.Cut(one, ";")
		weight = strings.TrimSpace(weight)
		if strings.EqualFold(strings.TrimSpace(name), "gzip") && !isZero(weight) {
			return true
		}
	}
	return false
}

// isZero reports whether a weight is q=0, with up to three zeros behind the point.
func isZero(weight string) bool {
	q, ok := strings.CutPrefix(strings.ToLower(weight), "q=")
	return ok && strings.Trim(q, "0.") == ""
}
