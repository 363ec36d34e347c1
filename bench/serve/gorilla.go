package serve

import (
	"net/http"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

var gorillaServer = &Server{
	Name: "gorilla", Does: "bytes only; for a chat a queue and a writing goroutine for each connection, as in its chat example",
	Uses: "github.com/gorilla/websocket", handler: gorillaHandler, talk: same,
}

const (
	queueLength  = 256
	writeTimeout = 10 * time.Second
)

type gorillaConn struct {
	ws    *websocket.Conn
	mu    sync.Mutex // held for writing: both the reader and pass write
	queue chan *websocket.PreparedMessage
	done  chan struct{}
}

func gorillaHandler(Options) (http.Handler, error) {
	up := &websocket.Upgrader{}
	r := newRoom[*gorillaConn]()
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		ws, err := up.Upgrade(w, req, nil)
		if err != nil {
			complain(err)
			return
		}
		ws.SetReadLimit(64 << 10)
		c := &gorillaConn{ws: ws, queue: make(chan *websocket.PreparedMessage, queueLength), done: make(chan struct{})}
		r.join(c)
		go c.pass()
		go c.serve(r)
	}), nil
}

func (c *gorillaConn) serve(r *room[*gorillaConn]) {
	defer c.ws.Close()
	defer close(c.done)
	defer r.leave(c)
	for {
		_, p, err := c.ws.ReadMessage()
		if err != nil {
			return
		}
		if isEcho(p) {
			err = c.write(func() error { return c.ws.WriteMessage(websocket.TextMessage, p) })
		} else {
			err = c.tell(r, p)
		}
		if err != nil {
			complain(err)
			return
		}
	}
}

func (c *gorillaConn) tell(r *room[*gorillaConn], p []byte) error {
	m, err := websocket.NewPreparedMessage(websocket.TextMessage, p)
	if err != nil {
		return err
	}
	r.each(func(c *gorillaConn) {
		select {
		case c.queue <- m:
		case <-c.done:
		}
	})
	return nil
}

// pass writes the messages of the queue.
func (c *gorillaConn) pass() {
	for {
		select {
		case m := <-c.queue:
			if c.write(func() error { return c.ws.WritePreparedMessage(m) }) != nil {
				return // the reader gets the error too
			}
		case <-c.done:
			return
		}
	}
}

func (c *gorillaConn) write(do func() error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.ws.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return err
	}
	return do()
}
