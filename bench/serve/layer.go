package serve

import (
	"context"
	"time"

	"github.com/chanx-go/chanx/layer"
	"github.com/chanx-go/chanx/natslayer"
	"github.com/chanx-go/chanx/redislayer"
)

const connectTimeout = 10 * time.Second

// connectLayer returns a layer over a broker; nil is the one inside a process.
func connectLayer(a Address) (layer.Layer, error) {
	ctx, cancel := context.WithTimeout(context.Background(), connectTimeout)
	defer cancel()
	switch a.Kind {
	case NATS:
		return natslayer.Connect(ctx, a.URL, nil)
	case Redis:
		return redislayer.Connect(ctx, a.URL, nil)
	}
	return nil, nil
}
