package main

import (
	"errors"
	"fmt"
	"net/url"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/nats-io/nats-server/v2/server"
)

// broker is a running broker between the nodes.
type broker struct {
	url  string
	life *life // nil for a broker in this process
	stop func() error
}

// brokers has a start function for each kind of broker; its files are in the given folder.
var brokers = map[string]func(k *keeper, dir string) (broker, error){"nats": startNATS, "redis": startRedis}

// startNATS runs a NATS server in this process.
func startNATS(*keeper, string) (broker, error) {
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, NoLog: true, NoSigs: true})
	if err != nil {
		return broker{}, fmt.Errorf("start NATS: %w", err)
	}
	s.Start()
	stop := func() error {
		s.Shutdown()
		s.WaitForShutdown()
		return nil
	}
	if !s.ReadyForConnections(startTime) {
		return broker{}, errors.Join(fmt.Errorf("start NATS: it is not ready after %v", startTime), stop())
	}
	return broker{url: s.ClientURL(), stop: stop}, nil
}

// startRedis runs a redis-server process. It listens on a socket, not on a port, so it cannot collide with other programs.
func startRedis(k *keeper, dir string) (broker, error) {
	path, err := exec.LookPath("redis-server")
	if err != nil {
		return broker{}, fmt.Errorf("start Redis: %w (Debian: apt-get install redis-server; macOS: brew install redis; or use -broker nats)", err)
	}
	socket := filepath.Join(dir, "redis.sock")
	l, err := k.start(&process{
		name: "redis",
		path: path,
		args: []string{"--port", "0", "--unixsocket", socket, "--unixsocketperm", "700", "--dir", dir, "--save", "", "--appendonly", "no"},
		ready: func(line string) (address string, ok bool) {
			return socket, strings.Contains(strings.ToLower(line), "ready to accept connections")
		},
		up:   func(string) {},
		down: func(string) {},
	})
	address := url.URL{Scheme: "unix", Path: socket}
	return broker{address.String(), l, k.stop}, err
}
