//go:build unix

package bench

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"testing"

	"github.com/gobwas/ws"
)

// clientEnv makes this program a process of clients: its value is "address upgrade inFlight".
const clientEnv = "CHANX_BENCH_CLIENTS"

func TestMain(m *testing.M) {
	if spec := os.Getenv(clientEnv); spec != "" {
		if err := runClients(spec); err != nil {
			fmt.Fprintln(os.Stderr, "clients:", err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// clients is a process with connections to one server, told through pipes what to do. It ends when its orders do.
type clients struct {
	cmd    *exec.Cmd
	orders io.WriteCloser
	done   *bufio.Reader
}

func startClients(b *testing.B, addr string, upgrade bool, inFlight int) *clients {
	b.Helper()
	c := &clients{cmd: exec.Command(os.Args[0])}
	c.cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%s %t %d", clientEnv, addr, upgrade, inFlight))
	c.cmd.Stderr = os.Stderr
	var err error
	if c.orders, err = c.cmd.StdinPipe(); err != nil {
		b.Fatal(err)
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	c.done = bufio.NewReader(out)
	if err := c.cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := c.Close(); err != nil {
			b.Error(err)
		}
	})
	return c
}

// echo sends n messages over all connections and waits for the answers.
func (c *clients) echo(b *testing.B, n int) {
	b.Helper()
	if _, err := fmt.Fprintln(c.orders, n); err != nil {
		b.Fatal(err)
	}
	if _, err := c.done.ReadString('\n'); err != nil {
		b.Fatal(err)
	}
}

// Close ends the process.
func (c *clients) Close() error {
	if err := c.orders.Close(); err != nil {
		return err
	}
	return c.cmd.Wait()
}

func runClients(spec string) error {
	var addr string
	var upgrade bool
	var inFlight int
	if _, err := fmt.Sscan(spec, &addr, &upgrade, &inFlight); err != nil {
		return err
	}
	conns := make([]*conn, connections)
	for i := range conns {
		var err error
		if conns[i], err = dial(addr, upgrade, inFlight); err != nil {
			return err
		}
	}
	orders := bufio.NewScanner(os.Stdin)
	for orders.Scan() {
		n, err := strconv.Atoi(orders.Text())
		if err != nil {
			return err
		}
		if err := echoAll(conns, n/len(conns)); err != nil {
			return err
		}
		fmt.Println("done")
	}
	return orders.Err()
}

func echoAll(conns []*conn, each int) error {
	var wg sync.WaitGroup
	failed := make(chan error, len(conns))
	for _, c := range conns {
		wg.Go(func() {
			if err := c.echo(each); err != nil {
				failed <- err
			}
		})
	}
	wg.Wait()
	select {
	case err := <-failed:
		return err
	default:
		return nil
	}
}

// conn sends the same batch again and again, and knows the length of the answer.
type conn struct {
	nc       net.Conn
	inFlight int
	batch    []byte
	answer   []byte // room for the answers to a batch
}

func dial(addr string, upgrade bool, inFlight int) (*conn, error) {
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	frame := bytes.NewBuffer(nil)
	if err := ws.WriteFrame(frame, ws.MaskFrame(ws.NewTextFrame([]byte(echoText)))); err != nil {
		return nil, err
	}
	c := &conn{nc: nc, inFlight: inFlight, batch: bytes.Repeat(frame.Bytes(), inFlight)}
	length := frame.Len()
	if upgrade {
		if length, err = c.handshake(addr, frame.Bytes()); err != nil {
			return nil, err
		}
	}
	c.answer = make([]byte, length*inFlight)
	return c, nil
}

// handshake opens the WebSocket and finds out how long an answer is.
func (c *conn) handshake(addr string, frame []byte) (int, error) {
	_, err := fmt.Fprintf(c.nc, "GET / HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", addr)
	if err != nil {
		return 0, err
	}
	br := bufio.NewReader(c.nc)
	res, err := http.ReadResponse(br, nil)
	if err != nil {
		return 0, err
	}
	if res.StatusCode != http.StatusSwitchingProtocols {
		return 0, fmt.Errorf("status %d", res.StatusCode)
	}
	if _, err := c.nc.Write(frame); err != nil {
		return 0, err
	}
	h, err := ws.ReadHeader(br)
	if err != nil {
		return 0, err
	}
	answer := make([]byte, h.Length)
	if _, err := io.ReadFull(br, answer); err != nil {
		return 0, err
	}
	if !bytes.HasPrefix(answer, []byte(`{"action":"echo","payload":{"content":`)) {
		return 0, fmt.Errorf("answer %q", answer)
	}
	return ws.HeaderSize(h) + len(answer), nil
}

func (c *conn) echo(n int) error {
	for range n / c.inFlight {
		if _, err := c.nc.Write(c.batch); err != nil {
			return err
		}
		if _, err := io.ReadFull(c.nc, c.answer); err != nil {
			return err
		}
	}
	return nil
}
