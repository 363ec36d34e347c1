package redislayer_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/chanx-go/chanx/layer"
	"github.com/chanx-go/chanx/redislayer"
)

func TestBadURLs(t *testing.T) {
	t.Parallel()
	for _, url := range []string{
		"", "localhost:6379", "http://localhost", "redis://:sec/ret@localhost", "redis://user:secret@localhost:port", "secret://localhost",
		"redis://localhost/secret", "redis://localhost/1/2", "redis://localhost?db=secret", "redis://localhost?dial_timeout=secret", "redis://\x7f",
		"redis://secret:1/@localhost", "redis://secret:1?x=secret@localhost", "redis://secret:1#secret@localhost", "redis://:sec%zzret@localhost",
		"redis://localhost?addr=u:secret@localhost", "redis://localhost//", "redis://localhost/0/",
	} {
		_, err := redislayer.Connect(t.Context(), url, &redislayer.Options{StartWithoutBroker: true})
		if err == nil || !strings.HasPrefix(err.Error(), "redislayer: read URL: ") || !strings.Contains(err.Error(), "write ") {
			t.Errorf("%q: %v, want an error that explains how to write the URL", url, err)
		}
		if err != nil && (strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "sec/ret")) {
			t.Errorf("%q: the error quotes the URL: %v", url, err)
		}
	}
	_, err := redislayer.Connect(t.Context(), "redis://localhost", &redislayer.Options{StartWithoutBroker: true, TLS: &tls.Config{}})
	if err == nil || !strings.Contains(err.Error(), "rediss://") {
		t.Errorf("Options.TLS with redis://: %v", err)
	}
}

// TestDatabaseMayBeLeftOut parses URLs as the registration of the scheme defines them.
func TestDatabaseMayBeLeftOut(t *testing.T) {
	t.Parallel()
	s := startServer(t, "--requirepass", "se/s@me")
	for _, end := range []string{"", "/", "/0", "/2", "?db=2", "/?db=2", "/?client_name=x", "/#x"} {
		exchange(t, connect(t, "redis://:se%2Fs%40me@"+address(s.port)+end, nil), connect(t, "redis://:se%2Fs%40me@"+address(s.port), nil), "s")
	}
	for url, want := range map[string]rueidis.ClientOption{
		"redis://host":             {InitAddress: []string{"host:6379"}},
		"redis://host/":            {InitAddress: []string{"host:6379"}},
		"rediss://host/":           {InitAddress: []string{"host:6379"}},
		"rediss://host":            {InitAddress: []string{"host:6379"}},
		"redis://":                 {InitAddress: []string{"localhost:6379"}},
		"redis:///":                {InitAddress: []string{"localhost:6379"}},
		"redis:///3":               {InitAddress: []string{"localhost:6379"}, SelectDB: 3},
		"redis://u:p%2f@host:1/4":  {InitAddress: []string{"host:1"}, SelectDB: 4, Username: "u", Password: "p/"},
		"redis://u:p%2f@[::1]:1/":  {InitAddress: []string{"[::1]:1"}, Username: "u", Password: "p/"},
		"redis://host/?addr=two:1": {InitAddress: []string{"host:6379", "two:1"}},
		"valkey://host/?db=5":      {InitAddress: []string{"host:6379"}, SelectDB: 5},
		"unix:///tmp/redis.sock":   {InitAddress: []string{"/tmp/redis.sock"}},
		"unix://u:p@/tmp/s?db=1":   {InitAddress: []string{"/tmp/s"}, SelectDB: 1, Username: "u", Password: "p"},
	} {
		var got rueidis.ClientOption
		connect(t, url, &redislayer.Options{StartWithoutBroker: true, Configure: func(o *rueidis.ClientOption) { got = *o }})
		if !slices.Equal(got.InitAddress, want.InitAddress) || got.SelectDB != want.SelectDB || got.Username != want.Username || got.Password != want.Password {
			t.Errorf("%s: %v, database %d, %q, %q", url, got.InitAddress, got.SelectDB, got.Username, got.Password)
		}
	}
}

// TestNoErrorQuotesThePassword uses a server that quotes unknown commands.
func TestNoErrorQuotesThePassword(t *testing.T) {
	t.Parallel()
	s := startServer(t, "--rename-command", "AUTH", "", "--rename-command", "HELLO", "")
	url := "redis://user:wrong-one@" + address(s.port)
	_, err := redislayer.Connect(t.Context(), url, nil)
	if err == nil || strings.Contains(err.Error(), "wrong-one") || !strings.Contains(err.Error(), "unknown command") {
		t.Errorf("connect: %v, want the server's reason without the password", err)
	}
	n := open(t, connect(t, url, &redislayer.Options{StartWithoutBroker: true}))
	n.awaits("down", func() bool { return len(n.statuses) > 0 })
	if err := n.Publish(t.Context(), "s", nil); err == nil || strings.Contains(err.Error(), "wrong-one") || strings.Contains(n.statuses[0].Err.Error(), "wrong-one") {
		t.Errorf("publish: %v; status: %v; want errors without the password", err, n.statuses[0].Err)
	}
}

func TestConnectWithoutABroker(t *testing.T) {
	t.Parallel()
	nowhere := "redis://" + address(freePort())
	if _, err := redislayer.Connect(t.Context(), nowhere, nil); !errors.Is(err, layer.ErrUnavailable) || !strings.Contains(err.Error(), "refused") {
		t.Errorf("connect: %v, want ErrUnavailable and %q", err, "refused")
	}
	l := connect(t, nowhere, &redislayer.Options{StartWithoutBroker: true})
	n := open(t, l)
	if err := n.Publish(t.Context(), "s", nil); !errors.Is(err, layer.ErrUnavailable) {
		t.Errorf("publish: %v, want ErrUnavailable", err)
	}
}

// TestConnectEndsWithItsContext connects to a server that sends nothing.
func TestConnectEndsWithItsContext(t *testing.T) {
	t.Parallel()
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		if c, err := silent.Accept(); err == nil {
			cancel()
			defer c.Close()
			_, _ = c.Read(make([]byte, 1<<16)) // HELLO
			_, _ = c.Read(make([]byte, 1))     // the end of the connection
		}
	}()
	if _, err := redislayer.Connect(ctx, "redis://"+silent.Addr().String(), nil); !errors.Is(err, context.Canceled) {
		t.Errorf("connect: %v, want the context's error", err)
	}
}

func TestPassword(t *testing.T) {
	t.Parallel()
	s := startServer(t, "--requirepass", "sesame")
	for _, url := range []string{"redis://:wrong-one@" + address(s.port), "redis://user:wrong-one@" + address(s.port), s.url()} {
		_, err := redislayer.Connect(t.Context(), url, nil)
		if err == nil || strings.Contains(err.Error(), "wrong-one") || !strings.Contains(err.Error(), address(s.port)) ||
			!strings.Contains(err.Error(), "WRONGPASS") && !strings.Contains(err.Error(), "NOAUTH") {
			t.Errorf("connect: %v, want the server's reason", err)
		}
	}
	l := connect(t, "redis://:sesame@"+address(s.port)+"/3", nil)
	exchange(t, l, l, "s")
}

// TestAUserNeedsFewPermissions uses only the permissions listed in the package comment.
func TestAUserNeedsFewPermissions(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	s.must(t, "ACL", "SETUSER", "app", "on", ">sesame", "resetchannels", "&chanx:*", "-@all", "+@connection", "+@pubsub")
	url := "redis://app:sesame@" + address(s.port)
	l := connect(t, url, nil)
	exchange(t, l, l, "s")
	if _, err := redislayer.Connect(t.Context(), url, &redislayer.Options{Prefix: "other"}); err == nil || !strings.Contains(err.Error(), "NOPERM") {
		t.Errorf("connect with a prefix that is not allowed: %v, want NOPERM", err)
	}
}

// exchange publishes on one layer and receives on another.
func exchange(t *testing.T, from, to layer.Layer, subject string) {
	t.Helper()
	a, b := open(t, from), open(t, to)
	b.subscribe(subject)
	a.publish(subject, "here")
	b.receives(subject, "here")
}

func TestTLS(t *testing.T) {
	t.Parallel()
	certificate, key, roots := writeCertificate(t)
	port := freePort()
	s := startServer(t, "--tls-port", fmt.Sprint(port), "--tls-auth-clients", "no",
		"--tls-cert-file", certificate, "--tls-key-file", key, "--tls-ca-cert-file", certificate)
	url := "rediss://" + address(port)
	if _, err := redislayer.Connect(t.Context(), url, nil); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("connect to a server of unknown authority: %v", err)
	}
	for _, l := range []*redislayer.Layer{
		connect(t, url, &redislayer.Options{TLS: &tls.Config{RootCAs: roots}}),
		connect(t, url+"?skip_verify", nil),
		connect(t, url, &redislayer.Options{Configure: func(o *rueidis.ClientOption) { o.TLSConfig.RootCAs = roots }}),
	} {
		exchange(t, l, connect(t, s.url(), nil), "s")
	}
}

// writeCertificate writes a certificate for the address of the servers, and its key.
func writeCertificate(t *testing.T) (certificate, key string, roots *x509.CertPool) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "redis"}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	certificate, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for path, block := range map[string]*pem.Block{certificate: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: pkcs8}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	roots = x509.NewCertPool()
	roots.AddCert(parsed)
	return certificate, key, roots
}

// TestPrefix checks that layers with different prefixes are separate, and the names of channels.
func TestPrefix(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	usual, other := connect(t, s.url(), nil), connect(t, s.url(), &redislayer.Options{Prefix: "other"})
	a, b, c := open(t, usual), open(t, usual), open(t, other)
	for _, subject := range []string{"a b", "a-b", "a!b", "日本", "{a}b", strings.Repeat("l", 200)} {
		b.subscribe(subject)
		c.subscribe(subject)
		if n := s.must(t, "PUBLISH", "other:"+subject, "to the other"); n != "1" {
			t.Errorf("channel of %q: %s subscribers, want 1", subject, n)
		}
		a.publish(subject, "to the usual")
		b.receives(subject, "to the usual")
		c.receives(subject, "to the other")
		b.expect(subject, "to the usual")
		c.expect(subject, "to the other")
	}
}

func TestOlderProtocol(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	l := connect(t, s.url()+"?protocol=2", nil)
	exchange(t, l, l, "s")
	n := open(t, l)
	n.subscribe("s")
	s.must(t, "CLIENT", "KILL", "TYPE", "pubsub")
	n.recovers(0)
	exchange(t, l, l, "s")
}

func TestCloseOfALayerClosesItsLinks(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	l := connect(t, s.url(), nil)
	before := open(t, l)
	before.subscribe("s")
	l.Close()
	l.Close()
	after := open(t, l)
	for name, n := range map[string]*node{"opened before": before, "opened after": after} {
		for call, err := range map[string]error{
			"publish": n.Publish(t.Context(), "s", nil), "subscribe": n.Subscribe(t.Context(), "s"),
			"unsubscribe": n.Unsubscribe(t.Context(), "s"), "close": n.Close(t.Context()),
		} {
			if !errors.Is(err, layer.ErrClosed) {
				t.Errorf("%s of a link %s: %v, want ErrClosed", call, name, err)
			}
		}
	}
}

// TestCloseEndsAHangingDial uses a dialer that does not return before its context ends.
func TestCloseEndsAHangingDial(t *testing.T) {
	t.Parallel()
	dials := make(chan struct{}, 100)
	l := connect(t, "redis://localhost", &redislayer.Options{StartWithoutBroker: true, Configure: func(o *rueidis.ClientOption) {
		o.DialCtxFn = func(ctx context.Context, _ string, _ *net.Dialer, _ *tls.Config) (net.Conn, error) {
			dials <- struct{}{}
			<-ctx.Done()
			return nil, ctx.Err()
		}
	}})
	n := open(t, l)
	<-dials
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for call, err := range map[string]error{"publish": n.Publish(ended, "s", nil), "subscribe": n.Subscribe(ended, "s")} {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v, want the context's error", call, err)
		}
	}
	if err := n.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestOpenWithoutReceiverPanics(t *testing.T) {
	t.Parallel()
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	connect(t, "redis://localhost", &redislayer.Options{StartWithoutBroker: true}).Open(layer.Receiver{})
}
