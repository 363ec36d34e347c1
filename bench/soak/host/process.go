package host

import (
	"bufio"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"
)

// roleEnv makes this program a host: its value is Options as JSON.
const roleEnv = "CHANX_SOAK_HOST"

// Options are those of a host. Zero values are the defaults of chanx and of the system.
type Options struct {
	// PingInterval, PongTimeout and WriteTimeout are those of chanx.Limits.
	PingInterval, PongTimeout, WriteTimeout time.Duration

	// WriteBuffer is that of the kernel for each connection, in bytes.
	WriteBuffer int
}

// Door is an address of the host.
type Door struct {
	Addr         string
	TLS, Deflate bool
}

// State is what a host holds after a garbage collection. Drops counts by what was dropped, Faults counts logged errors.
type State struct {
	Goroutines, Connections int
	Heap                    int64 // bytes
	Drops                   map[string]uint64
	Faults                  int64
}

// End is the result of a shutdown: how long the servers took, the error, and how often the handler of Tally was called for
// each client.
type End struct {
	Took    time.Duration
	Error   string
	Handled map[int]int
	State   State
}

// Process is a running host. Its methods are for one goroutine.
type Process struct {
	Doors []Door
	Trust *tls.Config // for clients

	cmd     *exec.Cmd
	orders  io.WriteCloser
	answers *json.Decoder
}

// Start runs a host in a process of its own, by running this program again: its main function, or TestMain, must begin
// with RunIfHost.
func Start(o Options) (*Process, error) {
	p := &Process{}
	if err := p.start(o); err != nil {
		return nil, fmt.Errorf("host: start: %w", err)
	}
	var h hello
	err := p.answers.Decode(&h)
	if err == nil {
		p.Doors = h.Doors
		p.Trust, err = trust(h.DER)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("host: start: read its addresses: %w", err), p.Stop())
	}
	return p, nil
}

func (p *Process) start(o Options) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	role, err := json.Marshal(o)
	if err != nil {
		return err
	}
	p.cmd = exec.Command(self)
	p.cmd.Env = append(os.Environ(), roleEnv+"="+string(role))
	p.cmd.Stderr = os.Stderr
	if p.orders, err = p.cmd.StdinPipe(); err != nil {
		return err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return err
	}
	p.answers = json.NewDecoder(bufio.NewReader(out))
	return p.cmd.Start()
}

// Pid returns the id of the process.
func (p *Process) Pid() int { return p.cmd.Process.Pid }

// Plain is the door without TLS and without compression.
func (p *Process) Plain() Door { return p.Doors[0] }

// State has the host collect its garbage, and returns what it holds.
func (p *Process) State() (s State, err error) {
	err = p.order(stateOrder, &s)
	return s, err
}

// Shutdown shuts the servers of the host down. The process lives until Stop.
func (p *Process) Shutdown() (e End, err error) {
	err = p.order(shutdownOrder, &e)
	return e, err
}

func (p *Process) order(line string, answer any) error {
	if _, err := io.WriteString(p.orders, line+"\n"); err != nil {
		return fmt.Errorf("host: order %s: %w", line, err)
	}
	if err := p.answers.Decode(answer); err != nil {
		return fmt.Errorf("host: order %s: %w", line, err)
	}
	return nil
}

// Stop ends the process, by closing the pipe of its orders.
func (p *Process) Stop() error {
	if err := errors.Join(p.orders.Close(), p.cmd.Wait()); err != nil {
		return fmt.Errorf("host: stop: %w", err)
	}
	return nil
}
