package serve

import (
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/chanx-go/chanx/bench/load"
)

// Server is one of those that are compared.
type Server struct {
	Name string
	Does string // what it does with a message
	Uses string // the path of the module that it is about; empty: none

	Deflates bool     // Options.Deflate is possible
	Brokers  []string // the kinds of Options.Broker that are possible

	handler func(Options) (http.Handler, error)
	talk    func(size int) load.Talk
}

// Options are those of a server process. The zero value is the server as its makers deliver it.
type Options struct {
	Deflate bool // permessage-deflate without context takeover

	Broker Address // takes messages to other processes of the same server

	// PingInterval is how often a server pings that does; zero is its own default.
	PingInterval time.Duration

	// Profile is the file that a pprof profile of the process's processor time is written to, from before it serves until
	// Stop; its directory is made. Empty: none.
	Profile string
}

// Talk is how clients speak to the server, with messages of size bytes.
func (s *Server) Talk(size int, opts Options) load.Talk {
	t := s.talk(size)
	t.Deflate = opts.Deflate
	return t
}

// All are the servers in the order of the table. The first is what the others are compared with.
var All = []*Server{bare, corked, Chanx, byHand, gwsServer, gorillaServer, coderServer, centrifugeServer}

// Named is the server of that name.
func Named(name string) (*Server, error) {
	i := slices.IndexFunc(All, func(s *Server) bool { return s.Name == name })
	if i < 0 {
		return nil, fmt.Errorf("serve: there is no server %q", name)
	}
	return All[i], nil
}
