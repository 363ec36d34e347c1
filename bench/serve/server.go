package serve

import (
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/chanx-go/chanx/bench/load"
)

// Server is one of the compared servers.
type Server struct {
	Name string
	Does string // what it does with a message
	Uses string // the path of its module; empty: none

	Deflates bool     // Options.Deflate is possible
	Brokers  []string // the kinds of Options.Broker that are possible

	handler func(Options) (http.Handler, error)
	talk    func(size int) load.Talk
}

// Options are the options of a server process. The zero value is the server's default configuration.
type Options struct {
	Deflate bool // permessage-deflate without context takeover

	Broker Address // the broker to other processes of the same server

	// PingInterval is the ping interval of servers that ping; zero is their default.
	PingInterval time.Duration

	// Profile is the file for a pprof CPU profile of the process, from before it serves until Stop; its directory is created.
	// Empty: none.
	Profile string
}

// Talk returns the messages between clients and the server, of size bytes.
func (s *Server) Talk(size int, opts Options) load.Talk {
	t := s.talk(size)
	t.Deflate = opts.Deflate
	return t
}

// All lists the servers in the order of the table. The first is the baseline.
var All = []*Server{bare, corked, Chanx, byHand, gwsServer, gorillaServer, coderServer, centrifugeServer}

// Named returns the server of that name.
func Named(name string) (*Server, error) {
	i := slices.IndexFunc(All, func(s *Server) bool { return s.Name == name })
	if i < 0 {
		return nil, fmt.Errorf("serve: there is no server %q", name)
	}
	return All[i], nil
}
