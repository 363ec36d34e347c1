package natslayer

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/chanx-go/chanx/layer"
)

const (
	// pingInterval and maxPings detect a silent server: after two unanswered pings the third tick ends the connection,
	// 4 to 6 s after the last answer.
	pingInterval = 2 * time.Second
	maxPings     = 2

	// writeTimeout is how long a write may block on a connection that accepts no bytes. Then the connection is lost.
	writeTimeout = 3 * time.Second
)

// connectOptions are the options of the connections that a layer makes. With retry, nats.Connect succeeds although no server
// can be reached, and keeps trying.
func connectOptions(opts Options, retry bool) []nats.Option {
	options := append([]nats.Option{
		nats.Name("chanx"),
		nats.ReconnectWait(250 * time.Millisecond),
		nats.ReconnectJitter(500*time.Millisecond, 500*time.Millisecond),
		nats.FlusherTimeout(writeTimeout),
		nats.PingInterval(pingInterval),
		nats.MaxPingsOutstanding(maxPings),
	}, opts.NATS...)
	return append(options, func(o *nats.Options) error {
		o.AllowReconnect, o.MaxReconnect, o.ReconnectBufSize, o.NoEcho = true, -1, -1, false
		o.RetryOnFailedConnect, o.IgnoreAuthErrorAbort = retry, true
		o.ReconnectOnFlusherError = true // or nats.go drops what it could not write, and continues
		if o.AsyncErrorCB == nil {
			o.AsyncErrorCB = func(*nats.Conn, *nats.Subscription, error) {} // or nats.go prints the errors
		}
		return nil
	})
}

// result is the result of an attempt to connect.
type result struct {
	nc  *nats.Conn
	err error
}

// dial is nats.Connect bounded by a context.
func dial(ctx context.Context, servers string, options []nats.Option) (*nats.Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	made := make(chan result, 1)
	go func() {
		nc, err := nats.Connect(servers, options...)
		made <- result{nc, explainDial(err)}
		if err == nil && ctx.Err() != nil {
			select {
			case <-made: // dial has returned without it
				nc.Close()
			default:
			}
		}
	}()
	select {
	case r := <-made:
		return r.nc, r.err
	case <-ctx.Done():
		select {
		case r := <-made:
			return r.nc, r.err
		default:
			return nil, ctx.Err()
		}
	}
}

// explainDial adds advice to an error of nats.Connect, and removes a URL that it quotes.
func explainDial(err error) error {
	var quoting *url.Error
	switch {
	case errors.As(err, &quoting):
		return errors.New("the URL of a server cannot be used: " + howToWrite)
	case errors.Is(err, nats.ErrNoServers), errors.Is(err, nats.ErrTimeout), isNetwork(err):
		return fmt.Errorf("%w: %w: is one running there? Options.StartWithoutBroker starts anyway", layer.ErrUnavailable, asCause(err))
	default:
		return err
	}
}

// asCause hides that an error is a timeout of the connection, which must not look like the end of the caller's context.
func asCause(err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return errors.New(err.Error())
	}
	return err
}

// isNetwork reports whether an error comes from the network rather than from nats.go or a server.
func isNetwork(err error) bool {
	var n net.Error
	return errors.As(err, &n)
}
