package natslayer_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/chanx-go/chanx/layer"
	"github.com/chanx-go/chanx/natslayer"
)

// expectConnectError expects Connect to fail with an error that contains want.
func expectConnectError(t *testing.T, ctx context.Context, url, want string, o *natslayer.Options) {
	t.Helper()
	l, err := natslayer.Connect(ctx, url, o)
	if err == nil {
		l.Close()
	}
	if err == nil || !strings.HasPrefix(err.Error(), "natslayer: connect to the broker: ") || !strings.Contains(err.Error(), want) {
		t.Errorf("connecting to %s gave %v, want an error with %q", url, err, want)
	}
}

func TestConnectErrors(t *testing.T) {
	b := startBrokers(t, 1, func(o *server.Options) { o.Username, o.Password = "chanx", "secret" })
	port := freePorts(t, 1)[0]
	expectConnectError(t, t.Context(), fmt.Sprintf("nats://127.0.0.1:%d", port), "no servers available for connection: is one running there? Options.StartWithoutBroker", nil)
	expectConnectError(t, t.Context(), "nats://127.0.0.1:99999999", "port", nil)
	expectConnectError(t, t.Context(), "nats://[", "URL 1 cannot be parsed", nil)
	expectConnectError(t, t.Context(), " ", "the URL is empty", nil)
	expectConnectError(t, t.Context(), b.url(0), "Authorization Violation", nil)
	expectConnectError(t, t.Context(), b.url(0), "bad option", &natslayer.Options{NATS: []nats.Option{
		func(*nats.Options) error { return errors.New("bad option") },
	}})
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	expectConnectError(t, ended, b.url(0), "context canceled", nil)
}

// TestTheContextBoundsConnect connects to a server that sends nothing.
func TestTheContextBoundsConnect(t *testing.T) {
	t.Parallel()
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	accepted := make(chan struct{})
	go func() {
		defer close(accepted)
		c, err := silent.Accept()
		if err != nil {
			t.Error(err)
			return
		}
		cancel()
		_, _ = c.Read(make([]byte, 1)) // the error is the end of the connection
		_ = c.Close()
	}()
	expectConnectError(t, ctx, "nats://"+silent.Addr().String(), "context canceled", nil)
	must(t, silent.Close())
	<-accepted
}

func TestConnectAcceptsSeveralServersAndCredentials(t *testing.T) {
	b := startBrokers(t, 1, func(o *server.Options) { o.Username, o.Password = "chanx", "secret" })
	closedPort := fmt.Sprintf("nats://127.0.0.1:%d", freePorts(t, 1)[0])
	for _, c := range []struct {
		url string
		o   *natslayer.Options
	}{
		{closedPort + ", " + strings.Replace(b.url(0), "//", "//chanx:secret@", 1), nil},
		{closedPort + "," + b.url(0), &natslayer.Options{NATS: []nats.Option{nats.UserInfo("chanx", "secret")}}},
	} {
		l, err := natslayer.Connect(t.Context(), c.url, c.o)
		must(t, err)
		n, m := open(t, l), open(t, l)
		must(t, n.Subscribe(t.Context(), "s"))
		must(t, m.Publish(t.Context(), "s", []byte("hi")))
		n.awaits(t, "s:hi")
		l.Close()
		l.Close() // again
	}
}

// TestApplicationsCannotOverrideRequiredOptions gives options that would make the layer buffer while it is down, give up, and
// not receive its own messages.
func TestApplicationsCannotOverrideRequiredOptions(t *testing.T) {
	b := startBrokers(t, 1, nil)
	var made *nats.Options
	b.connect(t, 0, &natslayer.Options{NATS: []nats.Option{
		nats.ReconnectBufSize(1 << 20), nats.MaxReconnects(1), nats.NoReconnect(), nats.NoEcho(), nats.Name("ours"),
		func(o *nats.Options) error {
			made = o
			return nil
		},
	}})
	if made.ReconnectBufSize != -1 || made.MaxReconnect != -1 || !made.AllowReconnect || made.NoEcho || made.Name != "ours" {
		t.Errorf("connected with %+v", made)
	}
}

// certificate makes a certificate for 127.0.0.1, and a pool that contains it.
func certificate(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	must(t, err)
	parsed, err := x509.ParseCertificate(der)
	must(t, err)
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

func TestConnectWithTLS(t *testing.T) {
	cert, pool := certificate(t)
	b := startBrokers(t, 1, func(o *server.Options) {
		o.TLS, o.TLSConfig = true, &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS13}
	})
	url := strings.Replace(b.url(0), "nats:", "tls:", 1)
	expectConnectError(t, t.Context(), url, "certificate", nil)
	l, err := natslayer.Connect(t.Context(), url, &natslayer.Options{NATS: []nats.Option{
		nats.Secure(&tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS13}),
	}})
	must(t, err)
	l.Close()
}

func TestStartWithoutBrokerBeginsDown(t *testing.T) {
	b := startBrokers(t, 1, nil)
	b.stopAll()
	l := b.connect(t, 0, &natslayer.Options{StartWithoutBroker: true})
	n := open(t, l)
	n.awaitsStatus(t, 0, isDown)
	if err := n.Subscribe(t.Context(), "s"); !errors.Is(err, layer.ErrUnavailable) {
		t.Errorf("subscribe without a broker: %v", err)
	}
	b.startAll(t)
	n.awaitsStatus(t, 0, isGap)
	m := open(t, l)
	must(t, m.Publish(t.Context(), "s", []byte("hi")))
	n.awaits(t, "s:hi")
}

// TestPrefixesKeepApplicationsApart has two applications share a server.
func TestPrefixesKeepApplicationsApart(t *testing.T) {
	b := startBrokers(t, 1, nil)
	ours := open(t, b.connect(t, 0, &natslayer.Options{Prefix: "ours.test"}))
	also := open(t, b.connect(t, 0, &natslayer.Options{Prefix: "ours.test"}))
	theirs := open(t, b.connect(t, 0, nil))
	must(t, ours.Subscribe(t.Context(), "s"))
	must(t, theirs.Subscribe(t.Context(), "s"))
	must(t, also.Publish(t.Context(), "s", []byte("for us")))
	ours.awaits(t, "s:for us")
	must(t, theirs.Publish(t.Context(), "s", []byte("own")))
	theirs.awaits(t, "s:own")
	if got := theirs.received(); len(got) != 1 {
		t.Errorf("another application received %q", got)
	}
}

func TestNewKeepsTheConnection(t *testing.T) {
	b := startBrokers(t, 1, func(o *server.Options) {
		o.Users = []*server.User{{Username: "u", Password: "p", Permissions: &server.Permissions{
			Subscribe: &server.SubjectPermission{Deny: []string{"secret", "chanx.secret"}},
		}}}
	})
	heard := make(chan error, 10)
	nc, err := nats.Connect(b.url(0), nats.UserInfo("u", "p"), nats.ReconnectBufSize(-1), nats.MaxReconnects(-1),
		nats.ReconnectWait(10*time.Millisecond), nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { heard <- err }))
	must(t, err)
	defer nc.Close()
	own, err := nc.SubscribeSync("own")
	must(t, err)
	l := natslayer.New(nc, nil)
	n, m := open(t, l), open(t, l)
	if err := n.Subscribe(t.Context(), "secret"); !errors.Is(err, nats.ErrPermissionViolation) {
		t.Errorf("subscribe to what is not allowed: %v", err)
	}
	must(t, n.Subscribe(t.Context(), "s"))
	b.stopAll()
	n.awaitsStatus(t, 0, isDown)
	b.startAll(t)
	n.awaitsStatus(t, 0, isGap)
	must(t, m.Publish(t.Context(), "s", []byte("hi")))
	n.awaits(t, "s:hi")
	l.Close()
	if err := m.Publish(t.Context(), "s", nil); !errors.Is(err, layer.ErrUnavailable) {
		t.Errorf("publish after the layer is closed: %v", err)
	}
	must(t, nc.Publish("own", []byte("still there")))
	if msg, err := own.NextMsg(testTimeout); err != nil || string(msg.Data) != "still there" {
		t.Errorf("the connection's own subscription received %v, %v", msg, err)
	}
	if err := <-heard; !strings.Contains(err.Error(), "chanx.secret") {
		t.Errorf("the application's error handler got %v", err)
	}
	if got := nc.NumSubscriptions(); got != 1 {
		t.Errorf("%d subscriptions are left, want only the application's", got)
	}
}

func TestNewPanicsForAnUnusableConnection(t *testing.T) {
	b := startBrokers(t, 1, nil)
	noEcho, err := nats.Connect(b.url(0), nats.NoEcho())
	must(t, err)
	defer noEcho.Close()
	for _, nc := range []*nats.Conn{nil, noEcho} {
		func() {
			defer func() {
				if got, _ := recover().(string); !strings.HasPrefix(got, "natslayer: new layer: the connection ") {
					t.Errorf("panics with %q", got)
				}
			}()
			natslayer.New(nc, nil).Close()
		}()
	}
}

// TestNewBeforeTheConnectionIsMade makes a layer of a connection that has not reached a server yet.
func TestNewBeforeTheConnectionIsMade(t *testing.T) {
	b := startBrokers(t, 1, nil)
	b.stopAll()
	nc, err := nats.Connect(b.url(0), nats.RetryOnFailedConnect(true), nats.MaxReconnects(-1), nats.ReconnectWait(10*time.Millisecond))
	must(t, err)
	defer nc.Close()
	l := natslayer.New(nc, nil)
	defer l.Close()
	n := open(t, l)
	n.awaitsStatus(t, 0, isDown)
	if err := n.Publish(t.Context(), "s", nil); !errors.Is(err, layer.ErrUnavailable) {
		t.Errorf("publish without a server: %v", err)
	}
	b.startAll(t)
	n.awaitsStatus(t, 0, isGap)
	must(t, n.Subscribe(t.Context(), "s"))
}

func TestNewWithAClosedConnectionIsDown(t *testing.T) {
	b := startBrokers(t, 1, nil)
	nc, err := nats.Connect(b.url(0))
	must(t, err)
	nc.Close()
	l := natslayer.New(nc, nil)
	defer l.Close()
	n := open(t, l)
	n.awaitsStatus(t, 0, isDown)
	if err := n.Subscribe(t.Context(), "s"); !errors.Is(err, layer.ErrUnavailable) {
		t.Errorf("subscribe: %v", err)
	}
	must(t, n.Unsubscribe(t.Context(), "s"))
}
