package chanx_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/chanx-go/chanx"
)

type (
	essayMessage  struct{ Text string }
	essayReply    struct{ Text string }
	essayCopy     struct{ Text string }
	readingCircle struct{ *chanx.Conn }
)

func (essayMessage) Action() string { return "essay" }
func (essayReply) Action() string   { return "essay_reply" }
func (essayCopy) Action() string    { return "essay_copy" }

// essay broadcasts the essay to the circle and replies.
func (r *readingCircle) essay(ctx context.Context, m essayMessage) (essayReply, error) {
	return essayReply(m), r.Broadcast(ctx, essayCopy(m))
}

func newReadingCircle() *chanx.Consumer[readingCircle] {
	c := chanx.NewConsumer(func(c *chanx.Conn, _ *http.Request) (*readingCircle, error) { return &readingCircle{c}, nil },
		&chanx.ConsumerOptions{Groups: []string{"circle"}, AuthenticationMessage: chanx.Enabled})
	chanx.OnRequest(c, (*readingCircle).essay)
	chanx.Broadcasts[essayCopy](c)
	return c
}

// meter is a net.Conn that counts the bytes that a client receives.
type meter struct {
	net.Conn
	n *atomic.Int64
}

func (m meter) Read(b []byte) (int, error) {
	n, err := m.Conn.Read(b)
	m.n.Add(int64(n))
	return n, err
}

// visitor is a client of the circle, with the meter of its connection.
type visitor struct {
	t     *testing.T
	ctx   context.Context
	ws    *websocket.Conn
	bytes atomic.Int64
}

func visit(ctx context.Context, t *testing.T, url string, mode websocket.CompressionMode) (_ *visitor, agreed string) {
	t.Helper()
	v := &visitor{t: t, ctx: ctx}
	transport := &http.Transport{DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := (&net.Dialer{}).DialContext(ctx, network, addr)
		return meter{c, &v.bytes}, err
	}}
	ws, res, err := websocket.Dial(ctx, "ws"+strings.TrimPrefix(url, "http")+"/", &websocket.DialOptions{
		HTTPClient: &http.Client{Transport: transport}, CompressionMode: mode, CompressionThreshold: 1,
	})
	if err != nil {
		t.Fatal(err)
	}
	ws.SetReadLimit(1 << 20)
	t.Cleanup(func() { _ = ws.CloseNow() }) // the test may have closed it
	v.ws = ws
	v.expect(`"authentication"`)
	return v, res.Header.Get("Sec-WebSocket-Extensions")
}

func (v *visitor) send(frame string) {
	v.t.Helper()
	if err := v.ws.Write(v.ctx, websocket.MessageText, []byte(frame)); err != nil {
		v.t.Fatal(err)
	}
}

// expect reads one frame and returns the number of bytes received for it.
func (v *visitor) expect(part string) int64 {
	v.t.Helper()
	before := v.bytes.Load()
	_, b, err := v.ws.Read(v.ctx)
	if err != nil || !strings.Contains(string(b), part) {
		v.t.Fatalf("got %.100s, %v, want %.100s", b, err, part)
	}
	return v.bytes.Load() - before
}

// TestCompression checks that clients which negotiated compression receive long group messages and replies compressed, and
// that short messages and other clients' messages are not compressed.
func TestCompression(t *testing.T) {
	for _, enabled := range []bool{false, true} {
		srv := serve(&chanx.ServerOptions{Logger: quiet, Compression: chanx.Compression{Enabled: enabled}}, "/", newReadingCircle())
		web := httptest.NewServer(srv)
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		one, agreed := visit(ctx, t, web.URL, websocket.CompressionContextTakeover)
		if enabled != (agreed == "permessage-deflate; server_no_context_takeover; client_no_context_takeover") || !enabled && agreed != "" {
			t.Errorf("enabled %v: agreed on %q", enabled, agreed)
		}
		other, _ := visit(ctx, t, web.URL, websocket.CompressionDisabled)
		long := strings.Repeat("long and longer ", 1000)
		essay := func(text string) (reply, mine, theirs int64) {
			one.send(`{"action":"essay","payload":{"Text":"` + text + `"}}`)
			mine, reply = one.expect(`"essay_copy","payload":{"Text":"`+text), one.expect(`"essay_reply","payload":{"Text":"`+text)
			return reply, mine, other.expect(`"essay_copy","payload":{"Text":"` + text)
		}
		reply, mine, theirs := essay(long)
		if small := mine+reply < 1000; small != enabled || theirs < int64(len(long)) {
			t.Errorf("enabled %v: copy and reply of %d bytes, and a copy of %d for who has not agreed", enabled, mine+reply, theirs)
		}
		reply, mine, theirs = essay(strings.Repeat("s", 500))
		if mine+reply < 1000 || theirs < 500 {
			t.Errorf("enabled %v: short ones of %d and %d bytes", enabled, mine+reply, theirs)
		}
		for _, v := range []*visitor{one, other} {
			if err := v.ws.Close(websocket.StatusNormalClosure, ""); err != nil {
				t.Error(err)
			}
		}
		if err := srv.Shutdown(ctx); err != nil {
			t.Error(err)
		}
		web.Close()
		cancel()
	}
}
