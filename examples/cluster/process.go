package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"syscall"
	"time"
)

const (
	startTime    = time.Minute      // for a process to be ready; then it is killed
	shutdownTime = 15 * time.Second // for a process to end; the chat takes up to ten
)

// process describes a program that should always run.
type process struct {
	name  string
	path  string
	args  []string
	talks bool // its output is shown

	ready    func(line string) (address string, ok bool) // reports whether a line of its output means that it is ready
	up, down func(address string)                        // called when it is ready, and when it has ended
}

// life is one run of a process.
type life struct {
	*process
	cmd     *exec.Cmd
	address string
	ended   chan struct{}
	err     error // of its end
}

// start returns when the process is ready. When ctx ends, the process gets a signal to end, and is killed if it does not.
func (p *process) start(ctx context.Context, s *screen) (*life, error) {
	cmd := exec.CommandContext(ctx, p.path, p.args...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = shutdownTime
	cmd.SysProcAttr = isolate()
	h := &outputReader{process: p, screen: s, address: make(chan string, 1)}
	cmd.Stdout, cmd.Stderr = h, h
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("%s cannot be started: %w", p.name, err)
	}
	l := &life{process: p, cmd: cmd, ended: make(chan struct{})}
	go func() {
		defer close(l.ended)
		l.err = cmd.Wait()
	}()
	late := time.AfterFunc(startTime, func() { _ = cmd.Process.Kill() }) // fails if it has just ended
	defer late.Stop()
	select {
	case l.address = <-h.address:
		p.up(l.address)
		return l, nil
	case <-l.ended:
		return nil, fmt.Errorf("%s has ended before it was ready: %v: %s", p.name, cmd.ProcessState, h.last)
	}
}

func (l *life) pid() int { return l.cmd.Process.Pid }

// failure is nil if the process has ended because of a signal from this program.
func (l *life) failure() error {
	if l.err == nil || errors.Is(l.err, context.Canceled) {
		return nil
	}
	return fmt.Errorf("%s: %w", l.name, l.err)
}
