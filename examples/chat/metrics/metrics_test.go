package metrics_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/goleak"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/examples/chat/metrics"
)

// TestMain fails the run if a goroutine is left.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func stats() chanx.Stats {
	return chanx.Stats{
		Connections: 3, Groups: 2, QueuedBytes: 1 << 40,
		Refused: map[string]uint64{"invalid": 5},
		Drops:   map[chanx.DropReason]uint64{chanx.DropFramesUndelivered: 6},
		In:      map[string]chanx.HandledStats{"chat": {Count: 7, Failed: 1, Time: 1500 * time.Millisecond}},
		Events:  map[string]chanx.HandledStats{`"notify`: {Count: 8, Failed: 2, Time: time.Microsecond}},
		Out:     map[string]chanx.SentStats{"chat_group": {Count: 9, Bytes: 1234}},
	}
}

const want = `
# HELP chanx_connections Connections that are open, or on their way in or out.
# TYPE chanx_connections gauge
chanx_connections 3
# HELP chanx_drops_total What was discarded, in the unit of each reason.
# TYPE chanx_drops_total counter
chanx_drops_total{reason="frames_undelivered"} 6
# HELP chanx_event_handler_failures_total Handlers of events that failed.
# TYPE chanx_event_handler_failures_total counter
chanx_event_handler_failures_total{event="\"notify"} 2
# HELP chanx_event_handler_seconds_total Time of handlers of events, an estimate by samples.
# TYPE chanx_event_handler_seconds_total counter
chanx_event_handler_seconds_total{event="\"notify"} 1e-06
# HELP chanx_events_received_total Events that a handler got, for each connection.
# TYPE chanx_events_received_total counter
chanx_events_received_total{event="\"notify"} 8
# HELP chanx_groups Groups that have members on this node.
# TYPE chanx_groups gauge
chanx_groups 2
# HELP chanx_handler_failures_total Handlers of messages that failed.
# TYPE chanx_handler_failures_total counter
chanx_handler_failures_total{action="chat"} 1
# HELP chanx_handler_seconds_total Time of handlers of messages, an estimate by samples.
# TYPE chanx_handler_seconds_total counter
chanx_handler_seconds_total{action="chat"} 1.5
# HELP chanx_messages_received_total Messages of clients that a handler got.
# TYPE chanx_messages_received_total counter
chanx_messages_received_total{action="chat"} 7
# HELP chanx_messages_refused_total Messages and events that no handler got, by the reason sent to the client.
# TYPE chanx_messages_refused_total counter
chanx_messages_refused_total{reason="invalid"} 5
# HELP chanx_messages_sent_total Messages that went into the queues of connections.
# TYPE chanx_messages_sent_total counter
chanx_messages_sent_total{action="chat_group"} 9
# HELP chanx_queued_bytes Bytes that wait for clients to take them.
# TYPE chanx_queued_bytes gauge
chanx_queued_bytes 1.099511627776e+12
# HELP chanx_sent_bytes_total Bytes of these messages, uncompressed.
# TYPE chanx_sent_bytes_total counter
chanx_sent_bytes_total{action="chat_group"} 1234
`

func TestAllNumbersAreShown(t *testing.T) {
	t.Parallel()
	if err := testutil.CollectAndCompare(metrics.Collector(stats), strings.NewReader(want)); err != nil {
		t.Error(err)
	}
	w := httptest.NewRecorder()
	metrics.Handler(stats).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	if got := w.Body.String(); w.Code != http.StatusOK || got != strings.TrimPrefix(want, "\n") {
		t.Errorf("status %d\n%s", w.Code, got)
	}
}

// TestNamesAreAsPrometheusWantsThem uses the linter of Prometheus.
func TestNamesAreAsPrometheusWantsThem(t *testing.T) {
	t.Parallel()
	problems, err := testutil.CollectAndLint(metrics.Collector(stats))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}
