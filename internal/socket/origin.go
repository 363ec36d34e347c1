package socket

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// An origin is scheme, host and port of a URL, in lower case, the default port filled in (RFC 6454, section 4).
type origin struct{ scheme, host, port string }

// opaqueOrigin is what a browser sends for sandboxed frames, local files and some redirects (RFC 6454, section 7.3).
const opaqueOrigin = "null"

// parseOrigin accepts exactly what an Origin header may hold, besides "null".
func parseOrigin(s string) (origin, error) {
	u, err := url.Parse(s)
	if err != nil {
		return origin{}, err
	}
	if u.Scheme == "" || u.Hostname() == "" || u.User != nil || u.Path != "" || strings.ContainsAny(s, "?#") {
		return origin{}, fmt.Errorf("want scheme://host[:port], have %q", s)
	}
	return origin{u.Scheme, strings.ToLower(u.Hostname()), portOf(u)}, nil
}

func portOf(u *url.URL) string {
	if p := u.Port(); p != "" {
		return p
	}
	switch u.Scheme {
	case "http", "ws":
		return "80"
	case "https", "wss":
		return "443"
	}
	return ""
}

// An originPolicy says which pages may open connections (RFC 6455, section 10.2).
type originPolicy struct {
	any, opaque bool
	listed      map[origin]bool
}

func newOriginPolicy(listed []string) (originPolicy, error) {
	p := originPolicy{listed: make(map[origin]bool, len(listed))}
	for _, s := range listed {
		switch s {
		case "*":
			p.any = true
		case opaqueOrigin:
			p.opaque = true
		default:
			o, err := parseOrigin(s)
			if err != nil {
				return p, fmt.Errorf("socket: use origin %q: %w", s, err)
			}
			p.listed[o] = true
		}
	}
	return p, nil
}

func (p originPolicy) check(r *http.Request) error {
	sent := r.Header["Origin"]
	if len(sent) == 0 || p.any {
		return nil // not a browser, or nobody cares
	}
	if len(sent) > 1 {
		return fmt.Errorf("socket: check origin: %d Origin headers", len(sent))
	}
	if sent[0] == opaqueOrigin && p.opaque {
		return nil
	}
	o, err := parseOrigin(sent[0])
	if err != nil || !p.listed[o] && !o.serves(r.Host) {
		return fmt.Errorf("socket: check origin: %q is not allowed for host %q", sent[0], r.Host)
	}
	return nil
}

// serves reports whether the page came from the host that is asked. A Host without a port is that of the page's own
// scheme: a proxy may have taken TLS off.
func (o origin) serves(host string) bool {
	if o.scheme != "http" && o.scheme != "https" {
		return false
	}
	own, err := parseOrigin(o.scheme + "://" + host)
	return err == nil && own == o
}
