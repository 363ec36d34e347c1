package serve

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strings"
)

// roleEnv makes this program a server process: its value is a role as JSON.
const roleEnv = "CHANX_BENCH_SERVER"

// role is the role of a child: a server, or a broker of that kind.
type role struct {
	Server  string
	Options Options
	Broker  string
}

// child is this program run again in another role.
type child struct {
	name    string
	cmd     *exec.Cmd
	orders  io.WriteCloser
	answers *bufio.Reader
}

// spawn starts a child and returns its first output: its address.
func spawn(name string, r role) (*child, string, error) {
	c := &child{name: name}
	if err := c.start(r); err != nil {
		return nil, "", fmt.Errorf("serve: start %s: %w", name, err)
	}
	line, err := c.answers.ReadString('\n')
	if err != nil {
		return nil, "", errors.Join(fmt.Errorf("serve: start %s: read its address: %w", name, err), c.Stop())
	}
	return c, strings.TrimSpace(line), nil
}

func (c *child) start(r role) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	text, err := json.Marshal(r)
	if err != nil {
		return err
	}
	c.cmd = exec.Command(self)
	c.cmd.Env = append(os.Environ(), roleEnv+"="+string(text))
	c.cmd.Stderr = os.Stderr
	if c.orders, err = c.cmd.StdinPipe(); err != nil {
		return err
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return err
	}
	c.answers = bufio.NewReader(out)
	return c.cmd.Start()
}

// Pid is the id of the process.
func (c *child) Pid() int { return c.cmd.Process.Pid }

// Stop ends the process by ending its orders.
func (c *child) Stop() error {
	if err := errors.Join(c.orders.Close(), c.cmd.Wait()); err != nil {
		return fmt.Errorf("serve: stop %s: %w", c.name, err)
	}
	return nil
}

// Process is a running server. Its methods are for one goroutine.
type Process struct {
	Server  *Server
	Options Options
	Addr    netip.AddrPort
	*child
}

// Start runs a server in a separate process, by running this program again. Its main function, or TestMain, must begin with
// RunIfServer.
func Start(s *Server, opts Options) (*Process, error) {
	if opts.Deflate && !s.Deflates {
		return nil, fmt.Errorf("serve: start %s: it has no permessage-deflate here", s.Name)
	}
	if opts.Broker.Kind != "" && !slices.Contains(s.Brokers, opts.Broker.Kind) {
		return nil, fmt.Errorf("serve: start %s: it does not support brokers of the kind %q here", s.Name, opts.Broker.Kind)
	}
	c, at, err := spawn(s.Name, role{Server: s.Name, Options: opts})
	if err != nil {
		return nil, err
	}
	addr, err := netip.ParseAddrPort(at)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("serve: start %s: read its address: %w", s.Name, err), c.Stop())
	}
	return &Process{s, opts, addr, c}, nil
}

// Collect lets the process collect its garbage and return free memory to the system.
func (p *Process) Collect() error {
	if _, err := io.WriteString(p.orders, collectOrder+"\n"); err != nil {
		return fmt.Errorf("serve: collect in %s: %w", p.name, err)
	}
	if _, err := p.answers.ReadString('\n'); err != nil {
		return fmt.Errorf("serve: collect in %s: %w", p.name, err)
	}
	return nil
}
