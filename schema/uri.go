package schema

import (
	"net/netip"
	"strings"
)

// checkURI checks RFC 3986: a URI with a scheme, in ASCII. http and https also need a host (RFC 9110, section 4.2).
func checkURI(s string) string {
	scheme, rest, ok := strings.Cut(s, ":")
	if !ok || !isScheme(scheme) {
		return "relative URL without a base"
	}
	rest, fragment, _ := strings.Cut(rest, "#")
	rest, query, _ := strings.Cut(rest, "?")
	path := rest
	if after, has := strings.CutPrefix(rest, "//"); has {
		authority := after
		if i := strings.IndexByte(after, '/'); i >= 0 {
			authority, path = after[:i], after[i:]
		} else {
			path = ""
		}
		host, problem := checkAuthority(authority)
		if problem != "" {
			return problem
		}
		if host == "" && (strings.EqualFold(scheme, "http") || strings.EqualFold(scheme, "https")) {
			return "empty host"
		}
	}
	if !hasOnly(path, pathBytes) || !hasOnly(query, queryBytes) || !hasOnly(fragment, queryBytes) {
		return "it has a character that must be escaped"
	}
	return ""
}

func isScheme(s string) bool {
	for i := range len(s) {
		if c := s[i]; !isLetter(c) && (i == 0 || !isDigit(c) && c != '+' && c != '-' && c != '.') {
			return false
		}
	}
	return s != ""
}

// checkAuthority checks section 3.2.
func checkAuthority(s string) (host, problem string) {
	if user, after, has := strings.Cut(s, "@"); has {
		if s = after; !hasOnly(user, userBytes) {
			return "", "it has a character that must be escaped"
		}
	}
	host, port := s, ""
	if inside, has := strings.CutPrefix(s, "["); has {
		literal, after, closed := strings.Cut(inside, "]")
		if !closed || !isIPLiteral(literal) || after != "" && after[0] != ':' {
			return "", "invalid IPv6 address"
		}
		host, port = literal, strings.TrimPrefix(after, ":")
	} else if before, after, ok := strings.Cut(s, ":"); ok {
		host, port = before, after
	}
	switch {
	case port != "" && !isDigits(port):
		return "", "invalid port number"
	case !strings.HasPrefix(s, "[") && !hasOnly(host, hostBytes):
		return "", "it has a character that must be escaped"
	}
	return host, ""
}

// isIPLiteral checks the text inside the brackets of section 3.2.2.
func isIPLiteral(s string) bool {
	if version, address, ok := strings.Cut(s, "."); ok && len(version) > 1 && version[0]|0x20 == 'v' {
		for i := 1; i < len(version); i++ {
			if !isHex(version[i]) {
				return false
			}
		}
		return address != "" && !strings.Contains(address, "%") && hasOnly(address, userBytes)
	}
	a, err := netip.ParseAddr(s)
	return err == nil && a.Is6() && a.Zone() == ""
}

func isHex(c byte) bool { return isDigit(c) || c|0x20 >= 'a' && c|0x20 <= 'f' }

// The bytes that the parts of a URI may contain unescaped (RFC 3986, appendix A).
var (
	hostBytes  = byteSet("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~!$&'()*+,;=")
	userBytes  = hostBytes.with(":")
	pathBytes  = userBytes.with("@/")
	queryBytes = pathBytes.with("?")
)

type bytesOfURI [128]bool

func byteSet(s string) bytesOfURI { return bytesOfURI{}.with(s) }

func (b bytesOfURI) with(s string) bytesOfURI {
	for i := range len(s) {
		b[s[i]] = true
	}
	return b
}

func hasOnly(s string, set bytesOfURI) bool {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '%':
			if i+2 >= len(s) || !isHex(s[i+1]) || !isHex(s[i+2]) {
				return false
			}
			i += 2
		case c >= 128 || !set[c]:
			return false
		}
	}
	return true
}
