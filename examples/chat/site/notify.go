package site

import (
	"cmp"
	"encoding/json"
	"errors"
	"mime"
	"net/http"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/examples/chat/login"
	"github.com/chanx-go/chanx/examples/chat/room"
)

// notify sends a notice to a room over HTTP: the event reaches the room's connections on all servers. It answers 204, or an
// object with a member "error".
func (o Options) notify(w http.ResponseWriter, r *http.Request) {
	id, name, ok := o.enter(w, r, refuseJSON)
	if !ok {
		return
	}
	user := login.Of(id).Name
	notice, status, problem := readNotice(r)
	if problem != "" {
		refuseJSON(w, status, problem)
		return
	}
	notice.SenderName = user
	event := room.NotifyEvent{Notice: notice}
	if items, bad := errors.AsType[chanx.ValidationError](chanx.Validate(event)); bad {
		writeJSON(w, http.StatusUnprocessableEntity, map[string]any{"error": items})
		return
	}
	if err := o.Server.Emit(r.Context(), event, chanx.To(room.Group(name))); err != nil {
		o.Logger.ErrorContext(r.Context(), "notice not sent", "room", name, "user", user, "error", err)
		refuseJSON(w, http.StatusServiceUnavailable, "The notice may not have reached everyone.")
		return
	}
	o.Logger.InfoContext(r.Context(), "notice sent", "room", name, "user", user, "level", notice.Level)
	w.WriteHeader(http.StatusNoContent)
}

// readNotice reads a notice from a JSON body or from a form. If that fails, it returns the reason.
func readNotice(r *http.Request) (n room.Notice, status int, problem string) {
	var err error
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")) // an unreadable one is refused below
	switch kind {
	case "application/json":
		err = json.NewDecoder(r.Body).Decode(&n)
	case "application/x-www-form-urlencoded":
		err = r.ParseForm()
		n = room.Notice{Content: r.PostForm.Get("content"), Level: r.PostForm.Get("level")}
	default:
		return n, http.StatusUnsupportedMediaType, "Send application/json or application/x-www-form-urlencoded."
	}
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
		return n, http.StatusRequestEntityTooLarge, "The body is too large."
	}
	if err != nil {
		return n, http.StatusBadRequest, "The body could not be read."
	}
	n.Level = cmp.Or(n.Level, "info") // the default in its tag, which encoding/json does not apply
	return n, http.StatusOK, ""
}

func refuseJSON(w http.ResponseWriter, status int, detail string) {
	writeJSON(w, status, map[string]any{"error": detail})
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(v) // fails only if the client is gone
}
