package natslayer_test

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"go.uber.org/goleak"
)

// serverPort has this test's binary be a server of NATS on a port, in a process of its own: one that can be frozen.
const serverPort = "NATSLAYER_TEST_SERVER"

func TestMain(m *testing.M) {
	if port := os.Getenv(serverPort); port != "" {
		runServer(port)
		return
	}
	goleak.VerifyTestMain(m)
}

// runServer says when it is ready, and ends when its standard input does.
func runServer(text string) {
	port, err := strconv.Atoi(text)
	if err == nil {
		var s *server.Server
		if s, err = server.NewServer(&server.Options{Host: "127.0.0.1", Port: port, NoLog: true, NoSigs: true}); err == nil {
			s.Start()
			if s.ReadyForConnections(soon) {
				fmt.Println("ready")
				_, _ = io.Copy(io.Discard, os.Stdin) // it ends in any case
				s.Shutdown()
				return
			}
			err = fmt.Errorf("not ready after %v", soon)
		}
	}
	fmt.Println(err)
	os.Exit(1)
}

// process is a server of NATS in a process of its own.
type process struct {
	port  int
	cmd   *exec.Cmd
	stdin io.Closer
}

func startProcess(t *testing.T) *process {
	t.Helper()
	p := &process{port: freePorts(t, 1)[0]}
	p.start(t)
	t.Cleanup(p.stop)
	return p
}

// start returns when the server accepts connections.
func (p *process) start(t *testing.T) {
	t.Helper()
	p.cmd = exec.Command(os.Args[0], "-test.run", "^$")
	p.cmd.Env = append(os.Environ(), serverPort+"="+strconv.Itoa(p.port))
	stdin, err := p.cmd.StdinPipe()
	must(t, err)
	p.stdin = stdin
	out, err := p.cmd.StdoutPipe()
	must(t, err)
	must(t, p.cmd.Start())
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "ready\n" {
		t.Fatalf("the server says %q (%v)", line, err)
	}
}

// stop kills it.
func (p *process) stop() {
	_ = p.cmd.Process.Kill() // it may have been
	_ = p.stdin.Close()
	_ = p.cmd.Wait() // likewise
}

// freeze stops it without closing its connections, until thaw. It returns when the process has stopped, because its threads go on
// for a moment after the signal.
func (p *process) freeze(t *testing.T) {
	t.Helper()
	must(t, p.cmd.Process.Signal(syscall.SIGSTOP))
	var status syscall.WaitStatus
	for !status.Stopped() {
		if _, err := syscall.Wait4(p.cmd.Process.Pid, &status, syscall.WUNTRACED, nil); err != syscall.EINTR {
			must(t, err)
		}
	}
}

func (p *process) thaw(t *testing.T) { t.Helper(); must(t, p.cmd.Process.Signal(syscall.SIGCONT)) }

func (p *process) url() string { return fmt.Sprintf("nats://127.0.0.1:%d", p.port) }
