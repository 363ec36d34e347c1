package socket

import (
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// An origin is the scheme, host and port of a URL, in lower case and with the default port filled in (RFC 6454, section
// 4).
type origin struct{ scheme, host, port string }

// opaqueOrigin is the Origin that a browser sends for sandboxed frames, local files and some redirects (RFC 6454,
// section 7.3).
const opaqueOrigin = "null"

// parseOrigin accepts exactly the values of an Origin header, except "null".
func parseOrigin(s string) (origin, error) {
	u, err := url.Parse(s)
	if err != nil {
		return origin{}, err
	}
	if u.Scheme == "" || u.Hostname() == "" || u.User != nil || u.Path != "" || strings.ContainsAny(s, "?#") {
		return origin{}, fmt.Errorf("want scheme://host[:port] and nothing behind it, have %q", s)
	}
	return origin{u.Scheme, canonicalHost(u.Hostname()), portOf(u)}, nil
}

// canonicalHost returns the form of a host that browsers send. Names outside ASCII keep their letters.
func canonicalHost(h string) string {
	if ip, err := netip.ParseAddr(h); err == nil {
		return ip.String()
	}
	return strings.ToLower(h)
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

// wildcard before a domain matches all its subdomains, at any depth, but not the domain itself.
const wildcard = "*."

// checkListed rejects hosts and ports that no browser sends.
func checkListed(host, port string) error {
	name := strings.TrimPrefix(host, wildcard)
	switch {
	case strings.Contains(name, "*"):
		return fmt.Errorf("the only wildcard is %q before a domain, as in *.example.com", wildcard)
	case name != host && (name == "" || strings.HasPrefix(name, ".") || strings.Contains(name, ":")):
		return fmt.Errorf("behind %q must be a domain", wildcard)
	case strings.ContainsFunc(name, func(r rune) bool { return r >= 0x80 }):
		return fmt.Errorf("write the host as browsers send it, in Punycode: xn--…")
	case strings.ContainsAny(name, "%/\\@,; \t"):
		return fmt.Errorf("%q is no host", name)
	}
	if n, err := strconv.ParseUint(port, 10, 16); port != "" && (err != nil || n == 0 || strconv.FormatUint(n, 10) != port) {
		return fmt.Errorf("%q is no port: want 1 to 65535", port)
	}
	return nil
}

// isBelow reports whether host is a subdomain of domain.
func isBelow(host, domain string) bool {
	sub, ok := strings.CutSuffix(host, domain)
	return ok && len(sub) > 1 && sub[len(sub)-1] == '.'
}

// An originPolicy decides which pages may open connections (RFC 6455, section 10.2).
type originPolicy struct {
	any, opaque bool
	listed      map[origin]bool
	domains     []origin // their subdomains are listed
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
			if err == nil {
				err = checkListed(o.host, o.port)
			}
			if err != nil {
				return p, fmt.Errorf("socket: use origin %q: %w", s, err)
			}
			if domain, ok := strings.CutPrefix(o.host, wildcard); ok {
				o.host = domain
				p.domains = append(p.domains, o)
			} else {
				p.listed[o] = true
			}
		}
	}
	return p, nil
}

func (p originPolicy) check(r *http.Request) *HandshakeError {
	sent := r.Header["Origin"]
	if len(sent) == 0 || p.any {
		return nil // not a browser, or every origin is allowed
	}
	if len(sent) > 1 {
		return newHandshakeError(http.StatusForbidden, "the request has %d Origin headers", len(sent))
	}
	if sent[0] == opaqueOrigin && p.opaque {
		return nil
	}
	o, err := parseOrigin(sent[0])
	if err != nil || !p.lists(o) && !o.serves(r) {
		return newHandshakeError(http.StatusForbidden, "the origin %q is not allowed for the host %q", sent[0], r.Host)
	}
	return nil
}

func (p originPolicy) lists(o origin) bool {
	return p.listed[o] || slices.ContainsFunc(p.domains, func(d origin) bool {
		return d.scheme == o.scheme && d.port == o.port && isBelow(o.host, d.host)
	})
}

// serves reports whether the page came from the requested host. Over TLS its scheme must be https. Without TLS both
// schemes are possible, because a proxy may have terminated TLS; a Host without a port then has the default port of the
// page's scheme.
func (o origin) serves(r *http.Request) bool {
	if o.scheme != "https" && (o.scheme != "http" || r.TLS != nil) {
		return false
	}
	own, err := parseOrigin(o.scheme + "://" + r.Host)
	return err == nil && own == o
}

// A hostPolicy lists the hosts that requests may be for. An empty one allows all.
type hostPolicy []hostPort

// A hostPort is a listed host; an empty port matches any.
type hostPort struct{ host, port string }

func newHostPolicy(listed []string) (p hostPolicy, err error) {
	for _, s := range listed {
		h, err := parseHost(s)
		if err == nil {
			err = checkListed(h.host, h.port)
		}
		if err != nil {
			return nil, fmt.Errorf("socket: use host %q: %w", s, err)
		}
		p = append(p, h)
	}
	return p, nil
}

// parseHost parses the value of a Host header (RFC 9110, section 7.2).
func parseHost(s string) (hostPort, error) {
	u, err := url.Parse("//" + s)
	if err != nil || u.Host != s || u.Hostname() == "" || strings.HasSuffix(s, ":") || strings.Contains(u.Hostname(), ":") && s[0] != '[' {
		return hostPort{}, fmt.Errorf("want host[:port], have %q", s)
	}
	return hostPort{canonicalHost(u.Hostname()), u.Port()}, nil
}

func (p hostPolicy) check(r *http.Request) *HandshakeError {
	if len(p) == 0 {
		return nil
	}
	h, err := parseHost(r.Host)
	if err != nil || !slices.ContainsFunc(p, func(l hostPort) bool { return l.matches(h, r.TLS != nil) }) {
		return newHandshakeError(http.StatusForbidden, "the host %q is not served here", r.Host)
	}
	return nil
}

// matches compares the host of a request with a listed one. A request without a port is for the default port of its
// scheme. Without TLS that may be either scheme, because a proxy may have terminated TLS.
func (l hostPort) matches(h hostPort, tls bool) bool {
	if domain, ok := strings.CutPrefix(l.host, wildcard); ok && !isBelow(h.host, domain) || !ok && l.host != h.host {
		return false
	}
	return l.port == "" || l.port == h.port || h.port == "" && (l.port == "443" || l.port == "80" && !tls)
}
