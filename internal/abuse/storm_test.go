//go:build abuse

package abuse_test

import (
	"fmt"
	"net"
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/chanx-go/chanx"
)

// TestStormsOfOpeningAndClosing: 1,500 connections open and close in six ways. Nothing of them is left.
func TestStormsOfOpeningAndClosing(t *testing.T) {
	const raiders, each = 10, 150
	f := build(t, plan{})
	ways := []func() error{
		func() error { // with a closing handshake
			r, err := f.enter("/ws")
			if err != nil {
				return err
			}
			return r.leave()
		},
		func() error { // without a Close frame
			r, err := f.enter("/ws")
			if err != nil {
				return err
			}
			return r.Close()
		},
		func() error { // with a reset
			r, err := f.enter("/ws")
			if err != nil {
				return err
			}
			if err := r.Conn.(*net.TCPConn).SetLinger(0); err != nil {
				return err
			}
			return r.Close()
		},
		func() error { // before the answer
			r, err := f.dialRaw(opening("/ws"))
			if err != nil {
				return err
			}
			return r.Close()
		},
		func() error { // in the middle of the request
			r, err := f.dialRaw(opening("/ws")[:50])
			if err != nil {
				return err
			}
			return r.Close()
		},
		func() error { // in the middle of a message
			r, err := f.dialRaw(opening("/ws") + string(text(message("say", `{"Text":"x"}`))[:9]))
			if err != nil {
				return err
			}
			return r.Close()
		},
	}
	f.during(nil, func() {
		f.crowd(raiders, func(i int) error {
			for k := range each {
				if err := ways[(i+k)%len(ways)](); err != nil {
					return err
				}
			}
			return nil
		})
		// The server may still be opening connections that were closed before the answer.
		eventually(t, "nobody is left", func() bool { return f.srv.Count(square) == 1 && len(connIDs(f.srv)) == 1 })
	})
	s := f.seen.sees()
	t.Logf("%d opened, closed %v", s.opened-1, s.closed)
	if s.opened-1 < raiders*each/2 || s.closed[1000] != raiders*each/len(ways) {
		t.Errorf("%d opened, closed %v", s.opened-1, s.closed)
	}
}

func connIDs(s *chanx.Server) (ids []string) {
	for c := range s.Conns() {
		ids = append(ids, c.ID())
	}
	return ids
}

// TestMoreConnectionsThanMaxConnections: connections beyond the limit are refused with 503 before anything else is done
// for them. When others close, new ones are accepted.
func TestMoreConnectionsThanMaxConnections(t *testing.T) {
	const raiders, most = 300, 50
	f := build(t, plan{ServerOptions: chanx.ServerOptions{Limits: chanx.Limits{MaxConnections: most}}})
	for range 2 { // the second round finds as many free places
		var in, out atomic.Int64
		f.during(ends{1000: most - 1}, func() {
			all := make([]*raider, raiders)
			f.crowd(raiders, func(i int) error {
				r, err := f.dialRaw(opening("/ws"))
				if err != nil {
					return err
				}
				a, body, err := r.answer()
				switch {
				case err != nil:
					return err
				case a.StatusCode == http.StatusSwitchingProtocols:
					all[i] = r
					in.Add(1)
					return nil
				case a.StatusCode != http.StatusServiceUnavailable || a.Header.Get("Retry-After") == "":
					return fmt.Errorf("%v %s", a, body)
				}
				out.Add(1)
				return r.Close()
			})
			f.crowd(raiders, func(i int) error {
				if all[i] == nil {
					return nil
				}
				return all[i].leave()
			})
		})
		if in.Load() != most-1 || out.Load() != raiders-most+1 {
			t.Errorf("%d were accepted and %d refused, want %d accepted beside the bystander", in.Load(), out.Load(), most-1)
		}
	}
}
