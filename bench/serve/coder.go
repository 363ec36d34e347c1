package serve

import (
	"context"
	"net/http"

	"github.com/coder/websocket"
)

var coderServer = &Server{
	Name: "coder", Does: "bytes only; for a chat a queue and a writing goroutine for each connection, as in its chat example",
	Uses: "github.com/coder/websocket", handler: coderHandler, talk: same,
}

type coderConn struct {
	ws    *websocket.Conn
	queue chan []byte
	done  chan struct{}
}

func coderHandler(Options) (http.Handler, error) {
	r := newRoom[*coderConn]()
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		ws, err := websocket.Accept(w, req, nil)
		if err != nil {
			complain(err)
			return
		}
		c := &coderConn{ws: ws, queue: make(chan []byte, queueLength), done: make(chan struct{})}
		r.join(c)
		go c.pass()
		go c.serve(r)
	}), nil
}

func (c *coderConn) serve(r *room[*coderConn]) {
	defer c.ws.CloseNow()
	defer close(c.done)
	defer r.leave(c)
	for {
		_, p, err := c.ws.Read(context.Background())
		if err != nil {
			return
		}
		if isEcho(p) {
			if err := c.write(p); err != nil {
				complain(err)
				return
			}
			continue
		}
		r.each(func(c *coderConn) {
			select {
			case c.queue <- p:
			case <-c.done:
			}
		})
	}
}

// pass writes the messages of the queue.
func (c *coderConn) pass() {
	for {
		select {
		case p := <-c.queue:
			if c.write(p) != nil {
				return // the reader gets the error too
			}
		case <-c.done:
			return
		}
	}
}

func (c *coderConn) write(p []byte) error {
	ctx, cancel := context.WithTimeout(context.Background(), writeTimeout)
	defer cancel()
	return c.ws.Write(ctx, websocket.MessageText, p)
}
