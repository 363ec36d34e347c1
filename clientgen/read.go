package clientgen

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
)

// wireVersion is the only version of x-chanx that this package knows.
const wireVersion = "1"

// Read reads a document of package asyncapi, as JSON of at most 10 MiB. The error says which place of the document is
// wrong, and why. Members that Read does not know are ignored.
func Read(document []byte) (*Contract, error) {
	root, err := parse(document)
	if err != nil {
		return nil, fmt.Errorf("chanx: read document: %w", err)
	}
	r := &reader{root: root, types: map[string]*Type{}, messages: map[*value]*Message{}}
	c := r.contract()
	if r.err != nil {
		return nil, r.err
	}
	sum := sha256.Sum256(document)
	c.Hash = hex.EncodeToString(sum[:])
	return c, nil
}

// reader reads a document. After the first error it reads zero values.
type reader struct {
	root     *value
	err      error
	types    map[string]*Type
	messages map[*value]*Message
	pending  []pendingType
}

// pendingType is a type that has been referred to, but not been read.
type pendingType struct {
	t *Type
	v *value
}

func (r *reader) fail(at *value, format string, args ...any) {
	if r.err == nil {
		place := at.path()
		if len(place) > 300 {
			place = strings.ToValidUTF8(place[:300], "") + "…"
		}
		r.err = fmt.Errorf("chanx: read document: %q: %s", place, fmt.Sprintf(format, args...))
	}
}

// The accessors return the zero value where v is nil.

func (r *reader) text(v *value) string {
	if v != nil && v.kind != '"' {
		r.fail(v, "it must be a string")
		return ""
	}
	if v == nil {
		return ""
	}
	return v.text
}

func (r *reader) flag(v *value) bool {
	if v != nil && v.kind != 't' && v.kind != 'f' {
		r.fail(v, "it must be true or false")
	}
	return v != nil && v.kind == 't'
}

func (r *reader) int(v *value) int {
	if v == nil {
		return 0
	}
	n, err := strconv.Atoi(v.text)
	if v.kind != '0' || err != nil || n < 0 || n > 1<<30 {
		r.fail(v, "it must be an integer from 0 to 2^30")
		return 0
	}
	return n
}

func (r *reader) object(v *value) []*value { return r.items(v, '{', "an object") }

func (r *reader) array(v *value) []*value { return r.items(v, '[', "an array") }

func (r *reader) items(v *value, kind byte, what string) []*value {
	if v == nil {
		return nil
	}
	if byte(v.kind) != kind {
		r.fail(v, "it must be %s", what)
		return nil
	}
	return v.items
}

func (r *reader) texts(v *value) (all []string) {
	for _, item := range r.array(v) {
		all = append(all, r.text(item))
	}
	return all
}

func (r *reader) reasons(v *value) (all []Reason) {
	seen := map[string]bool{}
	for _, item := range r.array(v) {
		reason := Reason{r.text(item.get("reason")), r.text(item.get("doc"))}
		if !seen[reason.Reason] {
			all = append(all, reason)
		}
		seen[reason.Reason] = true
	}
	return all
}

// follow returns what v refers to if it is a reference within the document, else v.
func (r *reader) follow(v *value) *value {
	for range 8 {
		ref := v.get("$ref")
		if ref == nil {
			return v
		}
		if v = r.target(ref); v == nil {
			return nil
		}
	}
	r.fail(v, "its references refer to each other")
	return nil
}

func (r *reader) target(ref *value) *value {
	pointer, ok := strings.CutPrefix(r.text(ref), "#/")
	if !ok {
		r.fail(ref, "it must begin with #/: a document may only refer to itself")
		return nil
	}
	v := r.root
	for name := range strings.SplitSeq(pointer, "/") {
		v = v.get(unescape(name))
	}
	if v == nil {
		r.fail(ref, "the document has nothing at %q", ref.text)
	}
	return v
}

// unescape reads a part of a JSON pointer (RFC 6901, section 3).
func unescape(name string) string {
	return strings.ReplaceAll(strings.ReplaceAll(name, "~1", "/"), "~0", "~")
}

func (r *reader) contract() *Contract {
	x := r.root.get("x-chanx")
	if x == nil {
		r.fail(r.root, "it has no x-chanx, so it was not written by package asyncapi: give the URL of asyncapi.Handler")
		return nil
	}
	if wire := x.get("wire"); wire == nil || wire.kind != '0' || wire.text != wireVersion {
		r.fail(x, "its wire is not version %s, which is all that this release reads: use the release of chanx that the server uses", wireVersion)
		return nil
	}
	if !strings.HasPrefix(r.text(r.root.get("asyncapi")), "3.") {
		r.fail(r.root, "it is not AsyncAPI 3")
		return nil
	}
	info := r.root.get("info")
	c := &Contract{
		Title:         r.text(info.get("title")),
		Version:       r.text(info.get("version")),
		Doc:           r.text(info.get("description")),
		Discriminator: cmp.Or(r.text(x.get("discriminator")), "action"),
		Camelize:      r.flag(x.get("camelize")),
		Subprotocols:  r.texts(x.get("subprotocols")),
		Reasons:       r.reasons(x.get("reasons")),
	}
	r.endpoints(c)
	r.finishTypes(c)
	return c
}
