package serve

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os/exec"
	"strconv"
	"strings"
)

const (
	redisAttempts = 20
	redisIsReady  = "Ready to accept connections" // in its log
)

// runRedis starts a redis-server and ends it when the orders end, so that it does not outlive the parent process.
func runRedis() error {
	var all error
	for range redisAttempts { // another process may take the port before the server does
		r, err := startRedis()
		if err == nil {
			return errors.Join(ready(r.url, r.cmd.Process.Pid), r.stop())
		}
		all = err
	}
	return all
}

type redisServer struct {
	url  string
	cmd  *exec.Cmd
	read chan error // the error that ended reading its log
}

// startRedis returns when the server has logged that it is ready.
func startRedis() (*redisServer, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	r := &redisServer{url: "redis://127.0.0.1:" + port, read: make(chan error, 1)}
	r.cmd = exec.Command("redis-server", "--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--logfile", "")
	out, err := r.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := r.cmd.Start(); err != nil {
		return nil, err
	}
	log := bufio.NewReader(out)
	if err := awaitReady(log); err != nil {
		return nil, errors.Join(err, r.cmd.Wait())
	}
	go func() {
		_, err := io.Copy(io.Discard, log) // otherwise it would block on a full pipe
		r.read <- err
	}()
	return r, nil
}

func awaitReady(log *bufio.Reader) error {
	var said strings.Builder
	for {
		line, err := log.ReadString('\n')
		if strings.Contains(line, redisIsReady) {
			return nil
		}
		said.WriteString(line)
		if err != nil {
			return fmt.Errorf("redis-server does not start: %s", said.String())
		}
	}
}

func (r *redisServer) stop() error {
	if err := r.cmd.Process.Kill(); err != nil {
		return err
	}
	err := <-r.read
	_ = r.cmd.Wait() // it has been killed
	return err
}

func freePort() (string, error) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port), nil
}
