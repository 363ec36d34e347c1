package redislayer_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/rueidis"
)

// testTimeout is how long a test waits for something before it fails.
const testTimeout = 60 * time.Second

// A node of a cluster also listens on its port plus 10,000. Both are below the ports that systems give to clients, so that
// they are free when a server is restarted.
const firstPort, lastPort, busOffset = 18000, 22700, 10000

// server is a redis-server in a process of its own.
type server struct {
	port   int
	dir    string
	args   []string // a configuration file, if any, comes first
	cmd    *exec.Cmd
	exited chan struct{}
}

// startServer starts a server on a free port. It is stopped at the end of the test.
func startServer(t testing.TB, args ...string) *server {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		t.Fatal("redis-server is missing. Debian: apt-get install redis-server; macOS: brew install redis")
	}
	var err error
	for range 20 { // another process may take the ports before the server does
		s := &server{port: freePort(), dir: t.TempDir(), args: args}
		if err = s.start(); err == nil {
			t.Cleanup(s.stop)
			return s
		}
	}
	t.Fatalf("redis-server does not start: %v", err)
	return nil
}

func freePort() int {
	for {
		port := firstPort + rand.N(lastPort-firstPort)
		if canListen(port) && canListen(port+busOffset) {
			return port
		}
	}
}

func canListen(port int) bool {
	l, err := net.Listen("tcp", address(port))
	if err != nil {
		return false
	}
	_ = l.Close()
	return true
}

func address(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

// start returns when the server answers.
func (s *server) start() error {
	log := filepath.Join(s.dir, "log")
	args := append(slices.Clone(s.args), "--port", strconv.Itoa(s.port), "--bind", "127.0.0.1", "--dir", s.dir, "--logfile", log)
	s.cmd = exec.Command("redis-server", args...)
	dieWithTest(s.cmd)
	s.exited = make(chan struct{})
	if err := s.cmd.Start(); err != nil {
		return err
	}
	go func() {
		defer close(s.exited)
		_ = s.cmd.Wait() // it fails because the process is killed
	}()
	mine := fmt.Sprintf("process_id:%d\r\n", s.cmd.Process.Pid)
	for {
		answer, err := s.ask("INFO", "server")
		if err == nil && strings.Contains(answer, mine) {
			return nil
		}
		select {
		case <-s.exited:
			text, _ := os.ReadFile(log)
			return errors.New(string(text))
		case <-time.After(5 * time.Millisecond): // between two attempts
		}
	}
}

// stop kills the server.
func (s *server) stop() {
	_ = s.cmd.Process.Kill() // it may have ended by itself
	<-s.exited
}

// pause stops the process until resume. Its connections stay open. pause waits until the process has stopped, because its
// threads run on for a moment after the signal.
func (s *server) pause(t *testing.T) {
	t.Helper()
	s.signal(t, syscall.SIGSTOP)
	var status syscall.WaitStatus
	for !status.Stopped() {
		if _, err := syscall.Wait4(s.cmd.Process.Pid, &status, syscall.WUNTRACED, nil); err != nil && err != syscall.EINTR {
			t.Fatal(err)
		}
	}
}

func (s *server) resume(t *testing.T) { s.signal(t, syscall.SIGCONT) }

func (s *server) signal(t *testing.T, sig syscall.Signal) {
	t.Helper()
	if err := s.cmd.Process.Signal(sig); err != nil {
		t.Fatal(err)
	}
}

func (s *server) url() string { return "redis://" + address(s.port) }

// ask sends a command on a connection of its own.
func (s *server) ask(command ...string) (string, error) {
	c, err := rueidis.NewClient(rueidis.ClientOption{
		InitAddress: []string{address(s.port)}, ForceSingleClient: true, DisableCache: true, DisableRetry: true, Password: s.password(),
	})
	if err != nil {
		return "", err
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(context.Background(), testTimeout)
	defer cancel()
	answer := c.Do(ctx, c.B().Arbitrary(command[0]).Args(command[1:]...).Build())
	if number, err := answer.AsInt64(); err == nil {
		return strconv.FormatInt(number, 10), nil
	}
	return answer.ToString()
}

func (s *server) password() string {
	for i, a := range s.args {
		if a == "--requirepass" {
			return s.args[i+1]
		}
	}
	return ""
}

func (s *server) must(t *testing.T, command ...string) string {
	t.Helper()
	answer, err := s.ask(command...)
	if err != nil {
		t.Fatalf("%s: %v", strings.Join(command, " "), err)
	}
	return answer
}

// eventually calls is until it returns true.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(testTimeout); !is(); {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within %v", what, testTimeout)
		}
		<-time.After(5 * time.Millisecond) // between two attempts
	}
}

// servers are the nodes of a cluster, or a single server.
type servers []*server

// startCluster makes a cluster of three primaries without replicas.
func startCluster(t *testing.T, args ...string) servers {
	t.Helper()
	var all servers
	for range 3 {
		all = append(all, startServer(t, append(args, ofCluster...)...))
	}
	all.form(t)
	return all
}

var ofCluster = []string{"--cluster-enabled", "yes", "--cluster-node-timeout", "2000"}

// form makes a cluster of the servers.
func (all servers) form(t *testing.T) {
	t.Helper()
	for i, s := range all {
		first, last := i*16384/3, (i+1)*16384/3-1
		s.must(t, "CLUSTER", "ADDSLOTSRANGE", strconv.Itoa(first), strconv.Itoa(last))
		s.must(t, "CLUSTER", "SET-CONFIG-EPOCH", strconv.Itoa(i+1))
		s.must(t, "CLUSTER", "MEET", "127.0.0.1", strconv.Itoa(all[0].port))
	}
	all.awaitReady(t)
}

// awaitReady waits until each node serves and knows all others.
func (all servers) awaitReady(t *testing.T) {
	t.Helper()
	for _, s := range all {
		eventually(t, "the cluster is ready", func() bool {
			info, err := s.ask("CLUSTER", "INFO")
			return err == nil && strings.Contains(info, "cluster_state:ok") && strings.Contains(info, fmt.Sprintf("cluster_known_nodes:%d\r\n", len(all)))
		})
	}
}

func (all servers) url() string {
	var rest []string
	for _, s := range all[1:] {
		rest = append(rest, "addr="+address(s.port))
	}
	return all[0].url() + "?" + strings.Join(rest, "&")
}

func (all servers) stop() {
	for _, s := range all {
		s.stop()
	}
}

func (all servers) nodes() servers { return all }

func (all servers) pause(t *testing.T) {
	t.Helper()
	for _, s := range all {
		s.pause(t)
	}
}

func (all servers) resume(t *testing.T) {
	t.Helper()
	for _, s := range all {
		s.resume(t)
	}
}

func (all servers) start(t *testing.T) {
	t.Helper()
	for _, s := range all {
		if err := s.start(); err != nil {
			t.Fatalf("redis-server does not start again: %v", err)
		}
	}
}
