package chanx_test

import (
	"bytes"
	"context"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/gobwas/ws"

	"github.com/chanx-go/chanx"
)

const knock, knock2 = `{"action":"knock","ref":"1"}`, `{"action":"knock","ref":"2"}`

func done(ref string) string { return `{"action":"complete","ref":"` + ref + `"}` }

var hostile = []struct {
	name string
	do   func(w *wire)
}{
	{"two frames in one segment", func(w *wire) {
		w.write(frames(text(knock), text(knock2)))
		w.expect(ws.OpText, done("1"))
		w.expect(ws.OpText, done("2"))
	}},
	{"three fragments with a ping between", func(w *wire) {
		w.write(frames(part(ws.OpText, false, knock[:5]), part(ws.OpContinuation, false, knock[5:9]),
			ws.NewPingFrame([]byte("alive?")), part(ws.OpContinuation, true, knock[9:])))
		w.expect(ws.OpPong, "alive?")
		w.expect(ws.OpText, done("1"))
	}},
	{"byte by byte", func(w *wire) {
		for _, b := range frames(text(knock)) {
			w.write([]byte{b})
		}
		w.expect(ws.OpText, done("1"))
	}},
	{"10,000 levels", func(w *wire) {
		w.write(frames(text(`{"action":"knock","x":` + strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000) + `}`)))
		w.expect(ws.OpText, `nested deeper than 32 levels`)
	}},
	{"10,000 levels of payload", func(w *wire) {
		w.write(frames(text(`{"action":"form","payload":` + strings.Repeat(`{"extra":`, 5_000) + strings.Repeat("}", 5_000) + `}`)))
		w.expect(ws.OpText, `nested deeper than 32 levels`)
	}},
	{"5 MB of text", func(w *wire) {
		go func() { _, _ = w.conn.Write(frames(text(strings.Repeat("x", 5<<20)))) }() // fails when the server has closed
		w.expectClose(1009)
	}},
	{"5 MB announced", func(w *wire) {
		w.write(frames(text(strings.Repeat("x", 5<<20)))[:14])
		w.expectClose(1009)
	}},
	{"invalid UTF-8", func(w *wire) { w.write(frames(text("{\"action\":\"\xff\"}"))); w.expectClose(1007) }},
	{"unmasked", func(w *wire) {
		var b bytes.Buffer
		if err := ws.WriteFrame(&b, text(knock)); err != nil {
			w.t.Fatal(err)
		}
		w.write(b.Bytes())
		w.expectClose(1002)
	}},
	{"a panic", func(w *wire) {
		w.write(frames(text(`{"action":"fail","payload":{"how":"panic"}}`), text(knock)))
		w.expect(ws.OpText, `{"reason":"internal","detail":"Failed to process message"}`)
		w.expect(ws.OpText, done("1"))
	}},
	{"frames before a Close", func(w *wire) {
		w.write(frames(text(knock), text(knock2), ws.NewCloseFrame(ws.NewCloseFrameBody(4321, "bye"))))
		w.expect(ws.OpText, done("1"))
		w.expect(ws.OpText, done("2"))
		w.expectClose(4321)
	}},
	{"lost connection", func(w *wire) {
		w.write(frames(text(knock), text(`{"action":"kno`))[:40])
		if err := w.conn.Close(); err != nil {
			w.t.Fatal(err)
		}
	}},
}

// TestHostileClients checks what the server does with unusual and invalid bytes, and that another connection works after
// each case.
func TestHostileClients(t *testing.T) {
	srv := serve(&chanx.ServerOptions{Logger: quiet}, "/desk/{name}", newDesk(nil))
	web := httptest.NewServer(srv)
	defer web.Close()
	bystander := dialWire(t, web.URL+"/desk/bystander")
	for _, tt := range hostile {
		t.Run(tt.name, func(t *testing.T) {
			tt.do(dialWire(t, web.URL+"/desk/hostile"))
			bystander.write(frames(text(`{"action":"say","payload":{"text":"still here"}}`)))
			bystander.expect(ws.OpText, "still here")
		})
	}
	bystander.write(frames(ws.NewCloseFrame(ws.NewCloseFrameBody(1000, ""))))
	bystander.expectClose(1000)
	if err := srv.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestPlainRequestsAreRefused(t *testing.T) {
	srv := serve(&chanx.ServerOptions{Logger: quiet, Origins: []string{"https://app.example"}}, "/desk/{name}", newDesk(nil))
	tests := []struct {
		method, header, value string
		status                int
	}{
		{"GET", "", "", 426},
		{"POST", "", "", 405},
		{"GET", "Sec-WebSocket-Version", "8", 426},
		{"GET", "Sec-WebSocket-Key", "short", 400},
		{"GET", "Origin", "https://evil.example", 403},
		{"GET", "Origin", "null", 403},
		{"GET", "Origin", "http://app.example", 403},
	}
	for _, tt := range tests {
		r := httptest.NewRequest(tt.method, "/desk/one", nil)
		if tt.header != "" {
			for name, v := range map[string]string{
				"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
				tt.header: tt.value,
			} {
				r.Header.Set(name, v)
			}
		}
		w := httptest.NewRecorder()
		srv.ServeHTTP(w, r)
		if w.Code != tt.status {
			t.Errorf("%s %s=%s: status %d, want %d", tt.method, tt.header, tt.value, w.Code, tt.status)
		}
		if w.Code == 426 && (w.Header().Get("Upgrade") != "websocket" || w.Header().Get("Sec-WebSocket-Version") != "13") {
			t.Errorf("426 without its headers: %v", w.Header())
		}
	}
	if err := srv.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
}

func TestHandlerMountsOnAnotherRouter(t *testing.T) {
	srv := chanx.NewServer(&chanx.ServerOptions{Logger: quiet, Origins: []string{"https://app.example"}})
	web := httptest.NewTLSServer(srv.Handler("/desk/{name}", newDesk(nil)))
	defer web.Close()
	client := web.Client()
	client.Transport.(interface{ CloseIdleConnections() }).CloseIdleConnections()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	c, _, err := websocket.Dial(ctx, "wss"+strings.TrimPrefix(web.URL, "https")+"/desk/tls", &websocket.DialOptions{
		HTTPClient: client, HTTPHeader: map[string][]string{"Origin": {"https://app.example"}, "User": {"ann"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct{ send, want string }{
		{"", `{"action":"authentication","payload":{"status_code":200,"status_text":"OK","data":{"detail":"OK"}}}`},
		{`{"action":"say","payload":{"text":"over TLS"}}`, `{"action":"said","payload":{"text":"over TLS"},"is_mine":true,"is_current":true}`},
	} {
		if step.send != "" {
			if err := c.Write(ctx, websocket.MessageText, []byte(step.send)); err != nil {
				t.Fatal(err)
			}
		}
		if _, b, err := c.Read(ctx); err != nil || string(b) != step.want {
			t.Errorf("got %s, %v, want %s", b, err, step.want)
		}
	}
	go func() { _, _, _ = c.Read(ctx) }() // answers the Close frame; its error is that the connection is closed
	if err := srv.Shutdown(ctx); err != nil {
		t.Error(err)
	}
	_ = c.CloseNow() // the server has closed it
}
