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

// serverPort is an environment variable that makes the test binary run a NATS server on a port. A process can be frozen.
const serverPort = "NATSLAYER_TEST_SERVER"

func TestMain(m *testing.M) {
	if port := os.Getenv(serverPort); port != "" {
		runServer(port)
		return
	}
	goleak.VerifyTestMain(m)
}

// runServer prints "ready" when the server is, and returns when its standard input ends.
func runServer(text string) {
	port, err := strconv.Atoi(text)
	if err == nil {
		var s *server.Server
		if s, err = server.NewServer(&server.Options{Host: "127.0.0.1", Port: port, NoLog: true, NoSigs: true}); err == nil {
			s.Start()
			if s.ReadyForConnections(testTimeout) {
				fmt.Println("ready")
				_, _ = io.Copy(io.Discard, os.Stdin) // an error also means that the test has ended
				s.Shutdown()
				return
			}
			err = fmt.Errorf("not ready after %v", testTimeout)
		}
	}
	fmt.Println(err)
	os.Exit(1)
}

// process is a NATS server in a process of its own.
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
		t.Fatalf("the server printed %q (%v)", line, err)
	}
}

// stop kills the process.
func (p *process) stop() {
	_ = p.cmd.Process.Kill() // it may have ended
	_ = p.stdin.Close()
	_ = p.cmd.Wait() // likewise
}

// freeze stops the process until thaw. Its connections stay open. freeze waits until the process has stopped, because its
// threads run on for a moment after the signal.
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
