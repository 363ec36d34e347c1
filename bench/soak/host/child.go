package host

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/chanx-go/chanx"
)

// Orders, each a line.
const (
	stateOrder    = "state"
	shutdownOrder = "shutdown"
)

// RunIfHost runs the host and exits if this process was started by Start. Otherwise it does nothing.
func RunIfHost() {
	text, ok := os.LookupEnv(roleEnv)
	if !ok {
		return
	}
	if err := run(text, os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "host:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// servers are the servers that this process runs.
type servers struct {
	all     []*chanx.Server
	webs    []*http.Server
	tallies tallies
	faults  atomic.Int64
	failed  chan error
	hello   hello
}

// hello is the first line that a host writes: the addresses and the certificate of its servers.
type hello struct {
	Doors []Door
	DER   []byte
}

// run serves until there are no more orders, as when the parent has ended.
func run(text string, orders io.Reader, answers io.Writer) error {
	var o Options
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		return err
	}
	s := &servers{tallies: tallies{handled: map[int]int{}}, failed: make(chan error, 1)}
	if err := s.start(o); err != nil {
		return err
	}
	out := json.NewEncoder(answers)
	if err := out.Encode(s.hello); err != nil {
		return err
	}
	go func() { s.failed <- s.obey(orders, out) }()
	return <-s.failed
}

func (s *servers) start(o Options) error {
	cert, der, err := certificate()
	if err != nil {
		return err
	}
	s.hello.DER = der
	for _, deflate := range []bool{false, true} {
		srv := chanx.NewServer(&chanx.ServerOptions{
			Compression: chanx.Compression{Enabled: deflate, MinBytes: -1},
			Limits: chanx.Limits{
				PingInterval: o.PingInterval, PongTimeout: o.PongTimeout, WriteTimeout: o.WriteTimeout,
				SubscriptionLinger: time.Second, // so that groups are unsubscribed often, and soon after the end
			},
			Logger: slog.New(counter{slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}), &s.faults}),
		})
		srv.Handle(MixedPath, mixed())
		srv.Handle(SlowPath, slow())
		srv.Handle(TallyPath, s.tallies.consumer())
		srv.Handle(CrowdPath, crowd())
		s.all = append(s.all, srv)
		for _, secure := range []bool{false, true} {
			if err := s.listen(srv, Door{TLS: secure, Deflate: deflate}, o, cert); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *servers) listen(h http.Handler, d Door, o Options, cert tls.Certificate) error {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return err
	}
	d.Addr = l.Addr().String()
	s.hello.Doors = append(s.hello.Doors, d)
	l = narrow{l, o.WriteBuffer}
	if d.TLS {
		l = tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{cert}, NextProtos: []string{"http/1.1"}})
	}
	web := &http.Server{Handler: h, ReadHeaderTimeout: time.Minute}
	s.webs = append(s.webs, web)
	go func() {
		if err := web.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			s.failed <- err
		}
	}()
	return nil
}

// narrow is a listener whose connections have a write buffer of that size in bytes; 0 means the system's default.
type narrow struct {
	net.Listener
	buffer int
}

func (n narrow) Accept() (net.Conn, error) {
	c, err := n.Listener.Accept()
	if err != nil || n.buffer == 0 {
		return c, err
	}
	return c, c.(*net.TCPConn).SetWriteBuffer(n.buffer)
}

func (s *servers) obey(orders io.Reader, out *json.Encoder) error {
	lines := bufio.NewScanner(orders)
	for lines.Scan() {
		var answer any
		switch lines.Text() {
		case stateOrder:
			answer = s.state()
		case shutdownOrder:
			answer = s.shutdown()
		default:
			return fmt.Errorf("unknown order %q", lines.Text())
		}
		if err := out.Encode(answer); err != nil {
			return err
		}
	}
	return lines.Err()
}

func (s *servers) state() (st State) {
	runtime.GC()
	runtime.GC() // the first one only emptied the pools
	debug.FreeOSMemory()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	st = State{Goroutines: runtime.NumGoroutine(), Heap: int64(m.HeapAlloc), Drops: map[string]uint64{}, Faults: s.faults.Load()}
	for _, srv := range s.all {
		now := srv.Stats()
		st.Connections += now.Connections
		for what, n := range now.Drops {
			st.Drops[string(what)] += n
		}
	}
	return st
}

const shutdownTimeout = 30 * time.Second

func (s *servers) shutdown() (e End) {
	ctx, cancel := context.WithTimeout(context.Background(), shutdownTimeout)
	defer cancel()
	began := time.Now()
	all := make([]error, len(s.all))
	var wg sync.WaitGroup
	for i, srv := range s.all {
		wg.Go(func() { all[i] = srv.Shutdown(ctx) })
	}
	wg.Wait()
	e.Took = time.Since(began)
	for _, web := range s.webs {
		all = append(all, web.Shutdown(ctx))
	}
	if err := errors.Join(all...); err != nil {
		e.Error = err.Error()
	}
	s.tallies.mu.Lock()
	defer s.tallies.mu.Unlock()
	e.Handled, e.State = s.tallies.handled, s.state()
	return e
}

// counter counts the log lines at level error.
type counter struct {
	slog.Handler
	faults *atomic.Int64
}

func (c counter) Handle(ctx context.Context, r slog.Record) error {
	c.faults.Add(1)
	return c.Handler.Handle(ctx, r)
}

func (c counter) WithAttrs(a []slog.Attr) slog.Handler {
	return counter{c.Handler.WithAttrs(a), c.faults}
}

func (c counter) WithGroup(name string) slog.Handler {
	return counter{c.Handler.WithGroup(name), c.faults}
}
