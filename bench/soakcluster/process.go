//go:build linux

package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
)

// roleEnv makes this program a broker or a node: its value is a role as JSON.
const roleEnv = "CHANX_SOAK_ROLE"

// role is the role of a child process: one of the two.
type role struct {
	Broker *brokerRole
	Node   *nodeRole
}

// runIfChild runs the role and exits if this process was started by spawn; otherwise it does nothing. A child ends when its
// orders end, as when the parent has died.
func runIfChild() {
	text, ok := os.LookupEnv(roleEnv)
	if !ok {
		return
	}
	var r role
	err := json.Unmarshal([]byte(text), &r)
	switch {
	case err != nil:
	case r.Broker != nil:
		err = r.Broker.run()
	case r.Node != nil:
		err = r.Node.run()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "soakcluster:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// process is a child. It writes reports, one JSON object a line.
type process struct {
	cmd    *exec.Cmd
	orders io.WriteCloser
	ended  chan struct{} // closed when it has ended and all reports have been read
	err    error         // how it ended; read it after ended is closed
}

// spawn runs this program in a role. It calls hear with each report, from one goroutine.
func spawn[R any](as role, hear func(R)) (*process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(as)
	if err != nil {
		return nil, err
	}
	p := &process{cmd: exec.Command(self), ended: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), roleEnv+"="+string(text))
	p.cmd.Stderr = os.Stderr
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // so that only the parent gets an interrupt
	if p.orders, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		defer close(p.ended)
		err := hearAll(out, hear)
		p.err = errors.Join(err, p.cmd.Wait())
	}()
	return p, nil
}

// hearAll reads all reports. It skips an incomplete last line, because the child may have been killed while writing it.
func hearAll[R any](out io.Reader, hear func(R)) (bad error) {
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 1<<20)
	var last error
	for lines.Scan() {
		bad = errors.Join(bad, last)
		var r R
		if last = json.Unmarshal(lines.Bytes(), &r); last == nil {
			hear(r)
		}
	}
	return errors.Join(bad, lines.Err())
}

func (p *process) order(text string) error {
	_, err := io.WriteString(p.orders, text+"\n")
	return err
}

// kill kills the process, and returns when its earlier reports have been read.
func (p *process) kill() {
	_ = p.cmd.Process.Kill() // fails if it has ended by itself, which stop would report
	<-p.ended
}

// stop ends the process in order.
func (p *process) stop() error {
	err := p.orders.Close()
	<-p.ended
	return errors.Join(err, p.err)
}

// reporter writes a child's reports. It is for one goroutine at a time.
type reporter struct{ out *json.Encoder }

func newReporter() reporter { return reporter{json.NewEncoder(os.Stdout)} }

// tell writes a report. It ends the process if the parent no longer reads.
func (r reporter) tell(report any) {
	if err := r.out.Encode(report); err != nil {
		fmt.Fprintln(os.Stderr, "soakcluster: report:", err)
		os.Exit(1)
	}
}
