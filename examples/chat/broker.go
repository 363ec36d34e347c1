package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/examples/chat/login"
	"github.com/chanx-go/chanx/layer"
	"github.com/chanx-go/chanx/layer/memlayer"
	"github.com/chanx-go/chanx/natslayer"
	"github.com/chanx-go/chanx/redislayer"
)

// broker connects this server with others.
type broker interface {
	layer.Layer
	Close()
}

// connect connects to the broker of a URL. The empty URL is a broker in this process. Errors do not quote the URL, because
// it may contain a password.
func connect(ctx context.Context, url string) (broker, error) {
	if url == "" {
		return localBroker{memlayer.New()}, nil
	}
	scheme, _, found := strings.Cut(url, "://")
	switch {
	case found && (scheme == "nats" || scheme == "tls"):
		return natslayer.Connect(ctx, url, nil)
	case found && (scheme == "redis" || scheme == "rediss" || scheme == "unix"):
		return redislayer.Connect(ctx, url, nil)
	}
	return nil, errors.New("-layer is not the URL of a broker: it must begin with nats:// or tls:// for NATS, redis://, rediss:// or unix:// for Redis")
}

// localBroker is a broker that connects to no other server.
type localBroker struct{ *memlayer.Layer }

// Close implements broker.
func (localBroker) Close() {}

// layerAuth returns the keys in a file; servers that share the file trust each other only. Without a file they trust
// everyone on the broker.
func layerAuth(file string) (chanx.LayerAuth, error) {
	if file == "" {
		return chanx.LayerAuth{}, nil
	}
	key, err := login.LoadKey(file)
	if err != nil {
		return chanx.LayerAuth{}, fmt.Errorf("-layer-key: %w", err)
	}
	return chanx.LayerAuth{Keys: [][]byte{key}}, nil
}
