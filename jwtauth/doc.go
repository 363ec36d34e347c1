// Package jwtauth lets in whoever shows a JSON Web Token (RFC 7519) that an issuer you trust has signed.
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
// token has expired the connection is closed with 4401. To stay connected, a client sends a fresh token before that in a
// message of the application; its handler gives it to [Authenticator.Verify] and the result to Conn.Renew.
//
// # What is checked
//
// As the best current practice for JSON Web Tokens (RFC 8725) asks:
//
//   - The algorithm is one of Options.Algorithms, never "none", and fits the kind of the key and, in a key set, the key's
//     own alg, use and key_ops (RFC 8725 sections 2.1, 3.1, 3.2). A public key never serves as an HMAC secret.
//   - The signature is right, and the token is written in the one canonical way (RFC 4648 section 3.5). Secrets are no shorter than their hash
//     (RFC 7518 section 3.2), RSA keys have at least 2048 bits (section 3.3).
//   - The issuer is Options.Issuer exactly (RFC 7519 section 4.1.1, RFC 8725 section 3.8), and one of Options.Audience is
//     among the token's (4.1.3, 3.9).
//   - exp is there and has not passed; nbf and iat, if there, are not in the future (4.1.4 to 4.1.6). None is negative or
//     more than 100 years ahead, as milliseconds are.
//   - The user claim is a text of 1 to 200 bytes without control characters, or an integer.
//   - Names of claims and of members of the header and of keys are matched exactly: SUB is not sub. No name occurs twice
//     (RFC 7519 section 4, RFC 8725 section 2.4). White space around or in a token is not ignored.
//   - The header's typ is Options.Type, if that is set (RFC 8725 section 3.11), and the header has no crit: there is no
//     extension that this package knows (RFC 7515 section 4.1.11).
//   - Nothing of a token leads anywhere: kid is compared with names of known keys, and jku, x5u, x5c and jwk are not read
//     (RFC 8725 section 3.10). The only address that is ever fetched is Options.JWKSURL.
//   - A request shows one token. Two that differ are refused (RFC 6750 section 2), and so is one of more than 8 KiB.
//
// Every token that fails is refused with status 401 and the same words: what exactly was wrong helps nobody but an
// attacker. The log says it, with the issuer and key that the token names, and never shows the token itself. Whoever
// shows no token is asked to log in. If the keys of the issuer cannot be read, that is an internal error (status 500),
// because the token may well be good.
//
// Nothing is remembered of a token: each is verified anew. A token cannot be taken back; to end what somebody is doing,
// use Server.Disconnect with chanx.ToUser, and let tokens live for minutes only.
//
// # Browsers
//
// A page cannot set headers of a WebSocket, so its token travels in one of three ways. A cookie ([FromCookie]) is the
// simplest where the page and the server share a site; it is sent by pages of other sites too, so leave
// ServerOptions.Origins as tight as it is. A query parameter ([FromQuery]) ends up in logs and histories (RFC 6750
// section 2.3): use it for tokens that live for seconds. A subprotocol ([FromSubprotocol]) has neither drawback.
package jwtauth
