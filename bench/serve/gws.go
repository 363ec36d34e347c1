package serve

import (
	"net/http"

	"github.com/lxzan/gws"
)

var gwsServer = &Server{
	Name: "gws", Does: "bytes only: the text is passed on unread; UTF-8 is checked", Uses: "github.com/lxzan/gws", Deflates: true,
	handler: gwsHandler(func(p []byte) ([]byte, error) { return p, nil }), talk: same,
}

// gwsRoom answers with the result of work for a message.
type gwsRoom struct {
	gws.BuiltinEventHandler
	room *room[*gws.Conn]
	work func([]byte) ([]byte, error)
}

func gwsHandler(work func([]byte) ([]byte, error)) func(Options) (http.Handler, error) {
	return func(o Options) (http.Handler, error) {
		g := &gwsRoom{room: newRoom[*gws.Conn](), work: work}
		up := gws.NewUpgrader(g, &gws.ServerOption{
			CheckUtf8Enabled: true, PermessageDeflate: gws.PermessageDeflate{Enabled: o.Deflate, Threshold: 1},
		})
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			c, err := up.Upgrade(w, r)
			if err != nil {
				complain(err)
				return
			}
			go c.ReadLoop()
		}), nil
	}
}

func (g *gwsRoom) OnOpen(c *gws.Conn)           { g.room.join(c) }
func (g *gwsRoom) OnClose(c *gws.Conn, _ error) { g.room.leave(c) }

func (g *gwsRoom) OnMessage(c *gws.Conn, m *gws.Message) {
	defer m.Close()
	text, err := g.work(m.Bytes())
	if err != nil {
		complain(err)
		return
	}
	if isEcho(m.Bytes()) {
		if err := c.WriteMessage(gws.OpcodeText, text); err != nil {
			complain(err)
		}
		return
	}
	b := gws.NewBroadcaster(gws.OpcodeText, text)
	defer b.Close()
	g.room.each(func(c *gws.Conn) {
		if err := b.Broadcast(c); err != nil {
			complain(err)
		}
	})
}
