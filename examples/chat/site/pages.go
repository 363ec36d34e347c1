package site

import (
	"bytes"
	"cmp"
	"embed"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/examples/chat/login"
	"github.com/chanx-go/chanx/examples/chat/room"
)

var (
	//go:embed page
	files embed.FS
	pages = template.Must(template.ParseFS(files, "page/*.html"))
)

// openRooms are listed even without posts.
var openRooms = []string{"lobby", "go", "random"}

// listSize is the maximum number of listed rooms beside openRooms.
const listSize = 30

// loginPage is the data of login.html.
type loginPage struct {
	Room, Name, Problem string
	MaxName             int
}

// roomPage is the data of room.html.
type roomPage struct {
	Room, User string
	Rooms      []listedRoom
	MaxRoom    int
}

type listedRoom struct {
	Name            string
	Current, Closed bool
}

// errorPage is the data of error.html.
type errorPage struct{ Title, Detail string }

func (o Options) home(w http.ResponseWriter, r *http.Request) {
	name := r.FormValue("room")
	if _, err := o.Logins.Authenticate(r); err == nil {
		http.Redirect(w, r, roomURL(name), http.StatusSeeOther)
		return
	}
	render(w, http.StatusOK, "login.html", loginPage{Room: name, MaxName: login.MaxName})
}

func (o Options) login(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		showError(w, http.StatusBadRequest, "The form could not be read.")
		return
	}
	target, given := r.PostForm.Get("room"), r.PostForm.Get("name")
	name, ok := login.CleanName(given)
	if !ok {
		render(w, http.StatusUnprocessableEntity, "login.html", loginPage{
			Room: target, Name: given, MaxName: login.MaxName, Problem: "A name has 1 to 40 characters that can be seen, and the letters of a word are of one alphabet.",
		})
		return
	}
	if err := o.Logins.Issue(w, r, name); err != nil {
		o.fail(w, r, err)
		return
	}
	o.Logger.InfoContext(r.Context(), "logged in", "user", name)
	http.Redirect(w, r, roomURL(target), http.StatusSeeOther)
}

// logout ends a login in this browser: its cookie, and the connections that were opened with it. A copy of the cookie
// remains valid until it expires; an application that must prevent this keeps a list of logins.
func (o Options) logout(w http.ResponseWriter, r *http.Request) {
	o.Logins.Clear(w, r)
	if id, err := o.Logins.Authenticate(r); err == nil {
		l := login.Of(id)
		if err := o.Server.Emit(r.Context(), room.LogoutEvent{Login: l.ID}, chanx.ToUser(id.UserID)); err != nil {
			o.Logger.ErrorContext(r.Context(), "connections on other nodes may stay open after a logout", "user", l.Name, "error", err)
		}
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// find redirects from the name that a user typed to the room's page.
func (o Options) find(w http.ResponseWriter, r *http.Request) {
	typed := strings.Join(strings.Fields(strings.ToLower(r.FormValue("name"))), "-")
	if !room.ValidName(typed) {
		showError(w, http.StatusNotFound, "Rooms are named with letters a to z, digits and hyphens, at most 40 of them.")
		return
	}
	http.Redirect(w, r, roomURL(typed), http.StatusSeeOther)
}

func (o Options) room(w http.ResponseWriter, r *http.Request) {
	id, name, ok := o.enter(w, r, func(w http.ResponseWriter, status int, detail string) {
		if status == http.StatusUnauthorized {
			http.Redirect(w, r, "/?room="+url.QueryEscape(r.PathValue("room")), http.StatusSeeOther)
			return
		}
		showError(w, status, detail)
	})
	if !ok {
		return
	}
	made, err := o.Store.Rooms(r.Context(), listSize)
	if err != nil {
		o.fail(w, r, err)
		return
	}
	render(w, http.StatusOK, "room.html", roomPage{
		Room: name, User: login.Of(id).Name, Rooms: o.list(id.UserID, name, made), MaxRoom: room.MaxName,
	})
}

// list returns the rooms to choose from: openRooms, other rooms with posts, the one shown, and the members-only rooms that
// the user may enter.
func (o Options) list(userID, current string, made []string) []listedRoom {
	names := append(slices.Clone(openRooms), current)
	names = append(names, made...)
	for name := range o.Members {
		names = append(names, name)
	}
	slices.Sort(names)
	var listed []listedRoom
	for _, name := range slices.Compact(names) {
		if o.Members.Admit(userID, name) {
			_, closed := o.Members[name]
			listed = append(listed, listedRoom{name, name == current, closed})
		}
	}
	return listed
}

func roomURL(name string) string {
	if !room.ValidName(name) {
		name = openRooms[0]
	}
	return "/rooms/" + name
}

func static(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-cache")
	http.ServeFileFS(w, r, files, "page/static/"+r.PathValue("file"))
}

// render executes the whole page before it writes anything.
func render(w http.ResponseWriter, status int, page string, data any) {
	var b bytes.Buffer
	if err := pages.ExecuteTemplate(&b, page, data); err != nil {
		panic(err) // an error in an embedded page; net/http logs it and ends the request
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	w.Write(b.Bytes()) // fails only if the client is gone
}

func showError(w http.ResponseWriter, status int, detail string) {
	render(w, status, "error.html", errorPage{Title: cmp.Or(http.StatusText(status), "Error"), Detail: detail})
}

// fail answers a request with a server error and logs the cause.
func (o Options) fail(w http.ResponseWriter, r *http.Request, err error) {
	o.Logger.ErrorContext(r.Context(), "request failed", "method", r.Method, "path", r.URL.Path, "error", err)
	showError(w, http.StatusInternalServerError, "Something went wrong here. Please try again.")
}
