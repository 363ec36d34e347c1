package socket

import (
	"crypto/tls"
	"net/http"
	"strings"
	"testing"
)

var origins = []struct {
	name   string
	listed []string
	host   string
	sent   []string
	ok     bool
}{
	{"absent: no browser", nil, "example.com", nil, true},
	{"own host", nil, "example.com", []string{"https://example.com"}, true},
	{"own host, TLS taken off by a proxy", nil, "example.com", []string{"http://example.com"}, true},
	{"own host and port", nil, "example.com:8080", []string{"http://example.com:8080"}, true},
	{"own host, default port in Host", nil, "example.com:443", []string{"https://example.com"}, true},
	{"own host, default port in Origin", nil, "example.com", []string{"http://example.com:80"}, true},
	{"own host, default port of the other scheme", nil, "example.com:80", []string{"https://example.com"}, false},
	{"own host in upper case", nil, "Example.COM", []string{"https://eXample.com"}, true},
	{"own host, IPv6", nil, "[::1]:8080", []string{"http://[::1]:8080"}, true},
	{"other port", nil, "example.com:8080", []string{"http://example.com:8081"}, false},
	{"port where there is none", nil, "example.com", []string{"http://example.com:8080"}, false},
	{"no port where there is one", nil, "example.com:8080", []string{"http://example.com"}, false},
	{"other host", nil, "example.com", []string{"https://evil.example"}, false},
	{"subdomain", nil, "example.com", []string{"https://www.example.com"}, false},
	{"own host as a prefix", nil, "example.com", []string{"https://example.com.evil.example"}, false},
	{"own host as userinfo", nil, "example.com", []string{"https://example.com@evil.example"}, false},
	{"userinfo before the own host", nil, "example.com", []string{"https://me@example.com"}, false},
	{"path", nil, "example.com", []string{"https://example.com/"}, false},
	{"query", nil, "example.com", []string{"https://example.com?"}, false},
	{"fragment", nil, "example.com", []string{"https://example.com#"}, false},
	{"own host, scheme of a file", nil, "example.com", []string{"file://example.com"}, false},
	{"extension", nil, "example.com", []string{"chrome-extension://example.com"}, false},
	{"no scheme", nil, "example.com", []string{"example.com"}, false},
	{"empty", nil, "example.com", []string{""}, false},
	{"not a URL", nil, "example.com", []string{"https://%zz"}, false},
	{"Host is not one", nil, "exa mple.com", []string{"https://example.com"}, false},
	{"null", nil, "example.com", []string{"null"}, false},
	{"null, listed", []string{"null"}, "example.com", []string{"null"}, true},
	{"null, others listed", []string{"https://a.example"}, "example.com", []string{"null"}, false},
	{"listed", []string{"https://a.example"}, "example.com", []string{"https://a.example"}, true},
	{"own host beside a list", []string{"https://a.example"}, "example.com", []string{"https://example.com"}, true},
	{"listed, in upper case", []string{"HTTPS://A.example"}, "example.com", []string{"https://a.EXAMPLE"}, true},
	{"listed, default port", []string{"https://a.example:443"}, "example.com", []string{"https://a.example"}, true},
	{"listed, other scheme", []string{"https://a.example"}, "example.com", []string{"http://a.example"}, false},
	{"listed, other port", []string{"https://a.example"}, "example.com", []string{"https://a.example:8443"}, false},
	{"listed extension", []string{"chrome-extension://abc"}, "example.com", []string{"chrome-extension://abc"}, true},
	{"listed ws", []string{"ws://a.example"}, "example.com", []string{"ws://a.example:80"}, true},
	{"wildcard", []string{"*"}, "example.com", []string{"https://evil.example"}, true},
	{"wildcard, null", []string{"*"}, "example.com", []string{"null"}, true},
	{"two headers", []string{"https://a.example"}, "example.com", []string{"https://a.example", "https://a.example"}, false},
	{"null in upper case", []string{"null"}, "example.com", []string{"NULL"}, false},
	{"null and more", []string{"null"}, "example.com", []string{"null null"}, false},
	{"wildcard of the client", nil, "example.com", []string{"*"}, false},
	{"wildcard of the client as a host", nil, "example.com", []string{"https://*"}, false},
	{"wildcard of the client as a subdomain", []string{"https://a.example"}, "example.com", []string{"https://*.example"}, false},
	{"port with a zero before it", nil, "example.com:8080", []string{"http://example.com:08080"}, false},
	{"port beyond 16 bits", nil, "example.com:80", []string{"http://example.com:65616"}, false},
	{"port that is none", nil, "example.com", []string{"https://example.com:x"}, false},
	{"dot behind the host", nil, "example.com", []string{"https://example.com."}, false},
	{"letter of another alphabet", nil, "example.com", []string{"https://ex\u0430mple.com"}, false},
	{"host with an escape", nil, "example.com", []string{"https://ex%61mple.com"}, false},
	{"host with a zero byte", nil, "example.com", []string{"https://example.com%00.evil.example"}, false},
	{"backslash before another host", nil, "example.com", []string{`https://example.com\@evil.example`}, false},
	{"slashes that are missing", nil, "example.com", []string{"https:example.com"}, false},
	{"scheme that only begins alike", nil, "example.com", []string{"httpsx://example.com"}, false},
	{"space before", nil, "example.com", []string{" https://example.com"}, false},
	{"line behind", nil, "example.com", []string{"https://example.com\n"}, false},
	{"Host with user information", nil, "me@example.com", []string{"https://example.com"}, false},
	{"Host with a path", nil, "example.com/x", []string{"https://example.com"}, false},
	{"Host is null", nil, "null", []string{"null"}, false},
	{"Host is empty", nil, "", []string{"https://"}, false},
	{"over TLS, https", nil, "example.com", []string{"https://example.com"}, true},
	{"over TLS, http", nil, "example.com", []string{"http://example.com"}, false},
	{"over TLS, http with the port of https", nil, "example.com:443", []string{"http://example.com:443"}, false},
	{"over TLS, http on the same port", nil, "example.com:8443", []string{"http://example.com:8443"}, false},
	{"over TLS, http that is listed", []string{"http://example.com"}, "example.com", []string{"http://example.com"}, true},
	{"subdomain of a listed domain", []string{"https://*.a.example"}, "b.example", []string{"https://www.a.example"}, true},
	{"deep subdomain of a listed domain", []string{"https://*.a.example"}, "b.example", []string{"https://x.www.a.example"}, true},
	{"subdomain in upper case", []string{"https://*.A.example"}, "b.example", []string{"https://WWW.a.Example"}, true},
	{"listed domain itself", []string{"https://*.a.example"}, "b.example", []string{"https://a.example"}, false},
	{"listed domain as the end of another", []string{"https://*.a.example"}, "b.example", []string{"https://eviola.example"}, false},
	{"listed domain behind a dot alone", []string{"https://*.a.example"}, "b.example", []string{"https://.a.example"}, false},
	{"listed domain as a subdomain of another", []string{"https://*.a.example"}, "b.example", []string{"https://www.a.example.evil.example"}, false},
	{"subdomain with another scheme", []string{"https://*.a.example"}, "b.example", []string{"http://www.a.example"}, false},
	{"subdomain with another port", []string{"https://*.a.example"}, "b.example", []string{"https://www.a.example:8443"}, false},
	{"subdomain with the listed port", []string{"https://*.a.example:8443"}, "b.example", []string{"https://www.a.example:8443"}, true},
	{"subdomain with the default port listed", []string{"https://*.a.example:443"}, "b.example", []string{"https://www.a.example"}, true},
	{"wildcard itself", []string{"https://*.a.example"}, "b.example", []string{"https://*.a.example"}, true}, // no browser sends such a host
	{"long IPv6 that is listed", []string{"http://[0:0:0:0:0:0:0:1]"}, "b.example", []string{"http://[::1]"}, true},
	{"two in one header", nil, "example.com", []string{"https://example.com https://example.com"}, false},
}

func TestOrigins(t *testing.T) {
	t.Parallel()
	for _, k := range origins {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			r := request(t, handshake)
			r.Host = k.host
			set("Origin", k.sent...)(r)
			if strings.HasPrefix(k.name, "over TLS") {
				r.TLS = &tls.ConnectionState{}
			}
			err := NewUpgrader(Options{Origins: k.listed}).Check(r)
			if k.ok && err != nil || !k.ok && (err == nil || err.Status != http.StatusForbidden) {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestHosts(t *testing.T) {
	t.Parallel()
	for _, k := range []struct {
		listed, host string
		tls, ok      bool
	}{
		{"example.com", "example.com", false, true},
		{"example.com", "EXAMPLE.com", false, true},
		{"Example.com", "example.com", false, true},
		{"example.com", "example.com:8443", false, true},
		{"example.com", "evil.example", false, false},
		{"example.com", "www.example.com", false, false},
		{"example.com", "example.com.evil.example", false, false},
		{"example.com", "example.com.", false, false},
		{"example.com", "", false, false},
		{"example.com", "example.com:", false, false},
		{"example.com", "me@example.com", false, false},
		{"example.com", "example.com/x", false, false},
		{"example.com:8443", "example.com:8443", false, true},
		{"example.com:8443", "example.com:8444", false, false},
		{"example.com:8443", "example.com", true, false},
		{"example.com:443", "example.com", true, true},
		{"example.com:443", "example.com", false, true}, // a proxy has terminated TLS
		{"example.com:443", "example.com:80", false, false},
		{"example.com:80", "example.com", false, true},
		{"example.com:80", "example.com", true, false},
		{"*.example.com", "a.example.com", false, true},
		{"*.example.com", "b.a.example.com:8080", false, true},
		{"*.example.com", "example.com", false, false},
		{"*.example.com", "aexample.com", false, false},
		{"*.example.com", ".example.com", false, false},
		{"127.0.0.1", "127.0.0.1:8080", false, true},
		{"[::1]", "[::1]:8080", false, true},
		{"[0:0:0:0:0:0:0:1]", "[::1]", false, true},
		{"[::1]", "[::2]", false, false},
	} {
		r := request(t, handshake)
		set("Origin", "http://"+k.host)(r) // as with DNS rebinding: the page's origin is this host
		if r.Host = k.host; k.tls {
			r.TLS = &tls.ConnectionState{}
			set("Origin", "https://"+k.host)(r)
		}
		err := NewUpgrader(Options{Hosts: []string{"other.example", k.listed}}).Check(r)
		if k.ok && err != nil || !k.ok && (err == nil || err.Status != http.StatusForbidden) {
			t.Errorf("%q listed, host %q, TLS %t: %v", k.listed, k.host, k.tls, err)
		}
	}
}
