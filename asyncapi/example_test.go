package asyncapi_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/asyncapi"
	"github.com/chanx-go/chanx/internal/chat"
)

func ExampleHandler() {
	srv := chanx.NewServer(nil)
	srv.Handle("/ws/rooms/{room}", chat.New())

	mux := http.NewServeMux()
	mux.Handle("/ws/", srv)
	mux.Handle("/asyncapi.json", asyncapi.Handler(srv, &asyncapi.Options{Title: "Chat", Version: "1.4.0"}))

	w := httptest.NewRecorder()
	mux.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/asyncapi.json", nil))
	fmt.Println(w.Code, w.Header().Get("Content-Type"))
	// Output: 200 application/json
}
