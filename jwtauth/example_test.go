package jwtauth_test

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/jwtauth"
)

// Claims are the claims that the application uses.
type Claims struct {
	Name  string   `json:"name"`
	Roles []string `json:"roles"`
}

// An Authenticator with one key. What Authenticate returns is what Conn.Identity returns in open and in handlers.
func Example() {
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		log.Fatal(err)
	}
	auth, err := jwtauth.New[Claims](context.Background(), jwtauth.Options{
		Issuer:     "https://login.example.com",
		Audience:   []string{"chat"},
		Algorithms: []string{"EdDSA"},
		Key:        public,
		Sources:    []jwtauth.Source{jwtauth.FromHeader(), jwtauth.FromCookie("token")},
	})
	if err != nil {
		log.Fatal(err)
	}

	// This is what the issuer does.
	token, err := jwt.NewWithClaims(jwt.SigningMethodEdDSA, jwt.MapClaims{
		"iss": "https://login.example.com", "aud": "chat", "sub": "ann", "exp": time.Now().Add(5 * time.Minute).Unix(),
		"name": "Ann", "roles": []string{"editor"},
	}).SignedString(private)
	if err != nil {
		log.Fatal(err)
	}

	r := httptest.NewRequest(http.MethodGet, "/ws/rooms/lobby", http.NoBody)
	r.Header.Set("Authorization", "Bearer "+token)
	id, err := auth.Authenticate(r)
	fmt.Println(id.UserID, id.Claims.(Claims).Roles, err)

	r.Header.Del("Authorization")
	_, err = auth.Authenticate(r)
	fmt.Println(err)
	// Output:
	// ann [editor] <nil>
	// chanx: refused: 401 log in first
}

// Room is the state of a connection.
type Room struct {
	*chanx.Conn
	auth *jwtauth.Authenticator
}

// TokenMessage sends a new token before the old one expires.
type TokenMessage struct {
	Token string `json:"token" maxLength:"8192"`
}

// Action is "token".
func (TokenMessage) Action() string { return "token" }

func (r *Room) renew(ctx context.Context, m TokenMessage) error {
	id, err := r.auth.Verify(ctx, m.Token)
	if err != nil {
		return chanx.NewError("bad_token", "log in again")
	}
	return r.Renew(id) // of another user it is an error
}

// A server for browsers: they offer the token as a subprotocol beside the one that is spoken, as in
// new WebSocket(url, ["chat.v1", "bearer." + token]), and renew it before it expires.
func ExampleNew() {
	auth, err := jwtauth.New[Claims](context.Background(), jwtauth.Options{
		Issuer:     "https://login.example.com",
		Audience:   []string{"chat"},
		Algorithms: []string{"EdDSA"},
		JWKSURL:    "https://login.example.com/.well-known/jwks.json",
		Sources:    []jwtauth.Source{jwtauth.FromSubprotocol("bearer.")},
	})
	if err != nil {
		log.Fatal(err) // the keys cannot be read
	}
	defer auth.Close()

	room := chanx.NewConsumer(func(c *chanx.Conn, r *http.Request) (*Room, error) {
		if claims, _ := c.Identity().Claims.(Claims); len(claims.Roles) == 0 {
			return nil, chanx.Refuse(http.StatusForbidden, "members only")
		}
		return &Room{c, auth}, nil
	}, &chanx.ConsumerOptions{Authenticator: auth})
	chanx.On(room, (*Room).renew)

	srv := chanx.NewServer(&chanx.ServerOptions{Subprotocols: []string{"chat.v1"}})
	srv.Handle("/ws/rooms/{room}", room)
	web := &http.Server{Addr: "localhost:8080", Handler: srv, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second}
	log.Print(web.ListenAndServe())
}
