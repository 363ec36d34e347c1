//go:build abuse

package abuse_test

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"log"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chanx-go/chanx"
)

// fort is a server on a port of this machine, with a bystander.
type fort struct {
	t     *testing.T
	plan  plan
	srv   *chanx.Server
	addr  string
	seen  *witness
	gate  chan struct{} // handlers that hold wait for it
	by    *bystander
	aside *bystander  // of another server, which is not attacked
	tls   *tls.Config // of clients

	knocks atomic.Int64 // connections opened by raiders
}

// plan holds the options of a fort.
type plan struct {
	chanx.ServerOptions
	also       func(*chanx.Server) // mounts more consumers
	apart      bool                // the bystander is not in the square
	headerTime time.Duration       // http.Server.ReadHeaderTimeout
	small      bool                // small kernel buffers, so that unread data waits in the server
	tls        bool
	heap       int64 // limit for the heap growth in bytes, at both ends; default usualHeap
	goroutines int64 // limit for the goroutines per raider, at both ends; default usualGoroutines
}

// unhurried sets every timeout that the test leaves at zero to a time that it never reaches. So only the limit under
// test ends a connection, even on a busy machine.
func unhurried(l chanx.Limits) chanx.Limits {
	for _, d := range []*time.Duration{
		&l.MessageTimeout, &l.WriteTimeout, &l.HandshakeTimeout, &l.OpenTimeout, &l.PublishTimeout, &l.CloseTimeout,
		&l.PingInterval, &l.PongTimeout,
	} {
		*d = cmp.Or(*d, 3*maxWait)
	}
	return l
}

// build starts the server, and the one that is not attacked.
func build(t *testing.T, p plan) *fort {
	t.Helper()
	f := startFort(t, p)
	f.aside = startFort(t, plan{tls: p.tls}).by
	return f
}

// startFort starts a server. When the test ends, no connection may be left.
func startFort(t *testing.T, p plan) *fort {
	t.Helper()
	p.heap, p.goroutines = cmp.Or(p.heap, usualHeap), cmp.Or(p.goroutines, usualGoroutines)
	f := &fort{t: t, plan: p, seen: newWitness(), gate: make(chan struct{})}
	p.Observer, p.Limits = f.seen, unhurried(p.Limits)
	if p.Logger == nil {
		p.Logger = slog.New(slog.DiscardHandler)
	}
	f.srv = chanx.NewServer(&p.ServerOptions)
	f.srv.Handle("/ws", newVisitors(f.gate))
	if p.also != nil {
		p.also(f.srv)
	}
	shut := f.serve()
	f.by = newBystander(f)
	t.Cleanup(func() {
		f.by.leave()
		ctx, cancel := context.WithTimeout(context.Background(), maxWait)
		defer cancel()
		if err := f.srv.Shutdown(ctx); err != nil {
			t.Error(err)
		}
		shut()
		if s := f.seen.sees(); s.opened != s.ended() {
			t.Errorf("%d connections were opened, %d ended", s.opened, s.ended())
		}
	})
	return f
}

// serve listens. net/http must log nothing: panics under chanx's control do not reach it.
func (f *fort) serve() (shut func()) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		f.t.Fatal(err)
	}
	f.addr = l.Addr().String()
	if f.plan.small {
		l = narrow{l}
	}
	if f.plan.tls {
		var server *tls.Config
		server, f.tls = certified(f.t)
		l = tls.NewListener(l, server)
	}
	var complaints lockedBuffer
	web := &http.Server{
		Handler: f.srv, ReadHeaderTimeout: f.plan.headerTime, ErrorLog: log.New(&complaints, "", 0),
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		if err := web.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			f.t.Error(err)
		}
	})
	return func() {
		if err := web.Close(); err != nil {
			f.t.Error(err)
		}
		serving.Wait()
		if s := complaints.String(); strings.Contains(s, "panic") {
			f.t.Errorf("net/http logged: %s", s)
		}
	}
}

// narrow is a listener whose connections have small kernel buffers.
type narrow struct{ net.Listener }

func (n narrow) Accept() (net.Conn, error) {
	nc, err := n.Listener.Accept()
	if err == nil {
		err = nc.(*net.TCPConn).SetWriteBuffer(smallBuffer)
	}
	return nc, err
}

const (
	smallBuffer = 8 << 10
	kernel      = 16 * smallBuffer // what it may buffer at both ends all the same, because it counts its own overhead
)

// connect opens a connection, with small buffers at this end too.
func (f *fort) connect() (net.Conn, error) {
	f.knocks.Add(1)
	var d net.Dialer
	nc, err := d.DialContext(f.t.Context(), "tcp", f.addr)
	if err == nil && f.plan.small {
		err = nc.(*net.TCPConn).SetReadBuffer(smallBuffer)
	}
	return nc, err
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// crowd runs n clients at once. Each gets its number.
func (f *fort) crowd(n int, do func(i int) error) {
	f.t.Helper()
	errs := make(chan error, n)
	for i := range n {
		go func() { errs <- do(i) }()
	}
	bad := 0
	for range n {
		if err := <-errs; err != nil {
			if bad++; bad <= 3 {
				f.t.Error(err)
			}
		}
	}
	if bad > 3 {
		f.t.Errorf("and %d more of %d", bad-3, n)
	}
}

// eventually waits until a condition holds. It checks every few milliseconds.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	again := time.NewTicker(3 * time.Millisecond)
	defer again.Stop()
	late := time.After(maxWait)
	for !is() {
		select {
		case <-again.C:
		case <-late:
			t.Fatalf("after %v it is still not true that %s", maxWait, what)
		}
	}
}
