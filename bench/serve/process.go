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
	"strings"
)

// roleEnv makes this program a server process: its value is a role as JSON.
const roleEnv = "CHANX_BENCH_SERVER"

type role struct {
	Server  string
	Options Options
}

// Process is a running server. Its methods are for one goroutine.
type Process struct {
	Server  *Server
	Options Options
	Addr    netip.AddrPort

	cmd     *exec.Cmd
	orders  io.WriteCloser
	answers *bufio.Reader
}

// Start runs a server in a process of its own, by running this program again: its main function, or TestMain, must
// begin with RunIfServer.
func Start(s *Server, opts Options) (*Process, error) {
	if opts.Deflate && !s.Deflates {
		return nil, fmt.Errorf("serve: start %s: it does not do permessage-deflate here", s.Name)
	}
	p := &Process{Server: s, Options: opts}
	if err := p.start(); err != nil {
		return nil, fmt.Errorf("serve: start %s: %w", s.Name, err)
	}
	line, err := p.answers.ReadString('\n')
	if err == nil {
		p.Addr, err = netip.ParseAddrPort(strings.TrimSpace(line))
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("serve: start %s: read its address: %w", s.Name, err), p.Stop())
	}
	return p, nil
}

func (p *Process) start() error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	r, err := json.Marshal(role{p.Server.Name, p.Options})
	if err != nil {
		return err
	}
	p.cmd = exec.Command(self)
	p.cmd.Env = append(os.Environ(), roleEnv+"="+string(r))
	p.cmd.Stderr = os.Stderr
	if p.orders, err = p.cmd.StdinPipe(); err != nil {
		return err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return err
	}
	p.answers = bufio.NewReader(out)
	return p.cmd.Start()
}

// Pid is the process's.
func (p *Process) Pid() int { return p.cmd.Process.Pid }

// Collect lets the process collect its garbage and return free memory to the system.
func (p *Process) Collect() error {
	if _, err := io.WriteString(p.orders, collectOrder+"\n"); err != nil {
		return fmt.Errorf("serve: collect in %s: %w", p.Server.Name, err)
	}
	if _, err := p.answers.ReadString('\n'); err != nil {
		return fmt.Errorf("serve: collect in %s: %w", p.Server.Name, err)
	}
	return nil
}

// Stop ends the process: a server goes when its orders end.
func (p *Process) Stop() error {
	if err := errors.Join(p.orders.Close(), p.cmd.Wait()); err != nil {
		return fmt.Errorf("serve: stop %s: %w", p.Server.Name, err)
	}
	return nil
}
