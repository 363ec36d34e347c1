package serve

import (
	"context"
	"net/http"

	"github.com/centrifugal/centrifuge"

	"github.com/chanx-go/chanx/bench/load"
)

var centrifugeServer = &Server{
	Name: "centrifuge", Does: "its JSON protocol; the payload is passed on unread: an echo is an RPC, a chat a publication",
	Uses: "github.com/centrifugal/centrifuge", Deflates: true, Brokers: []string{Redis}, handler: centrifugeHandler, talk: centrifugeTalk,
}

const centrifugeRoom = "room"

func centrifugeHandler(o Options) (http.Handler, error) {
	node, err := centrifuge.New(centrifuge.Config{})
	if err != nil {
		return nil, err
	}
	if o.Broker.Kind == Redis {
		if err := useRedis(node, o.Broker.URL); err != nil {
			return nil, err
		}
	}
	node.OnConnecting(func(context.Context, centrifuge.ConnectEvent) (centrifuge.ConnectReply, error) {
		return centrifuge.ConnectReply{
			Credentials:   &centrifuge.Credentials{},
			Subscriptions: map[string]centrifuge.SubscribeOptions{centrifugeRoom: {}},
		}, nil
	})
	node.OnConnect(func(c *centrifuge.Client) {
		c.OnRPC(func(e centrifuge.RPCEvent, reply centrifuge.RPCCallback) {
			reply(centrifuge.RPCReply{Data: e.Data}, nil)
		})
		c.OnPublish(func(_ centrifuge.PublishEvent, reply centrifuge.PublishCallback) {
			reply(centrifuge.PublishReply{}, nil)
		})
	})
	if err := node.Run(); err != nil {
		return nil, err
	}
	c := centrifuge.WebsocketConfig{Compression: o.Deflate}
	if o.PingInterval > 0 {
		c.PingPongConfig = centrifuge.PingPongConfig{PingInterval: o.PingInterval, PongTimeout: o.PingInterval * 4 / 5}
	}
	return centrifuge.NewWebsocketHandler(node, c), nil
}

func useRedis(node *centrifuge.Node, url string) error {
	shard, err := centrifuge.NewRedisShard(node, centrifuge.RedisShardConfig{Address: url})
	if err != nil {
		return err
	}
	b, err := centrifuge.NewRedisBroker(node, centrifuge.RedisBrokerConfig{Shards: []*centrifuge.RedisShard{shard}})
	if err != nil {
		return err
	}
	node.SetBroker(b)
	return nil
}

func centrifugeTalk(size int) load.Talk {
	echo, chat := message("echo", size), message("chat", size)
	return load.Talk{
		Hello: `{"id":1,"connect":{}}`, Welcome: `{"id":1,"connect":{`, Heartbeat: `{}`, Lines: true,
		Echo: load.Exchange{
			Send: `{"id":2,"rpc":{"method":"echo","data":` + echo + `}}`,
			Want: `{"id":2,"rpc":{"data":` + echo + `}}`,
		},
		Say: load.Exchange{
			Send: `{"id":3,"publish":{"channel":"` + centrifugeRoom + `","data":` + chat + `}}`,
			Want: `{"push":{"channel":"` + centrifugeRoom + `","pub":{"data":` + chat + `}}}`,
			Ack:  `{"id":3,"publish":{}}`,
		},
	}
}
