package chanx

import (
	"context"
	"errors"
	"log/slog"
	"net/http"

	"github.com/chanx-go/chanx/internal/socket"
)

// ServeHTTP opens a connection, in the order of the protocol: handshake and origin are checked, then the limits, the
// Authenticator and open decide, then the handshake is answered.
func (m *mount) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if e := m.srv.upgrader.Check(r); e != nil {
		answer(w, r, e.Status, e.Detail)
		return
	}
	c := m.newConn(r)
	if !m.srv.admit(c) {
		c.cancel()
		answer(w, r, http.StatusServiceUnavailable, "too many connections, or shutting down")
		return
	}
	turnAway := func(err error) {
		last := c.vacate() // before it is told: a client may come again at once
		m.refuse(w, r, c, err)
		c.end(last)
	}
	if err := c.guardTo(turnAway, func() error { return m.authorise(c, r) }); err != nil {
		turnAway(err)
		return
	}
	m.warnUnchosen(c, r)
	sock, err := m.srv.upgrader.Upgrade(w, r, m.carriers...)
	if err != nil {
		m.upgradeFailed(w, r, c, err, http.StatusInternalServerError, serverError)
		(*link)(c).Closed(socket.CloseAbnormal, "handshake failed")
		return
	}
	c.begin(sock)
}

// authorise runs ConsumerOptions.Context, the Authenticator and open.
func (m *mount) authorise(c *Conn, r *http.Request) (err error) {
	ctx, cancel := context.WithTimeout(r.Context(), m.srv.limits.OpenTimeout)
	defer cancel()
	r = r.WithContext(ctx)
	running := m.srv.runningOf(c)
	defer running.end(running.begin(c, openCall))
	a := m.authenticator(r)
	var given context.Context
	if m.opts.Context != nil {
		if given, err = c.initContext(r); err != nil {
			return err
		}
	}
	if a != nil {
		id, err := a.Authenticate(r)
		if err != nil {
			return err
		}
		if err := c.setIdentity(id); err != nil {
			return err
		}
	}
	if err := c.announce(ctx); err != nil {
		return err
	}
	if c.state, err = m.open(c, r); err == nil && given != nil {
		err = c.watchContext(given)
	}
	return err
}

// refuse tells the client why it may not connect.
func (m *mount) refuse(w http.ResponseWriter, r *http.Request, c *Conn, err error) {
	why, code := asRefusal(err)
	if !errors.Is(err, why) {
		c.logRefused(r.Context(), err)
	}
	if m.srv.opts.RefuseWithHTTP {
		answer(w, r, why.Status, why.Detail)
		return
	}
	m.warnUnchosen(c, r)
	sock, err := m.srv.upgrader.UpgradeToRefuse(w, r, m.srv.maxRefusing(), m.carriers...)
	if err != nil {
		m.upgradeFailed(w, r, c, err, why.Status, why.Detail)
		return
	}
	b, counter, err := m.appendFrame(nil, authentication(why.Status, why.Detail), "")
	if err == nil {
		err = sock.WriteText(b, false)
	}
	if c.told(wireError(err)) {
		counter.of(c).add(1, len(b)) // no Observer knows of the connection
	}
	c.told(wireError(sock.Close(code, why.Detail)))
	sock.Start(deaf{}, nil)
}

// logRefused logs an error of the opening that is no refusal. It is expected only if the client has given up.
func (c *Conn) logRefused(ctx context.Context, err error) {
	level := slog.LevelError
	if ended := ctx.Err(); ended != nil && consistsOf(err, ended) {
		level = slog.LevelDebug
	}
	c.logFailure(level, err, "open")
}

func authentication(status int, detail string) AuthenticationMessage {
	return AuthenticationMessage{status, http.StatusText(status), AuthenticationDetail{detail}}
}

// deaf serves a connection that has been refused.
type deaf struct{}

func (deaf) Message([]byte, bool)              {}
func (deaf) Arrived([]byte, bool, uint64) bool { return false }
func (deaf) Event(any)                         {}
func (deaf) Long()                             {}
func (deaf) Lost()                             {}
func (deaf) Closing()                          {}
func (deaf) Closed(int, string)                {}
func (deaf) Dropped(socket.Drop, int)          {}

// begin lets an accepted connection live. What its groups were sent meanwhile follows the authentication message.
func (c *Conn) begin(sock *socket.Conn) {
	if o := c.mount.observer; o != nil {
		o.Open(c)
	}
	if c.mount.authMessage {
		b, counter, err := c.mount.appendFrame(nil, authentication(http.StatusOK, "OK"), "")
		if err == nil {
			err = sock.WriteText(b, true)
		}
		if c.told(wireError(err)) {
			c.sent(counter, AuthenticationMessage{}.Action(), len(b))
		}
	}
	doom, lost := c.attach(sock)
	if lost > 0 {
		c.mount.srv.dropped(c, dropRefusedEvents, lost)
	}
	if doom == nil && c.mount.srv.isDraining() {
		doom = &CloseError{socket.CloseGoingAway, shuttingDown}
	}
	if doom != nil { // before Start: of all handlers only OnClose runs
		c.told(wireError(sock.Close(doom.Code, doom.Reason)))
	}
	sock.Start((*link)(c), openItem{})
}

// attach gives the connection its transport, and the transport what came before it. It tells if the connection was to be
// closed meanwhile, and how many events are lost.
func (c *Conn) attach(wire transport) (doom *CloseError, lost int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.beforehand()
	if len(e.frames) > 0 {
		c.told(wireError(wire.WriteFrames(e.frames, true)))
	}
	for _, d := range e.events {
		if wire.Post(d) != nil {
			lost++
		}
	}
	c.wire, c.early = wire, nil
	c.armExpiry()
	return e.doom, lost
}
