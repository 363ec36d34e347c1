// Package metrics exports the statistics of a chanx server to Prometheus.
package metrics

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/chanx-go/chanx"
)

// maxScrapes is the maximum number of concurrent scrapes: each one visits all connections.
const maxScrapes = 4

// Handler exports the statistics that stats returns, and nothing else: it has its own registry.
func Handler(stats func() chanx.Stats) http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(Collector(stats))
	return promhttp.HandlerFor(registry, promhttp.HandlerOpts{MaxRequestsInFlight: maxScrapes})
}

// Collector reads the statistics at each scrape. It stores none, and costs nothing between scrapes.
func Collector(stats func() chanx.Stats) prometheus.Collector { return collector(stats) }

type collector func() chanx.Stats

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("chanx_"+name, help, labels, nil)
}

var (
	connections = desc("connections", "Connections that are open, or on their way in or out.")
	groups      = desc("groups", "Groups that have members on this node.")
	queued      = desc("queued_bytes", "Bytes that wait for clients to take them.")
	refused     = desc("messages_refused_total", "Messages and events that no handler got, by the reason sent to the client.", "reason")
	dropped     = desc("drops_total", "What was discarded, in the unit of each reason.", "reason")
	sent        = desc("messages_sent_total", "Messages that went into the queues of connections.", "action")
	sentBytes   = desc("sent_bytes_total", "Bytes of these messages, uncompressed.", "action")

	messages = handled{
		desc("messages_received_total", "Messages of clients that a handler got.", "action"),
		desc("handler_failures_total", "Handlers of messages that failed.", "action"),
		desc("handler_seconds_total", "Time of handlers of messages, an estimate by samples.", "action"),
	}
	events = handled{
		desc("events_received_total", "Events that a handler got, for each connection.", "event"),
		desc("event_handler_failures_total", "Handlers of events that failed.", "event"),
		desc("event_handler_seconds_total", "Time of handlers of events, an estimate by samples.", "event"),
	}
)

// handled describes chanx.HandledStats.
type handled struct{ count, failed, seconds *prometheus.Desc }

// Describe implements prometheus.Collector.
func (c collector) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{connections, groups, queued, refused, dropped, sent, sentBytes} {
		to <- d
	}
	for _, h := range []handled{messages, events} {
		to <- h.count
		to <- h.failed
		to <- h.seconds
	}
}

// Collect implements prometheus.Collector.
func (c collector) Collect(to chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64) { to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v) }
	counter := func(d *prometheus.Desc, v float64, label string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, v, label)
	}
	s := c()
	gauge(connections, float64(s.Connections))
	gauge(groups, float64(s.Groups))
	gauge(queued, float64(s.QueuedBytes))
	for reason, n := range s.Refused {
		counter(refused, float64(n), reason)
	}
	for reason, n := range s.Drops {
		counter(dropped, float64(n), string(reason))
	}
	for action, n := range s.Out {
		counter(sent, float64(n.Count), action)
		counter(sentBytes, float64(n.Bytes), action)
	}
	counters := func(h handled, all map[string]chanx.HandledStats) {
		for name, n := range all {
			counter(h.count, float64(n.Count), name)
			counter(h.failed, float64(n.Failed), name)
			counter(h.seconds, n.Time.Seconds(), name)
		}
	}
	counters(messages, s.In)
	counters(events, s.Events)
}
