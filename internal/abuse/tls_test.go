//go:build abuse

package abuse_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"github.com/chanx-go/chanx"
)

// certified makes a certificate for the server, and a configuration for clients that trust it.
func certified(t *testing.T) (server, visitors *tls.Config) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	about := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"fort.example"}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, about, about, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	trusted := x509.NewCertPool()
	trusted.AddCert(cert)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}},
		&tls.Config{RootCAs: trusted, ServerName: "fort.example"}
}

// brittle is a transport below TLS that corrupts its writes on request.
type brittle struct {
	net.Conn
	spoil atomic.Pointer[func([]byte) []byte]
}

func (b *brittle) Write(p []byte) (int, error) {
	if spoil := b.spoil.Load(); spoil != nil {
		if _, err := b.Conn.Write((*spoil)(append([]byte(nil), p...))); err != nil {
			return 0, err
		}
		return len(p), nil
	}
	return b.Conn.Write(p)
}

// Ways to corrupt a record.
var (
	halved = func(record []byte) []byte { return record[:len(record)/2] }
	forged = func(record []byte) []byte {
		record[len(record)-1] ^= 1
		return record
	}
)

// breach opens a connection whose later records can be corrupted.
func (f *fort) breach() (*raider, *brittle, error) {
	tcp, err := f.connect()
	if err != nil {
		return nil, nil, err
	}
	below := &brittle{Conn: tcp}
	r := newRaider(tls.Client(below, f.tls))
	if err := r.say([]byte(opening("/ws") + string(text(message("ping", "null"))))); err != nil {
		return nil, nil, err
	}
	if a, body, err := r.answer(); err != nil || a.StatusCode != http.StatusSwitchingProtocols {
		return nil, nil, fmt.Errorf("handshake: %v %s, %w", a, body, err)
	}
	return r, below, r.want(ws.OpText, `{"action":"pong"}`)
}

// TestUnfinishedTLSRecords: the server sees nothing of a TLS record before it is complete. A client that stops in the
// middle of one is detected by its missing pong.
func TestUnfinishedTLSRecords(t *testing.T) {
	const raiders, atOnce = 60, 2
	f := build(t, plan{tls: true, ServerOptions: chanx.ServerOptions{Limits: chanx.Limits{
		PingInterval: 500 * time.Millisecond, PongTimeout: 3 * time.Second,
	}}})
	places := make(chan struct{}, atOnce) // handshakes cost time, and the bystander needs some too
	f.during(ends{1006: raiders}, func() {
		f.crowd(raiders, func(i int) error {
			places <- struct{}{}
			r, below, err := f.breach()
			<-places
			if err != nil {
				return err
			}
			switch i % 4 {
			case 0: // the rest of the record is missing
				below.spoil.Store(&halved)
				err = r.say(text(message("say", `{"Text":"half"}`)))
			case 1: // the record is forged
				below.spoil.Store(&forged)
				err = r.say(text(message("say", `{"Text":"forged"}`)))
			case 2: // not TLS at all
				_, err = below.Conn.Write(text(message("say", `{"Text":"plain"}`)))
			case 3: // a TLS alert, but no FIN
				err = r.Conn.(*tls.Conn).CloseWrite()
			}
			if err != nil {
				return err
			}
			if _, err := io.Copy(io.Discard, r.r); isTimeout(err) {
				return fmt.Errorf("kind %d: %w", i%4, err)
			}
			_ = r.Close() // the transport may be closed already
			return nil
		})
	})
	if n := f.seen.sees().begun["say"]; n != 0 {
		t.Errorf("%d messages were handled", n)
	}
}

// TestHandshakesOfTLSThatNeverEnd: http.Server.ReadHeaderTimeout ends them like those of HTTP.
func TestHandshakesOfTLSThatNeverEnd(t *testing.T) {
	const raiders = 200
	f := build(t, plan{tls: true, headerTime: time.Second})
	f.during(ends{}, func() {
		f.crowd(raiders, func(i int) error {
			tcp, err := f.connect()
			if err != nil {
				return err
			}
			if err := tcp.SetDeadline(time.Now().Add(maxWait)); err != nil {
				return err
			}
			switch below := (&brittle{Conn: tcp}); i % 3 {
			case 0: // nothing is sent
			case 1: // the first record is incomplete
				below.spoil.Store(&halved)
				go func() { _ = tls.Client(below, f.tls).Handshake() }() // fails when the server disconnects
			case 2: // no HTTP follows
				err = tls.Client(below, f.tls).HandshakeContext(f.t.Context())
			}
			if err == nil { // otherwise the server has disconnected during the handshake
				_, err = io.Copy(io.Discard, tcp)
			}
			if isTimeout(err) {
				return err
			}
			return tcp.Close()
		})
	})
	if s := f.seen.sees(); s.opened != 1 {
		t.Errorf("%d connections were opened, want the bystander's", s.opened)
	}
}
