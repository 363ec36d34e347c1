package serve

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
)

// Kinds of brokers.
const (
	NATS  = "nats"
	Redis = "redis"
)

// Address is the address of the broker between servers. The zero value is for a single server.
type Address struct {
	Kind string // NATS or Redis
	URL  string
}

// Broker is a running broker. Its methods are for one goroutine.
type Broker struct {
	Address
	pid   int
	child *child
}

// Installed is nil if brokers of that kind can be started. The server of NATS is part of this program.
func Installed(kind string) error {
	if kind != Redis {
		return nil
	}
	if _, err := exec.LookPath("redis-server"); err != nil {
		return errors.New("serve: find broker: redis-server is not in PATH: install it (Debian: apt-get install redis-server)")
	}
	return nil
}

// RedisVersion returns the version of the redis-server that StartBroker runs.
func RedisVersion() (string, error) {
	text, err := exec.Command("redis-server", "--version").Output()
	if err != nil {
		return "", fmt.Errorf("serve: ask redis-server for its version: %w", err)
	}
	for field := range strings.FieldsSeq(string(text)) { // Redis server v=7.0.15 sha=…
		if v, ok := strings.CutPrefix(field, "v="); ok {
			return v, nil
		}
	}
	return "", fmt.Errorf("serve: ask redis-server for its version: it says %q", text)
}

// StartBroker runs a broker without storage, in a separate process. Like Start, it needs RunIfServer.
func StartBroker(kind string) (*Broker, error) {
	if err := Installed(kind); err != nil {
		return nil, err
	}
	c, said, err := spawn(kind, role{Broker: kind})
	if err != nil {
		return nil, err
	}
	url, text, _ := strings.Cut(said, " ")
	pid, err := strconv.Atoi(text)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("serve: start %s: read its address: it is %q", kind, said), c.Stop())
	}
	return &Broker{Address{kind, url}, pid, c}, nil
}

// Pid is the id of the broker's process.
func (b *Broker) Pid() int { return b.pid }

// Stop ends the process. Servers that use it should have been stopped before.
func (b *Broker) Stop() error { return b.child.Stop() }

// runBroker runs a broker until its orders end.
func runBroker(kind string) error {
	switch kind {
	case NATS:
		return runNATS()
	case Redis:
		return runRedis()
	}
	return fmt.Errorf("there is no broker %q", kind)
}

// ready sends the address to StartBroker, and waits until the orders end.
func ready(url string, pid int) error {
	if _, err := fmt.Fprintln(os.Stdout, url, pid); err != nil {
		return err
	}
	return obey()
}
