package chanx

import (
	"context"
	"log/slog"
	"net/http"

	"github.com/chanx-go/chanx/internal/socket"
)

// ServeHTTP opens a connection in this order: it checks the handshake and the origin, then the limits, then calls the
// Authenticator and open, and then answers the handshake.
func (m *mount) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if e := m.srv.upgrader.Check(r); e != nil {
		answerHTTP(w, r, e.Status, e.Detail)
		return
	}
	c := m.newConn(r)
	if !m.srv.admit(c) {
		c.cancel()
		answerHTTP(w, r, http.StatusServiceUnavailable, "too many connections, or shutting down")
		return
	}
	turnAway := func(err error) {
		last := c.leaveAll() // before the refusal is sent: a client may try again at once
		m.refuse(w, r, c, err)
		c.finishLeave(last)
	}
	if !attempt(func() error { return m.authorise(c, r) }, turnAway) {
		return
	}
	m.warnNoSubprotocol(c, r)
	sock, err := m.srv.upgrader.Upgrade(w, r, m.tokenProtocols...)
	if err != nil {
		m.upgradeFailed(w, r, c, err, http.StatusInternalServerError, serverError)
		(*connSink)(c).Closed(socket.CloseAbnormal, "handshake failed")
		return
	}
	c.begin(sock)
}

// authorise calls ConsumerOptions.Context, the Authenticator and open.
func (m *mount) authorise(c *Conn, r *http.Request) (err error) {
	ctx, cancel := context.WithTimeout(r.Context(), m.srv.limits.OpenTimeout)
	defer cancel()
	r = r.WithContext(ctx)
	running := m.srv.longCallsOf(c)
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
	params, err := m.params.read(c, r)
	if err != nil {
		return err
	}
	if err := c.register(ctx); err != nil {
		return err
	}
	if c.state, err = m.open(c, r, params); err == nil && given != nil {
		err = c.watchContext(given)
	}
	return err
}

// refuse sends the client the reason why it may not connect.
func (m *mount) refuse(w http.ResponseWriter, r *http.Request, c *Conn, err error) {
	why, code := asRefusal(err)
	c.logRefused(r.Context(), err)
	if m.srv.opts.RefuseWithHTTP {
		answerHTTP(w, r, why.Status, why.text())
		return
	}
	m.warnNoSubprotocol(c, r)
	sock, err := m.srv.upgrader.UpgradeToRefuse(w, r, m.srv.maxRefusing(), m.tokenProtocols...)
	if err != nil {
		m.upgradeFailed(w, r, c, err, why.Status, why.text())
		return
	}
	b, counter, err := m.appendFrame(nil, authentication(why.Status, why.Detail, why.Errors), "")
	if err == nil {
		err = sock.WriteText(b, false)
	}
	if c.logUnsent(wireError(err)) {
		counter.of(c).add(1, len(b)) // the Observer does not know the connection
	}
	c.logUnsent(wireError(sock.Close(code, why.Detail)))
	sock.Start(discardHandler{}, nil)
}

// logRefused logs an error of the opening unless all of it is refusals. If the client has given up, its end is expected
// too.
func (c *Conn) logRefused(ctx context.Context, err error) {
	level := slog.LevelError
	ended := ctx.Err()
	if everyPart(err, func(part error) bool {
		_, refusal := part.(*RefusalError)
		return refusal || ended != nil && isSame(part, ended)
	}) {
		level = slog.LevelDebug
	}
	if _, refusal := outermost(err).(*RefusalError); !refusal || level == slog.LevelError {
		c.logFailure(level, err, "open")
	}
}

func authentication(status int, detail string, errors ValidationError) AuthenticationMessage {
	return AuthenticationMessage{status, http.StatusText(status), AuthenticationDetail{detail, errors}}
}

// discardHandler handles a connection that has been refused: it ignores everything.
type discardHandler struct{}

func (discardHandler) Message([]byte, bool)     {}
func (discardHandler) Answered(int)             {}
func (discardHandler) Event(any)                {}
func (discardHandler) StillRunning()            {}
func (discardHandler) Lost()                    {}
func (discardHandler) Closing()                 {}
func (discardHandler) Closed(int, string)       {}
func (discardHandler) Dropped(socket.Drop, int) {}

// Arrived discards the message.
func (discardHandler) Arrived([]byte, bool, uint64) (answer []byte, waits bool) { return nil, false }

// begin starts an accepted connection. Messages that its groups have received meanwhile follow the authentication
// message.
func (c *Conn) begin(sock *socket.Conn) {
	if o := c.mount.observer; o != nil {
		o.Open(c)
	}
	if c.mount.authMessage {
		b, counter, err := c.mount.appendFrame(nil, authentication(http.StatusOK, "OK", nil), "")
		if err == nil {
			err = sock.WriteText(b, true)
		}
		if c.logUnsent(wireError(err)) {
			c.sent(counter, AuthenticationMessage{}.Action(), len(b))
		}
	}
	pendingClose, lost := c.attach(sock)
	if lost > 0 {
		c.mount.srv.dropped(c, DropEventsUndelivered, lost)
	}
	if pendingClose == nil && c.mount.srv.isDraining() {
		pendingClose = &CloseError{socket.CloseGoingAway, shuttingDown}
	}
	if pendingClose != nil { // before Start, so that OnClose is the only handler that runs
		c.logUnsent(wireError(sock.Close(pendingClose.Code, pendingClose.Reason)))
	}
	sock.Start((*connSink)(c), openItem{})
}

// attach sets the connection's transport and passes it the queued frames and events. It returns the close that was
// requested meanwhile, if any, and the number of lost events.
func (c *Conn) attach(wire transport) (pendingClose *CloseError, lost int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.ensureEarly()
	if len(e.frames) > 0 {
		c.logUnsent(wireError(wire.WritePrepared(e.frames, true)))
	}
	for _, d := range e.events {
		if wire.Post(d) != nil {
			lost++
		}
	}
	c.wire, c.early = wire, nil
	c.armExpiry()
	return e.pendingClose, lost
}
