package redislayer_test

import (
	"net"
	"strconv"
	"strings"
	"testing"
)

// gatedCluster is the proxies in front of the nodes of a cluster. Stopping them closes all connections, and they start again
// at once. Restarted nodes serve nothing for two seconds, which no option of Redis shortens.
type gatedCluster []*proxy

// startGatedCluster makes a cluster whose nodes announce the addresses of the proxies.
func startGatedCluster(t *testing.T) gatedCluster {
	t.Helper()
	var all gatedCluster
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

// listenBelow listens on a port that the system gives to no client, so that it is free when a closed proxy listens again.
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

func (all gatedCluster) url() string {
	var addresses []string
	for _, p := range all {
		addresses = append(addresses, p.address())
	}
	return "redis://" + addresses[0] + "?addr=" + strings.Join(addresses[1:], "&addr=")
}

func (all gatedCluster) stop() {
	for _, p := range all {
		p.close()
	}
}

func (all gatedCluster) start(t *testing.T) {
	t.Helper()
	for _, p := range all {
		l, err := net.Listen("tcp", p.address())
		if err != nil {
			t.Fatal(err)
		}
		p.listen(l)
	}
}

func (all gatedCluster) pause(*testing.T) {
	for _, p := range all {
		p.pause()
	}
}

func (all gatedCluster) resume(*testing.T) {
	for _, p := range all {
		p.resume()
	}
}

func (all gatedCluster) nodes() (servers servers) {
	for _, p := range all {
		_, text, _ := net.SplitHostPort(p.to) // address has made it
		port, _ := strconv.Atoi(text)
		servers = append(servers, &server{port: port})
	}
	return servers
}
