package redislayer_test

import (
	"net"
	"strconv"
	"strings"
	"testing"
)

// gates are proxies in front of the nodes of a cluster. They take it away by closing all connections, and give it back at once.
// Nodes that are started again serve nobody for two seconds, which no option of Redis shortens.
type gates []*proxy

// startGatedCluster makes a cluster that sends its clients to its gates.
func startGatedCluster(t *testing.T) gates {
	t.Helper()
	var all gates
	var nodes servers
	for range 3 {
		l := listenBelow(t)
		port := l.Addr().(*net.TCPAddr).Port
		s := startServer(t, append(ofCluster, "--cluster-announce-port", strconv.Itoa(port))...)
		p := &proxy{to: address(s.port)}
		p.run(t, l)
		nodes, all = append(nodes, s), append(all, p)
	}
	nodes.form(t)
	return all
}

// listenBelow listens on a port that no client gets, so that a proxy which has been closed finds it free.
func listenBelow(t *testing.T) net.Listener {
	t.Helper()
	var err error
	for range 20 { // another process may take the port first
		var l net.Listener
		if l, err = net.Listen("tcp", address(freePort())); err == nil {
			return l
		}
	}
	t.Fatal(err)
	return nil
}

func (all gates) url() string {
	var addresses []string
	for _, p := range all {
		addresses = append(addresses, p.address())
	}
	return "redis://" + addresses[0] + "?addr=" + strings.Join(addresses[1:], "&addr=")
}

func (all gates) stop() {
	for _, p := range all {
		p.close()
	}
}

func (all gates) start(t *testing.T) {
	t.Helper()
	for _, p := range all {
		l, err := net.Listen("tcp", p.address())
		if err != nil {
			t.Fatal(err)
		}
		p.listen(l)
	}
}

func (all gates) pause(*testing.T) {
	for _, p := range all {
		p.pause()
	}
}

func (all gates) resume(*testing.T) {
	for _, p := range all {
		p.resume()
	}
}

func (all gates) nodes() (servers servers) {
	for _, p := range all {
		_, text, _ := net.SplitHostPort(p.to) // address has made it
		port, _ := strconv.Atoi(text)
		servers = append(servers, &server{port: port})
	}
	return servers
}
