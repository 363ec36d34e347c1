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

// fort is a server on a port of this machine, and somebody who uses it as one should.
type fort struct {
	t     *testing.T
	plan  plan
	srv   *chanx.Server
	addr  string
	seen  *witness
	gate  chan struct{} // what handlers hold for
	by    *bystander
	aside *bystander  // of another server, which nobody attacks
	tls   *tls.Config // of clients

	knocks atomic.Int64 // connections that raiders have opened
}

// plan is what differs from fort to fort.
type plan struct {
	chanx.ServerOptions
	also       func(*chanx.Server) // mounts further consumers
	apart      bool                // the bystander is
	headerTime time.Duration       // http.Server.ReadHeaderTimeout
	small      bool                // the kernel's buffers are: what a client does not read waits in the server
	tls        bool
	heap       int64 // how many bytes an attack may take, at both ends; usualHeap by default
	goroutines int64 // how many a raider may take, at both ends; usualGoroutines by default
}

// unhurried are limits of time that no test reaches, wherever it has set none: what ends a connection is then what the
// test is about, on a busy machine, too.
func unhurried(l chanx.Limits) chanx.Limits {
	for _, d := range []*time.Duration{
		&l.MessageTimeout, &l.WriteTimeout, &l.HandshakeTimeout, &l.OpenTimeout, &l.PublishTimeout, &l.CloseTimeout,
		&l.PingInterval, &l.PongTimeout,
	} {
		*d = cmp.Or(*d, 3*patience)
	}
	return l
}

// build starts the server, and one aside.
func build(t *testing.T, p plan) *fort {
	t.Helper()
	f := found(t, p)
	f.aside = found(t, plan{tls: p.tls}).by
	return f
}

// found starts a server. In the end nothing may be left of whoever came.
func found(t *testing.T, p plan) *fort {
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
		ctx, cancel := context.WithTimeout(context.Background(), patience)
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

// serve listens. net/http must have nothing to complain of: what panics in this library's hands stays there.
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
			f.t.Errorf("net/http says: %s", s)
		}
	}
}

// narrow gives its connections little room in the kernel.
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
	kernel      = 16 * smallBuffer // what it may take in at both ends all the same: it counts its own bytes, too
)

// connect opens a connection, with as little room at this end.
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

// crowd is n clients at once. Each is told its number.
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

// eventually waits for what must come. It looks again every few milliseconds.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	again := time.NewTicker(3 * time.Millisecond)
	defer again.Stop()
	late := time.After(patience)
	for !is() {
		select {
		case <-again.C:
		case <-late:
			t.Fatalf("after %v it still is not so that %s", patience, what)
		}
	}
}
