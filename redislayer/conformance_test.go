package redislayer_test

import (
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/chanx-go/chanx/layer"
	"github.com/chanx-go/chanx/layer/layertest"
	"github.com/chanx-go/chanx/redislayer"
)

func connect(t testing.TB, url string, o *redislayer.Options) *redislayer.Layer {
	t.Helper()
	l, err := redislayer.Connect(t.Context(), url, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	return l
}

// broker is a group of servers, with or without proxies in front of them.
type broker interface {
	url() string
	stop()
	start(t *testing.T)
	pause(t *testing.T) // the broker answers nothing until resume
	resume(t *testing.T)
	nodes() servers // the servers themselves
}

func conform(t *testing.T, all broker, o *redislayer.Options) {
	layertest.Run(t, func(t *testing.T) layer.Layer { return connect(t, all.url(), o) }, layertest.Features{
		Isolated:      true,
		Wait:          testTimeout,
		Down:          func(*testing.T, layer.Layer) { all.stop() },
		Up:            func(t *testing.T, _ layer.Layer) { all.start(t) },
		Freeze:        func(t *testing.T, _ layer.Layer) { all.pause(t) },
		Thaw:          func(t *testing.T, _ layer.Layer) { all.resume(t) },
		ForeignClient: func(t *testing.T, _ layer.Layer) func(string, []byte) { return foreignClient(t, all.nodes(), o) },
		Goroutines: []goleak.Option{
			goleak.IgnoreAnyFunction("os/exec.(*Cmd).Wait"), // of the servers
			goleak.IgnoreAnyFunction("github.com/chanx-go/chanx/redislayer_test.(*proxy).accept"),
			// A closed rueidis client of a cluster leaves goroutines that sleep for up to five seconds before they end.
			// TestMain checks that they do.
			goleak.IgnoreAnyFunction("github.com/redis/rueidis.(*call).DelayDo.func1"),
			goleak.IgnoreAnyFunction("github.com/redis/rueidis.(*clusterClient)._refresh.func2"),
		},
	})
}

func TestConformance(t *testing.T)          { conform(t, servers{startServer(t)}, nil) }
func TestConformanceInCluster(t *testing.T) { conform(t, startGatedCluster(t), nil) }

func TestConformanceInClusterClassic(t *testing.T) {
	conform(t, startGatedCluster(t), &redislayer.Options{Classic: true})
}

// foreignClient returns a function that publishes directly at each server.
func foreignClient(t *testing.T, all servers, o *redislayer.Options) func(subject string, data []byte) {
	command, prefix := "PUBLISH", "chanx:"
	if len(all) > 1 && o == nil {
		command, prefix = "SPUBLISH", "chanx:{}"
	}
	return func(subject string, data []byte) {
		for _, s := range all {
			_, err := s.ask(command, prefix+subject, string(data))
			if err != nil && !strings.Contains(err.Error(), "MOVED") {
				t.Error(err)
			}
		}
	}
}
