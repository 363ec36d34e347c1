// Package jwtauth authenticates clients by JSON Web Tokens (RFC 7519) that an issuer you trust has signed.
//
//	auth, err := jwtauth.New[Claims](ctx, jwtauth.Options{
//		Issuer:     "https://login.example.com",
//		Audience:   []string{"chat"},
//		Algorithms: []string{"EdDSA"},
//		JWKSURL:    "https://login.example.com/.well-known/jwks.json",
//		Sources:    []jwtauth.Source{jwtauth.FromHeader(), jwtauth.FromSubprotocol("bearer.")},
//	})
//	if err != nil { … }
//	defer auth.Close()
//	room := chanx.NewConsumer(open, &chanx.ConsumerOptions{Authenticator: auth})
//
// In open and in handlers, Conn.Identity then has the token's subject as UserID, and its claims as a Claims. When the
// token expires, the connection is closed with 4401. To stay connected, a client sends a new token before that in a
// message of the application. The handler passes it to [Authenticator.Verify] and the result to Conn.Renew.
//
// # What is checked
//
// The checks follow the best current practice for JSON Web Tokens (RFC 8725):
//
//   - The algorithm is one of Options.Algorithms, never "none", and fits the kind of the key and, in a key set, the key's
//     own alg, use and key_ops (RFC 8725 sections 2.1, 3.1, 3.2). A public key never serves as an HMAC secret.
//   - The signature is valid, and the token is encoded canonically (RFC 4648 section 3.5). Secrets are no shorter than
//     their hash (RFC 7518 section 3.2), RSA keys have at least 2048 bits (section 3.3).
//   - The issuer is Options.Issuer exactly (RFC 7519 section 4.1.1, RFC 8725 section 3.8), and one of Options.Audience is
//     among the token's (4.1.3, 3.9).
//   - exp is present and has not passed; nbf and iat, if present, are not in the future (4.1.4 to 4.1.6). None is
//     negative or more than 100 years ahead, which catches times in milliseconds.
//   - The user claim is a string of 1 to 200 bytes without control characters, or an integer.
//   - Names of claims and of members of the header and of keys are matched exactly: SUB is not sub. No name occurs twice
//     (RFC 7519 section 4, RFC 8725 section 2.4). White space around or in a token is not ignored.
//   - The header's typ is Options.Type, if that is set (RFC 8725 section 3.11), and the header has no crit: there is no
//     extension that this package knows (RFC 7515 section 4.1.11).
//   - A token cannot choose its key: kid is only compared with the ids of known keys, and jku, x5u, x5c and jwk are
//     ignored (RFC 8725 section 3.10). The only URL that is ever fetched is Options.JWKSURL.
//   - A request has one token. Two different ones are refused (RFC 6750 section 2), and so is one of more than 8 KiB.
//
// Every invalid token is refused with status 401 and the same text, because the exact reason would only help an
// attacker. The reason is logged, with the issuer and key id in the token, but never with the token itself. A request
// without token is refused with another text. If the keys of the issuer cannot be read, that is an internal error
// (status 500), because the token may be valid.
//
// Tokens are not cached: each is verified anew. A token cannot be revoked. To end the connections of a user, call
// Server.Disconnect with chanx.ToUser, and issue tokens that live for minutes only.
//
// # Browsers
//
// A page cannot set headers of a WebSocket, so it sends its token in one of three ways. A cookie ([FromCookie]) is the
// simplest where the page and the server share a site. Browsers also send it for pages of other sites, so do not relax
// ServerOptions.Origins. A query parameter ([FromQuery]) ends up in logs and histories (RFC 6750 section 2.3): use it
// for tokens that live for seconds. A subprotocol ([FromSubprotocol]) has neither drawback.
package jwtauth
