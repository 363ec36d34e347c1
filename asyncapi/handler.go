package asyncapi

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/internal/throttle"
)

// Handler serves the document of srv, as JSON or YAML: a path that ends with .json, .yaml or .yml chooses, else the
// Accept header, else it is JSON. It answers GET and HEAD, with an ETag. opts may be nil.
//
// The document is built at the first request that Options.Access allows, and never again: register all consumers before
// the server listens. An error of Document is answered with 500 and its text; call Document in a test to find it
// earlier.
func Handler(srv *chanx.Server, opts *Options) http.Handler {
	var o Options
	if opts != nil {
		o = *opts
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	h := &handler{access: o.Access, lines: throttle.New(o.Logger)}
	h.built = sync.OnceValues(func() (forms, error) { return newForms(srv.Spec(), &o) })
	return h
}

type handler struct {
	access func(*http.Request) error
	lines  *throttle.Log
	built  func() (forms, error)
}

// form is the document in one format.
type form struct {
	contentType, etag string
	text              []byte
}

type forms struct{ json, yaml form }

func newForms(spec chanx.Spec, o *Options) (f forms, err error) {
	text, err := Document(spec, o)
	if err != nil {
		return f, err
	}
	f.json = newForm("application/json", text)
	if text, err = YAML(text); err != nil {
		return f, err
	}
	f.yaml = newForm("application/yaml", text) // RFC 9512
	return f, nil
}

func newForm(contentType string, text []byte) form {
	sum := sha256.Sum256(text)
	return form{contentType, `"` + base64.RawURLEncoding.EncodeToString(sum[:16]) + `"`, text}
}

// ServeHTTP answers with the document. net/http compares the ETag, and leaves the body out for HEAD.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "use GET", http.StatusMethodNotAllowed)
		return
	}
	if h.access != nil {
		if err := h.access(r); err != nil {
			h.refuse(w, r, err)
			return
		}
	}
	all, err := h.built()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	f := all.json
	if wantsYAML(r) {
		f = all.yaml
	}
	head := w.Header()
	head.Set("Content-Type", f.contentType)
	head.Set("ETag", f.etag)
	head.Set("Cache-Control", "no-cache") // it may be kept, but not used unasked
	head.Add("Vary", "Accept")
	head.Set("X-Content-Type-Options", "nosniff")
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(f.text))
}

// refuse answers an error of Options.Access.
func (h *handler) refuse(w http.ResponseWriter, r *http.Request, err error) {
	w.Header().Set("Cache-Control", "no-store")
	if refusal, ok := errors.AsType[*chanx.RefusalError](err); ok && refusal.Status >= 400 && refusal.Status <= 599 {
		http.Error(w, refusal.Detail, refusal.Status)
		return
	}
	h.lines.Log(context.WithoutCancel(r.Context()), slog.LevelError, throttle.Kind{Text: "asyncapi: Options.Access failed"}, 1, "error", err)
	http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
}

// wantsYAML reports whether a request asks for YAML.
func wantsYAML(r *http.Request) bool {
	switch path := r.URL.Path; {
	case strings.HasSuffix(path, ".yaml"), strings.HasSuffix(path, ".yml"):
		return true
	case strings.HasSuffix(path, ".json"):
		return false
	}
	accept := strings.Join(r.Header.Values("Accept"), ",")
	return max(quality(accept, "application/yaml"), quality(accept, "application/x-yaml"), quality(accept, "text/yaml")) >
		max(quality(accept, "application/json"), quality(accept, "application/*"), quality(accept, "*/*"))
}

// quality returns the weight of a media type in an Accept header, or 0 (RFC 9110 section 12.4.2).
func quality(accept, mediaType string) float64 {
	for one := range strings.SplitSeq(accept, ",") {
		name, parameters, _ := strings.Cut(one, ";")
		if !strings.EqualFold(strings.TrimSpace(name), mediaType) {
			continue
		}
		for p := range strings.SplitSeq(parameters, ";") {
			if q, ok := strings.CutPrefix(strings.TrimSpace(p), "q="); ok {
				weight, _ := strconv.ParseFloat(q, 64)
				return weight
			}
		}
		return 1
	}
	return 0
}
