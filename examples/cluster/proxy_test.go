package main

import (
	"context"
	"io"
	"net"
	"slices"
	"testing"
	"time"
)

// testNode is a node whose accepted connections are passed to the test.
type testNode struct {
	net.Listener
	came chan *net.TCPConn
}

func openNode(t *testing.T) *testNode {
	t.Helper()
	d := &testNode{listen(t), make(chan *net.TCPConn, 10)}
	go func() {
		for {
			c, err := d.Accept()
			if err != nil {
				return
			}
			d.came <- c.(*net.TCPConn)
		}
	}()
	return d
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// proxyTest is a test of a proxy in front of nodes.
type proxyTest struct {
	t       *testing.T
	p       *proxy
	address string
	shown   *transcript
}

func newProxyTest(t *testing.T, nodes ...*testNode) *proxyTest {
	t.Helper()
	s := &proxyTest{t: t, shown: &transcript{}}
	s.p = newProxy(&screen{w: s.shown})
	for _, d := range nodes {
		s.p.add(d.Addr().String())
	}
	l := listen(t)
	s.address = l.Addr().String()
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan struct{})
	go func() {
		defer close(served)
		s.p.serve(ctx, l)
	}()
	t.Cleanup(func() {
		cancel()
		<-served
		s.p.close()
	})
	return s
}

// call connects to the proxy.
func (s *proxyTest) call() *net.TCPConn {
	s.t.Helper()
	c, err := net.Dial("tcp", s.address)
	if err != nil {
		s.t.Fatal(err)
	}
	return s.bounded(c.(*net.TCPConn))
}

// bounded sets a deadline, so that the test fails instead of waiting forever.
func (s *proxyTest) bounded(c *net.TCPConn) *net.TCPConn {
	s.t.Helper()
	if err := c.SetDeadline(time.Now().Add(testTimeout)); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { c.Close() })
	return c
}

// at returns the node's end of a connection, which must have reached this node.
func (s *proxyTest) at(d *testNode) *net.TCPConn {
	s.t.Helper()
	select {
	case c := <-d.came:
		return s.bounded(c)
	case <-time.After(testTimeout):
		text, _ := s.shown.now()
		s.t.Fatalf("no connection arrived; output: %s", text)
		return nil
	}
}

// say sends text.
func (s *proxyTest) say(c *net.TCPConn, text string) {
	s.t.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		s.t.Fatal(err)
	}
}

// end closes one side of a connection.
func (s *proxyTest) end(c *net.TCPConn) {
	s.t.Helper()
	if err := c.CloseWrite(); err != nil {
		s.t.Fatal(err)
	}
}

// hears expects text and the end of the stream.
func (s *proxyTest) hears(c *net.TCPConn, want string) {
	s.t.Helper()
	if got, err := io.ReadAll(c); err != nil || string(got) != want {
		s.t.Errorf("got %q, %v; want %q and the end", got, err, want)
	}
}

func TestConnectionsGoWhereTheFewestAre(t *testing.T) {
	t.Parallel()
	a, b := openNode(t), openNode(t)
	s := newProxyTest(t, a, b)
	var calls, taken []*net.TCPConn
	for _, d := range []*testNode{a, b, a, b, a} {
		calls = append(calls, s.call())
		taken = append(taken, s.at(d))
	}
	s.call()
	s.at(b) // a has one connection more
	for i := 0; i < len(calls); i += 2 {
		calls[i].Close()
		taken[i].Close()
	}
	s.awaitCount(a, 0)
	for range 3 {
		s.call()
		s.at(a)
	}
	s.p.remove(a.Addr().String())
	s.call()
	s.at(b)
}

// awaitCount waits until the proxy counts want connections of a node.
func (s *proxyTest) awaitCount(d *testNode, want int) {
	s.t.Helper()
	for deadline := time.Now().Add(testTimeout); ; {
		s.p.mu.Lock()
		i := slices.IndexFunc(s.p.targets, func(t *target) bool { return t.address == d.Addr().String() })
		got := s.p.targets[i].count
		s.p.mu.Unlock()
		if got == want {
			return
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("%d connections are counted, want %d", got, want)
		}
		<-time.After(time.Millisecond) // between two looks
	}
}

func TestADeadNodeIsPassedOver(t *testing.T) {
	t.Parallel()
	dead, alive := unusedAddress(t), openNode(t)
	s := newProxyTest(t)
	s.p.add(dead)
	s.p.add(alive.Addr().String())
	for range 3 {
		c := s.call()
		s.say(s.at(alive), "hello")
		s.end(c)
	}
	s = newProxyTest(t)
	s.p.add(dead)
	s.hears(s.call(), "")
	s.shown.await(t, 1, "proxy: no node accepts a connection")
}

// unusedAddress returns an address that refuses connections until the test ends. It is the local address of an outgoing
// connection, so no other process can listen there meanwhile.
func unusedAddress(t *testing.T) string {
	t.Helper()
	c, err := net.Dial("tcp", listen(t).Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c.LocalAddr().String()
}

func TestEitherSideMayEndFirst(t *testing.T) {
	t.Parallel()
	d := openNode(t)
	s := newProxyTest(t, d)
	client := s.call()
	node := s.at(d)
	s.say(client, "question")
	s.end(client)
	s.hears(node, "question")
	s.say(node, "answer")
	s.end(node)
	s.hears(client, "answer")

	client = s.call()
	node = s.at(d)
	s.say(node, "goodbye")
	s.end(node)
	s.hears(client, "goodbye")
	s.say(client, "thanks")
	s.end(client)
	s.hears(node, "thanks")
}

// TestAnEndOutOfOrderEndsBothSides: no side waits for the other after a crash.
func TestAnEndOutOfOrderEndsBothSides(t *testing.T) {
	t.Parallel()
	d := openNode(t)
	s := newProxyTest(t, d)
	for _, clientCrashes := range []bool{true, false} {
		crashing, left := s.call(), s.at(d)
		if !clientCrashes {
			crashing, left = left, crashing
		}
		if err := crashing.SetLinger(0); err != nil { // closing sends a reset
			t.Fatal(err)
		}
		crashing.Close()
		if n, err := left.Read(make([]byte, 1)); err == nil || isTimeout(err) {
			t.Errorf("client crashes %v: the other side reads %d bytes, %v", clientCrashes, n, err)
		}
	}
}

func isTimeout(err error) bool {
	n, ok := err.(net.Error)
	return ok && n.Timeout()
}

// TestAClientThatStaysBehindIsLetGo: the node has closed its side, as the system does for a process that dies.
func TestAClientThatStaysBehindIsLetGo(t *testing.T) {
	t.Parallel()
	d := openNode(t)
	s := newProxyTest(t)
	s.p.linger = time.Millisecond
	s.p.add(d.Addr().String())
	s.call()
	node := s.at(d)
	s.end(node)
	s.hears(node, "")
}

func TestCloseEndsWhatIsOpen(t *testing.T) {
	t.Parallel()
	d := openNode(t)
	s := newProxyTest(t, d)
	client, node := s.call(), s.at(d)
	asking, asked := s.call(), s.at(d)
	s.end(asking) // the client still waits for an answer
	s.hears(asked, "")
	s.p.close()
	for _, c := range []*net.TCPConn{client, node, asking} {
		s.hears(c, "")
	}
}
