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
	startTime = time.Minute      // for a process to be ready; then it is killed
	farewell  = 15 * time.Second // for a process to end in order; the chat takes up to ten
)

// process is a program that is to run all the time.
type process struct {
	name  string
	path  string
	args  []string
	talks bool // what it writes is shown

	ready    func(line string) (address string, ok bool) // finds in what it writes that it can be used
	up, down func(address string)                        // told when it can be used, and when it has ended
}

// life is a process from its start to its end.
type life struct {
	*process
	cmd     *exec.Cmd
	address string
	ended   chan struct{}
	err     error // of its end
}

// start returns when the process is ready. When ctx ends the process is asked to end, and killed if it does not.
func (p *process) start(ctx context.Context, s *screen) (*life, error) {
	cmd := exec.CommandContext(ctx, p.path, p.args...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = farewell
	cmd.SysProcAttr = apart()
	h := &herald{process: p, screen: s, address: make(chan string, 1)}
	cmd.Stdout, cmd.Stderr = h, h
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("%s cannot be started: %w", p.name, err)
	}
	l := &life{process: p, cmd: cmd, ended: make(chan struct{})}
	go func() {
		defer close(l.ended)
		l.err = cmd.Wait()
	}()
	late := time.AfterFunc(startTime, func() { _ = cmd.Process.Kill() }) // it may just have ended
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

// failure is nil if the process has ended as it was asked to.
func (l *life) failure() error {
	if l.err == nil || errors.Is(l.err, context.Canceled) {
		return nil
	}
	return fmt.Errorf("%s: %w", l.name, l.err)
}
