package jwtauth_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/chanxtest"
	"github.com/chanx-go/chanx/jwtauth"
)

func TestEachSource(t *testing.T) {
	t.Parallel()
	token := good().ed()
	tests := []struct {
		name   string
		source jwtauth.Source
		path   string
		header http.Header
	}{
		{"header", jwtauth.FromHeader(), "/ws", http.Header{"Authorization": {"Bearer " + token}}},
		{"header in other case", jwtauth.FromHeader(), "/ws", http.Header{"Authorization": {"bEARER  " + token}}},
		{"cookie", jwtauth.FromCookie("__Host-token"), "/ws", http.Header{"Cookie": {"a=b; __Host-token=" + token}}},
		{"query", jwtauth.FromQuery("access_token"), "/ws?a=b&access_token=" + token, nil},
		{"subprotocol", jwtauth.FromSubprotocol("bearer."), "/ws", http.Header{"Sec-Websocket-Protocol": {"bearer." + token}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			o := options()
			o.Sources = []jwtauth.Source{tt.source}
			srv := newServer(t, newAuth(t, o))
			expectUser(t, chanxtest.Dial(t, srv, tt.path, &chanxtest.DialOptions{Header: tt.header}), youAre{"ann", "admin"})
		})
	}
}

// TestTheTokenIsNotTheChosenSubprotocol: the server chooses the real one, if the client offers it.
func TestTheTokenIsNotTheChosenSubprotocol(t *testing.T) {
	t.Parallel()
	o := options()
	o.Sources = []jwtauth.Source{jwtauth.FromSubprotocol("bearer.")}
	srv := newServer(t, newAuth(t, o))
	token := good().ed()
	tests := []struct {
		offered []string
		chosen  string
	}{
		{[]string{"app.v1", "bearer." + token}, "app.v1"},
		{[]string{"bearer." + token, "app.v1"}, "app.v1"},
		{[]string{"bearer.", "bearer." + token, "app.v1"}, "app.v1"},
		{[]string{"bearer." + token, "bearer."}, "bearer."},
		{[]string{"bearer." + token}, ""}, // which browsers treat as a failure
	}
	for _, tt := range tests {
		c := chanxtest.Dial(t, srv, "/ws", &chanxtest.DialOptions{Subprotocols: tt.offered})
		expectUser(t, c, youAre{"ann", "admin"})
		if got := c.Subprotocol(); got != tt.chosen {
			t.Errorf("chosen %q, want %q", got, tt.chosen)
		}
	}
	c := chanxtest.Dial(t, srv, "/ws", &chanxtest.DialOptions{Subprotocols: []string{"bearer.", "bearer.x"}})
	if got := c.Subprotocol(); got != "bearer." {
		t.Errorf("a browser could not read the refusal: chosen %q", got)
	}
	expectRefused(t, c, 401, 4401, refused)
}

// algorithms are all that can be pinned, each with a key to sign and one to verify.
func algorithms() map[string][2]any {
	all := map[string][2]any{"EdDSA": {edKey, edKey.Public()}}
	for _, alg := range []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"} {
		all[alg] = [2]any{rsaKey, rsaKey.Public()}
	}
	for alg, k := range ecKeys {
		all[alg] = [2]any{k, k.Public()}
	}
	for _, alg := range []string{"HS256", "HS384", "HS512"} {
		all[alg] = [2]any{secret, secret}
	}
	return all
}

// TestEachAlgorithm accepts tokens of that algorithm and of no other.
func TestEachAlgorithm(t *testing.T) {
	t.Parallel()
	tokens := map[string]string{}
	for alg, keys := range algorithms() {
		tokens[alg] = good().sign(alg, keys[0])
	}
	for alg, keys := range algorithms() {
		o := options()
		o.Algorithms, o.Key = []string{alg}, keys[1]
		a := newAuth(t, o)
		for other, token := range tokens {
			id, err := verify(t, a, token)
			switch {
			case other != alg && !isRefusal(err):
				t.Errorf("%s accepts %s: %v", alg, other, err)
			case other == alg && (err != nil || id.UserID != "ann" || id.Claims != claims{"admin"}):
				t.Errorf("%s: %+v, %v", alg, id, err)
			}
		}
	}
}

// TestKeysOfSeveralKinds: even with all algorithms allowed, each key only verifies those of its kind.
func TestKeysOfSeveralKinds(t *testing.T) {
	t.Parallel()
	o := options()
	o.Algorithms = []string{"EdDSA", "RS256", "HS256"}
	o.Key, o.Keys = nil, map[string]any{"e": edKey.Public(), "r": rsaKey.Public(), "h": secret, "e2": otherKey.Public()}
	a := newAuth(t, o)
	g := good()
	for _, tt := range []struct {
		name, token string
		ok          bool
	}{
		{"its key", g.head("kid", "e").ed(), true},
		{"its key", g.head("kid", "e2").sign("EdDSA", otherKey), true},
		{"its key", g.head("kid", "h").sign("HS256", secret), true},
		{"no key named, one fits", g.sign("RS256", rsaKey), true},
		{"no key named, two fit", g.ed(), false},
		{"another key", g.head("kid", "e2").ed(), false},
		{"a key of another kind", g.head("kid", "r").ed(), false},
		{"a public key as secret", g.head("kid", "r").sign("HS256", pemOf(rsaKey.Public())), false},
		{"a public key as secret", g.head("kid", "h").sign("HS256", pemOf(rsaKey.Public())), false},
		{"an empty key id", g.head("kid", "").ed(), false},
	} {
		if _, err := verify(t, a, tt.token); tt.ok != (err == nil) || !tt.ok && !isRefusal(err) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

// TestOptionsKeyIgnoresTheKid: an application with one key need not know its id.
func TestOptionsKeyIgnoresTheKid(t *testing.T) {
	t.Parallel()
	a := newAuth(t, options())
	for _, token := range []string{good().ed(), good().head("kid", "2026-11").ed(), good().head("kid", "").ed()} {
		if _, err := verify(t, a, token); err != nil {
			t.Error(err)
		}
	}
}

func TestTheUserClaim(t *testing.T) {
	t.Parallel()
	o := options()
	o.UserClaim = "user_id"
	a := newAuth(t, o)
	for want, v := range map[string]any{"ann": "ann", "42": 42, "-7": -7, "9007199254740993": int64(9007199254740993)} {
		id, err := verify(t, a, good().with("user_id", v).with("sub", "someone").ed())
		if err != nil || id.UserID != want {
			t.Errorf("%v: %q, %v", v, id.UserID, err)
		}
	}
	if _, err := verify(t, a, good().ed()); !isRefusal(err) {
		t.Errorf("a token without it: %v", err)
	}
}

func TestClaimsHaveTheTypeOfTheApplication(t *testing.T) {
	t.Parallel()
	asMap, err := jwtauth.New[map[string]any](t.Context(), options())
	if err != nil {
		t.Fatal(err)
	}
	id, err := verify(t, asMap, good().with("level", 3).ed())
	got, ok := id.Claims.(map[string]any)
	if err != nil || !ok || got["role"] != "admin" || got["level"] != 3.0 || got["iss"] != issuer {
		t.Errorf("claims %#v, %v", id.Claims, err)
	}
	asNothing, err := jwtauth.New[struct{}](t.Context(), options())
	if err != nil {
		t.Fatal(err)
	}
	if id, err = verify(t, asNothing, good().ed()); err != nil || id.Claims != struct{}{} {
		t.Errorf("claims %#v, %v", id.Claims, err)
	}
}

func TestAudiencesInAList(t *testing.T) {
	t.Parallel()
	a := newAuth(t, options())
	for _, aud := range []any{"other", []string{"mail", "chat"}} {
		if _, err := verify(t, a, good().with("aud", aud).ed()); err != nil {
			t.Errorf("aud %v: %v", aud, err)
		}
	}
}

// TestTheLeewayAppliesToEveryTime, and to the end of the connection.
func TestTheLeewayAppliesToEveryTime(t *testing.T) {
	for given, leeway := range map[time.Duration]time.Duration{0: 30 * time.Second, -1: 0, time.Minute: time.Minute} {
		synctest.Test(t, func(t *testing.T) {
			o := options()
			o.Leeway = given
			a := newAuth(t, o)
			for _, claim := range []string{"exp", "nbf", "iat"} {
				border := time.Now().Add(leeway)
				if claim == "exp" {
					border = time.Now().Add(time.Second - leeway)
				}
				outside := map[string]time.Duration{"exp": -time.Second, "nbf": time.Second, "iat": time.Second}[claim]
				id, err := verify(t, a, good().with(claim, border.Unix()).ed())
				if err != nil || claim == "exp" && !id.Expires.Equal(time.Now().Add(time.Second)) {
					t.Errorf("leeway %v, %s inside: %+v, %v", leeway, claim, id, err)
				}
				if _, err := verify(t, a, good().with(claim, border.Add(outside).Unix()).ed()); !isRefusal(err) {
					t.Errorf("leeway %v, %s outside: %v", leeway, claim, err)
				}
			}
		})
	}
}

// TestAConnectionEndsWithItsToken and not before, unless a new token extends it.
func TestAConnectionEndsWithItsToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAuth(t, options())
		srv := newServer(t, a)
		start := time.Now()
		lasting := func(d time.Duration) token { return good().with("exp", start.Add(d).Unix()) }
		c := chanxtest.Dial(t, srv, "/ws", bearer(lasting(time.Minute).ed()))
		renewed := chanxtest.Dial(t, srv, "/ws", bearer(lasting(time.Minute).ed()))
		expectUser(t, c, youAre{"ann", "admin"})
		expectUser(t, renewed, youAre{"ann", "admin"})

		renewed.Send(renew{lasting(time.Hour).sign("EdDSA", otherKey)})
		if detail := renewed.ExpectError("bad_token"); detail != "log in again" {
			t.Errorf("detail %q", detail)
		}
		chanxtest.Receive[chanx.CompleteMessage](renewed)
		renewed.Send(renew{lasting(time.Hour).with("role", "guest").ed()})
		chanxtest.Receive[chanx.CompleteMessage](renewed)

		time.Sleep(time.Minute + 29*time.Second)
		if synctest.Wait(); c.Ended() != nil {
			t.Fatalf("ended after %v: %v", time.Since(start), c.Ended())
		}
		time.Sleep(time.Second)
		c.ExpectClosed(4401)
		renewed.Send(whoAm{})
		if f := chanxtest.Receive[youAre](renewed); f.Message != (youAre{"ann", "guest"}) {
			t.Errorf("it is %+v", f.Message)
		}
	})
}

func TestSecuritySchemesDescribeTheSources(t *testing.T) {
	t.Parallel()
	o := options()
	o.Sources = []jwtauth.Source{
		jwtauth.FromHeader(), jwtauth.FromCookie("c"), jwtauth.FromQuery("q"), jwtauth.FromSubprotocol("bearer."),
	}
	a := newAuth(t, o)
	const want = `[{"bearerFormat":"JWT","scheme":"bearer","type":"http"},{"in":"cookie","name":"c","type":"httpApiKey"},` +
		`{"in":"query","name":"q","type":"httpApiKey"},{"description":"The token is offered as a subprotocol, behind bearer., ` +
		`beside the one that is spoken.","in":"header","name":"Sec-WebSocket-Protocol","type":"httpApiKey"}]`
	for range 2 { // what the caller does with one answer is not in the next
		schemes := a.SecuritySchemes()
		if got := string(must(json.Marshal(schemes))); got != want {
			t.Errorf("got %s", got)
		}
		schemes[0]["type"] = "changed"
	}
}

func TestATokenIsRequiredUnlessItIsOptional(t *testing.T) {
	t.Parallel()
	for _, optional := range []bool{true, false} {
		o := options()
		o.Optional = optional
		if got := newAuth(t, o).TokenRequired(); got == optional {
			t.Errorf("optional %v: required %v", optional, got)
		}
	}
}

var (
	_ chanx.SubprotocolAuthenticator = (*jwtauth.Authenticator)(nil)
	_ chanx.DocumentedAuthenticator  = (*jwtauth.Authenticator)(nil)
)

// TestClaimsAreMatchedExactly: a name in another case is another claim.
func TestClaimsAreMatchedExactly(t *testing.T) {
	t.Parallel()
	id, err := verify(t, newAuth(t, options()), good().with("ROLE", "root").with("Role", "root").with("SUB", "root").ed())
	if c, _ := id.Claims.(claims); err != nil || id.UserID != "ann" || c.Role != "admin" {
		t.Errorf("%+v, %v", id, err)
	}
	id, err = verify(t, newAuth(t, options()), good().with("role", nil).with("ROLE", "root").ed())
	if c, _ := id.Claims.(claims); err != nil || c.Role != "" {
		t.Errorf("%+v, %v", id, err)
	}
}

// TestTheServerAcceptsEveryAcceptedToken: a user name that the server refused would be an internal error.
func TestTheServerAcceptsEveryAcceptedToken(t *testing.T) {
	t.Parallel()
	srv := newServer(t, newAuth(t, options()))
	for _, sub := range []string{"a", strings.Repeat("x", 200), strings.Repeat("\u00fc", 100), "ann smith", "\u200b", "a.*>b"} {
		expectUser(t, chanxtest.Dial(t, srv, "/ws", bearer(good().with("sub", sub).ed())), youAre{sub, "admin"})
	}
	last := time.Now().AddDate(99, 0, 0).Truncate(time.Second)
	for _, exp := range []any{last.Unix(), float64(last.Unix()) + 0.5} {
		if id, err := verify(t, newAuth(t, options()), good().with("exp", exp).with("iat", 0).with("nbf", 0).ed()); err != nil || id.Expires.Before(last) {
			t.Errorf("%v: %v, %v", exp, id.Expires, err)
		}
	}
}
