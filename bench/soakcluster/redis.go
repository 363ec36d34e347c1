//go:build linux

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

const slots = 16384

// redisBrokers are processes of redis-server: primaries of a cluster without replicas, or a single one.
type redisBrokers struct {
	ports   []int
	dir     string
	formed  bool
	running []*exec.Cmd
}

func newRedisBrokers(ports []int) (*redisBrokers, error) {
	for _, name := range []string{"redis-server", "redis-cli"} {
		if _, err := exec.LookPath(name); err != nil {
			return nil, fmt.Errorf("%s is missing. Debian: apt-get install redis-server", name)
		}
	}
	dir, err := os.MkdirTemp("", "soakcluster")
	if err != nil {
		return nil, err
	}
	return &redisBrokers{ports: ports, dir: dir, running: make([]*exec.Cmd, len(ports))}, nil
}

func (b *redisBrokers) isCluster() bool { return len(b.ports) > 1 }

// start starts a server in the folder of the killed one, so that it is the same node of the cluster.
func (b *redisBrokers) start(i int) error {
	dir := filepath.Join(b.dir, strconv.Itoa(i))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	args := []string{"--port", strconv.Itoa(b.ports[i]), "--bind", "127.0.0.1", "--dir", dir, "--logfile", "log", "--save", "", "--appendonly", "no"}
	if b.isCluster() {
		args = append(args, "--cluster-enabled", "yes", "--cluster-node-timeout", "2000")
	}
	c := exec.Command("redis-server", args...)
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true} // it has no orders whose end would stop it
	if err := c.Start(); err != nil {
		return err
	}
	b.running[i] = c
	return await("redis-server answers", func() bool {
		answer, err := b.ask(i, "PING")
		return err == nil && answer == "PONG"
	})
}

// form creates the cluster the first time; later its nodes find each other without help.
func (b *redisBrokers) form() error {
	if !b.isCluster() {
		return nil
	}
	n := len(b.ports)
	for i := 0; i < n && !b.formed; i++ {
		for _, command := range [][]string{
			{"CLUSTER", "ADDSLOTSRANGE", strconv.Itoa(i * slots / n), strconv.Itoa((i+1)*slots/n - 1)},
			{"CLUSTER", "SET-CONFIG-EPOCH", strconv.Itoa(i + 1)},
			{"CLUSTER", "MEET", "127.0.0.1", strconv.Itoa(b.ports[0])},
		} {
			if answer, err := b.ask(i, command...); err != nil || answer != "OK" {
				return fmt.Errorf("%s: %s %w", strings.Join(command, " "), answer, err)
			}
		}
	}
	b.formed = true
	return await("the cluster is in order", func() bool {
		for i := range b.ports {
			info, err := b.ask(i, "CLUSTER", "INFO")
			if err != nil || !strings.Contains(info, "cluster_state:ok") || !strings.Contains(info, fmt.Sprintf("cluster_known_nodes:%d\r", n)) {
				return false
			}
		}
		return true
	})
}

func (b *redisBrokers) ask(i int, command ...string) (string, error) {
	out, err := exec.Command("redis-cli", append([]string{"-p", strconv.Itoa(b.ports[i])}, command...)...).Output()
	return strings.TrimSpace(string(out)), err
}

func (b *redisBrokers) kill(i int) {
	_ = b.running[i].Process.Kill() // fails if it has ended by itself
	_ = b.running[i].Wait()         // it is killed
	b.running[i] = nil
}

func (b *redisBrokers) stop() error {
	for i, c := range b.running {
		if c != nil {
			b.kill(i)
		}
	}
	return os.RemoveAll(b.dir)
}

func (b *redisBrokers) urls(int) string {
	var others []string
	for _, port := range b.ports[1:] {
		others = append(others, "addr="+address(port))
	}
	return "redis://" + address(b.ports[0]) + "?" + strings.Join(others, "&")
}
