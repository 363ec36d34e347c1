package main

import (
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/examples/discussion/talk"
)

// maxNotice is the maximum size of a notice's request body in bytes.
const maxNotice = 16 << 10

// notify sends a notice to the discussion. It reads JSON, {"content": "…"}, and answers 204, or an object with a member
// "error": a text, or a list of the errors of each field. It does not authenticate; an application should.
type notify struct {
	discussion *chanx.Consumer[talk.Member]
	logger     *slog.Logger
}

// ServeHTTP implements http.Handler.
func (n notify) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var e talk.NotifyEvent
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxNotice)).Decode(&e); err != nil {
		refuse(w, http.StatusBadRequest, "send JSON: {\"content\": \"…\"}")
		return
	}
	if items, bad := errors.AsType[chanx.ValidationError](chanx.Validate(e)); bad {
		refuse(w, http.StatusUnprocessableEntity, items)
		return
	}
	if err := talk.Tell(r.Context(), n.discussion, e); err != nil {
		n.logger.ErrorContext(r.Context(), "notice not sent", "error", err)
		refuse(w, http.StatusServiceUnavailable, "some members may have missed the notice")
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func refuse(w http.ResponseWriter, status int, why any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(map[string]any{"error": why}) // fails only if the client is gone
}
