package otelchanx_test

import (
	"net/http"

	"go.opentelemetry.io/otel/sdk/metric"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/otelchanx"
)

// A server whose metrics a reader collects, and that makes no traces.
func Example() {
	reader := metric.NewManualReader() // or one that exports, such as that of Prometheus
	meters := metric.NewMeterProvider(metric.WithReader(reader))

	srv := chanx.NewServer(&chanx.ServerOptions{
		Observer: otelchanx.New(&otelchanx.Options{MeterProvider: meters}),
	})
	http.Handle("/ws/", srv)
}
