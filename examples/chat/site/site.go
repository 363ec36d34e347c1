// Package site is the HTTP part of the chat: the login, the pages, and notices to rooms.
package site

import (
	"log/slog"
	"net/http"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/examples/chat/login"
	"github.com/chanx-go/chanx/examples/chat/room"
	"github.com/chanx-go/chanx/examples/chat/store"
)

// maxBody is the maximum size of a request's body in bytes.
const maxBody = 16 << 10

// Options are the parts that the site needs.
type Options struct {
	Server  *chanx.Server // sends notices
	Store   *store.Store
	Members room.Members
	Logins  *login.Cookies
	Logger  *slog.Logger
}

// New returns the handler for everything except the WebSocket route. It refuses cross-site requests of browsers, unless
// they only read.
func New(o Options) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", o.home)
	mux.HandleFunc("POST /login", o.login)
	mux.HandleFunc("POST /logout", o.logout)
	mux.HandleFunc("GET /rooms", o.find)
	mux.HandleFunc("GET /rooms/{room}", o.room)
	mux.HandleFunc("POST /rooms/{room}/notify", o.notify)
	mux.HandleFunc("GET /static/{file}", static)
	return hygiene(http.NewCrossOriginProtection().Handler(mux))
}

// policy allows pages to load from and connect to their own host only, without inline scripts and styles.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

func hygiene(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cache-Control", "no-store") // pages show who is logged in
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		next.ServeHTTP(w, r)
	})
}

// enter returns the user and the room of a request, or answers the request and returns false. The rules are those of the
// WebSocket route.
func (o Options) enter(w http.ResponseWriter, r *http.Request, refuse refusal) (id chanx.Identity, name string, ok bool) {
	name = r.PathValue("room")
	id, err := o.Logins.Authenticate(r)
	switch {
	case !room.ValidName(name):
		refuse(w, http.StatusNotFound, "There is no room of that name.")
	case err != nil:
		refuse(w, http.StatusUnauthorized, "Log in first.")
	case !o.Members.Admit(id.UserID, name):
		refuse(w, http.StatusForbidden, "This room is for its members only.")
	default:
		return id, name, true
	}
	return chanx.Identity{}, "", false
}

// refusal answers a request without permission.
type refusal func(w http.ResponseWriter, status int, detail string)
