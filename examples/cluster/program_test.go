package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestMistakesOnTheCommandLineAreNamed(t *testing.T) {
	dir := temporary(t)
	taken := listen(t).Addr().String()
	chat := filepath.Join(dir, "chat")
	if err := os.WriteFile(chat, []byte("#!/bin/sh\necho the disk is full >&2\nexit 3\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name string
		args []string
		says []string
	}{
		{"unknown flag", []string{"-port", "80"}, []string{"-port", "-h lists the flags"}},
		{"argument", []string{"8080"}, []string{`unexpected argument "8080"`, "-h lists the flags"}},
		{"unknown broker", []string{"-broker", "kafka"}, []string{`nats or redis, not "kafka"`}},
		{"no chat there", nil, []string{"the chat is missing", "-chat"}},
		{"not the chat", []string{"-chat", filepath.Join(dir, "absent")}, []string{"the chat is missing", "absent", "-chat"}},
		{"not a program", []string{"-addr", "127.0.0.1:0", "-chat", dir}, []string{"node-1 cannot be started", dir}},
		{"a node that fails", []string{"-addr", "127.0.0.1:0", "-chat", chat}, []string{"node-1", "exit status 3", "the disk is full"}},
		{"address in use", []string{"-addr", taken, "-chat", chat}, []string{taken, "-addr chooses another"}},
	}
	for _, tt := range tests {
		var out bytes.Buffer
		err := run(t.Context(), tt.args, &out)
		if err == nil {
			t.Errorf("%s: no error", tt.name)
			continue
		}
		for _, text := range tt.says {
			if !strings.Contains(err.Error(), text) {
				t.Errorf("%s: the error does not say %q: %v", tt.name, text, err)
			}
		}
	}
	expectOnly(t, dir, "chat")
}

// expectOnly expects one file in a folder.
func expectOnly(t *testing.T, dir, name string) {
	t.Helper()
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 || left[0].Name() != name {
		t.Errorf("left in the temporary folder: %v, %v; want %s only", left, err, name)
	}
}

func TestWithoutRedisItIsSaidWhereToGetIt(t *testing.T) {
	chat := chatProgram(t)
	t.Setenv("PATH", temporary(t))
	err := run(t.Context(), []string{"-addr", "127.0.0.1:0", "-broker", "redis", "-chat", chat}, &bytes.Buffer{})
	if !errors.Is(err, exec.ErrNotFound) || !strings.Contains(err.Error(), "redis-server") || !strings.Contains(err.Error(), "-broker nats") {
		t.Errorf("run = %v", err)
	}
}

func TestHelpListsTheFlags(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	if err := run(t.Context(), []string{"-h"}, &out); !errors.Is(err, flag.ErrHelp) {
		t.Errorf("run -h: %v", err)
	}
	for _, text := range []string{"-addr", "localhost:8080", "-broker", "-chat"} {
		if !strings.Contains(out.String(), text) {
			t.Errorf("the help lacks %s:\n%s", text, &out)
		}
	}
}

// TestAnEndBeforeTheBeginning: a signal while the nodes start is not a failure.
func TestAnEndBeforeTheBeginning(t *testing.T) {
	chat, dir := chatProgram(t), temporary(t)
	ctx, cancel := context.WithCancel(context.Background())
	shown := &transcript{}
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, []string{"-addr", "127.0.0.1:0", "-chat", chat}, shown) }()
	shown.await(t, 1, "node-1 | .*listening")
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("run = %v", err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left in the temporary folder: %v, %v", left, err)
	}
}

// TestSignals runs the program. SIGTERM ends all processes in order; on Linux they end even if the program is killed.
func TestSignals(t *testing.T) {
	chat := chatProgram(t)
	for broker := range brokers {
		t.Run("SIGTERM "+broker, func(t *testing.T) {
			dir := temporary(t)
			testSignal(t, syscall.SIGTERM, "exit status 0", "-broker", broker, "-chat", chat)
			if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
				t.Errorf("left in the temporary folder: %v, %v", left, err)
			}
		})
		if runtime.GOOS == "linux" {
			t.Run("SIGKILL "+broker, func(t *testing.T) {
				temporary(t)
				testSignal(t, syscall.SIGKILL, "signal: killed", "-broker", broker, "-chat", chat)
			})
		}
	}
}

func testSignal(t *testing.T, signal syscall.Signal, end string, args ...string) {
	t.Helper()
	cmd := exec.Command(os.Args[0], append(args, "-addr", "127.0.0.1:0")...)
	cmd.Env = append(os.Environ(), asProgram+"=1")
	shown := &transcript{}
	cmd.Stdout, cmd.Stderr = shown, shown
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Process.Kill() // has no effect unless the test has failed
	shown.await(t, 1, "started again a moment later")
	if err := cmd.Process.Signal(signal); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // cmd.ProcessState has the details
	text, _ := shown.now()
	if got := cmd.ProcessState.String(); got != end {
		t.Errorf("after %v: %s, want %s; shown:\n%s", signal, got, end, text)
	}
	for _, m := range regexp.MustCompile(`(?m)^\S+ +(\S+) .* kill -9`).FindAllStringSubmatch(text, -1) {
		awaitSilence(t, m[1])
	}
}

// awaitSilence waits until no process listens at an address, or at the path of a socket.
func awaitSilence(t *testing.T, address string) {
	t.Helper()
	network := "tcp"
	if filepath.IsAbs(address) {
		network = "unix"
	}
	for deadline := time.Now().Add(testTimeout); ; {
		c, err := net.Dial(network, address)
		if err != nil {
			return
		}
		c.Close()
		if time.Now().After(deadline) {
			t.Fatalf("%s still accepts connections", address)
		}
		<-time.After(time.Millisecond) // between two calls
	}
}
