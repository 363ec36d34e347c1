package natslayer_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/chanx-go/chanx/layer"
	"github.com/chanx-go/chanx/natslayer"
)

// quickly returns options with which a layer reconnects at once.
func quickly(more ...nats.Option) *natslayer.Options {
	return &natslayer.Options{NATS: append([]nats.Option{
		nats.ReconnectWait(time.Millisecond), nats.ReconnectJitter(time.Millisecond, time.Millisecond),
	}, more...)}
}

// returns waits until a link has reported that the broker is lost and back, and can publish and subscribe again.
func (n *node) returns(t *testing.T, from int, other *node) (upTo int) {
	t.Helper()
	upTo = n.awaitsStatus(t, n.awaitsStatus(t, from, isDown), isGap)
	subject := fmt.Sprint("new ", upTo)
	eventually(t, "the link to work again", func() bool {
		return n.Subscribe(t.Context(), subject) == nil && n.Publish(t.Context(), "there", []byte(subject)) == nil
	})
	other.awaits(t, "there:"+subject)
	for _, s := range []string{"kept", subject} {
		must(t, other.Publish(t.Context(), s, []byte(subject)))
		n.awaits(t, s+":"+subject)
	}
	return len(n.allStatuses())
}

// errorsOfServers are all errors that a NATS server sends before it closes a connection, some after which it does not close
// it, and some that no server sends.
var errorsOfServers = []string{
	"'Maximum Payload Violation'", "'maximum control line exceeded'", "'Maximum Connections Exceeded'",
	"'maximum account active connections exceeded'", "'Stale Connection'", "'Slow Consumer'", "'Server Shutdown'",
	"'Unknown Protocol Operation'", "'Parser Error'", "'Invalid Subject'", "'Invalid Publish Subject'", "'Invalid Client Protocol'",
	"'Authorization Violation'", "'Authorization Timeout'", "'Authentication Timeout'", "'User Authentication Expired'",
	"'User Authentication Revoked'", "'Account Authentication Expired'", "'Failed Account Registration'",
	"'Secure Connection - TLS Required'", "'Attempted To Connect To Route Port'", "'No Responders Requires Headers Support'",
	"'Connection throttling is active. Please try again later.'", "'Duplicate Client ID'", "'Cluster Name Conflict'",
	"'Something new'", "''", "",
}

// connectThroughInjector starts a server with two subscribed links: n is connected through the injector, other directly.
func connectThroughInjector(t *testing.T) (p *injector, n, other *node) {
	t.Helper()
	b := startBrokers(t, 1, nil)
	p = startInjector(t, strings.TrimPrefix(b.url(0), "nats://"))
	l, err := natslayer.Connect(t.Context(), p.url(), quickly())
	must(t, err)
	t.Cleanup(l.Close)
	n, other = open(t, l), open(t, b.connect(t, 0, nil))
	must(t, n.Subscribe(t.Context(), "kept"))
	must(t, other.Subscribe(t.Context(), "there"))
	return p, n, other
}

// TestALayerRecoversAfterEveryLossOfItsConnection sends the layer every error of a server, and data that breaks the protocol.
func TestALayerRecoversAfterEveryLossOfItsConnection(t *testing.T) {
	t.Parallel()
	p, n, other := connectThroughInjector(t)
	seen := 0
	for _, text := range errorsOfServers {
		for range 2 { // nats.go gives up after the second authentication failure
			p.send("-ERR "+text+"\r\n", true)
			seen = n.returns(t, seen, other)
		}
	}
	for _, garbage := range []string{"", "MSG\r\n", "MSG chanx.kept 1 -5\r\n", "HMSG chanx.kept 1 9 3\r\n", "INFO {\r\nwhat?\r\n", "\x00\x00", "-"} {
		p.send(garbage, true)
		seen = n.returns(t, seen, other)
	}
}

// TestALayerRecoversWhenNatsGoClosesItsConnection sends errors after which nats.go closes the connection, though the server
// does not.
func TestALayerRecoversWhenNatsGoClosesItsConnection(t *testing.T) {
	t.Parallel()
	p, n, other := connectThroughInjector(t)
	seen := 0
	for _, text := range []string{"'Maximum Payload Violation'", "'maximum control line exceeded'", "'Parser Error'", "'Stale Connection'"} {
		p.send("-ERR "+text+"\r\n", false)
		seen = n.returns(t, seen, other)
		if !slices.ContainsFunc(n.allStatuses(), func(s layer.Status) bool { return errors.Is(s.Err, layer.ErrUnavailable) }) {
			t.Errorf("got statuses %+v, want a cause that wraps ErrUnavailable", n.allStatuses())
		}
	}
}

// TestALayerRecoversAfterItsConnectionIsClosedByTheApplication closes and drains connections that a callback of nats.go has
// received.
func TestALayerRecoversAfterItsConnectionIsClosedByTheApplication(t *testing.T) {
	t.Parallel()
	b := startBrokers(t, 1, nil)
	made := make(chan *nats.Conn, 10)
	l := b.connect(t, 0, quickly(nats.ConnectHandler(func(nc *nats.Conn) { made <- nc })))
	n, other := open(t, l), open(t, b.connect(t, 0, nil))
	must(t, n.Subscribe(t.Context(), "kept"))
	must(t, other.Subscribe(t.Context(), "there"))
	seen := 0
	for _, end := range []func(*nats.Conn){
		(*nats.Conn).Close,
		func(nc *nats.Conn) { must(t, nc.Drain()) },
		func(nc *nats.Conn) { must(t, nc.SetServerPool(nil)); must(t, nc.ForceReconnect()) },
		func(nc *nats.Conn) { must(t, nc.ForceReconnect()) },
	} {
		end(<-made)
		seen = n.returns(t, seen, other)
	}
}

// TestALayerRecoversWhenItsCredentialsAreValidAgain removes the layer's user from the server, and adds it again.
func TestALayerRecoversWhenItsCredentialsAreValidAgain(t *testing.T) {
	t.Parallel()
	user := func(name string) *server.User { return &server.User{Username: name, Password: "p"} }
	b := startBrokers(t, 1, func(o *server.Options) { o.Users = []*server.User{user("a"), user("b")} })
	n := open(t, b.connect(t, 0, quickly(nats.UserInfo("a", "p"))))
	other := open(t, b.connect(t, 0, quickly(nats.UserInfo("b", "p"))))
	must(t, n.Subscribe(t.Context(), "kept"))
	must(t, other.Subscribe(t.Context(), "there"))
	seen := 0
	for range 2 {
		o := b.options[0].Clone()
		o.Users = []*server.User{user("b")}
		must(t, b.running[0].ReloadOptions(o))
		n.awaitsStatus(t, seen, isDown)
		o = b.options[0].Clone()
		must(t, b.running[0].ReloadOptions(o))
		seen = n.returns(t, seen, other)
	}
}

// TestMaxPayloadMayBecomeSmaller lowers max_payload while a layer is connected. NATS does not announce that: it closes the
// connection when more is published.
func TestMaxPayloadMayBecomeSmaller(t *testing.T) {
	t.Parallel()
	b := startBrokers(t, 1, nil)
	n, other := open(t, b.connect(t, 0, quickly())), open(t, b.connect(t, 0, nil))
	must(t, n.Subscribe(t.Context(), "kept"))
	must(t, other.Subscribe(t.Context(), "there"))
	o := b.options[0].Clone()
	o.MaxPayload = 10_000
	must(t, b.running[0].ReloadOptions(o))
	large := make([]byte, 60_000)
	_ = n.Publish(t.Context(), "there", large) // the layer does not know yet that it is too large
	seen := n.returns(t, 0, other)
	for range 10 {
		err := n.Publish(t.Context(), "there", large)
		if err == nil || errors.Is(err, layer.ErrUnavailable) || !strings.Contains(err.Error(), "max_payload of 10000") {
			t.Fatalf("publish more than max_payload: %v", err)
		}
	}
	must(t, n.Publish(t.Context(), "there", large[:10_000]))
	other.awaits(t, "there:"+string(large[:10_000]))
	if got := len(n.allStatuses()); got != seen {
		t.Errorf("got statuses %+v after the first loss", n.allStatuses()[seen:])
	}
}
