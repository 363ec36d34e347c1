package otelchanx_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/otelchanx"
)

// newTelemetryOf returns an Observer that reports to the reader, and makes no spans.
func newTelemetryOf(reader *metric.ManualReader) *telemetry {
	meters := metric.NewMeterProvider(metric.WithReader(reader))
	return &telemetry{reader: reader, Observer: otelchanx.New(&otelchanx.Options{MeterProvider: meters})}
}

func expectMetrics(t *testing.T, k *telemetry, when string, want ...string) {
	t.Helper()
	if got := k.metrics(t); !slices.Equal(got, want) {
		t.Errorf("%s: got %q, want %q", when, got, want)
	}
}

// TestInstruments: names, units and kinds of metrics are what dashboards of users refer to.
func TestInstruments(t *testing.T) {
	k := newTelemetryOf(metric.NewManualReader())
	k.Out(nil, "say", 5)
	k.Drop(nil, chanx.DropGaps, 1)
	_, done := k.In(t.Context(), &chanx.Call{Action: "say"})
	done(nil)
	k.Publish(t.Context(), &chanx.Publication{Action: "say"})(nil)
	var all metricdata.ResourceMetrics
	if err := k.reader.Collect(t.Context(), &all); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range all.ScopeMetrics[0].Metrics {
		kind := fmt.Sprintf("%T", m.Data)
		if sum, ok := m.Data.(metricdata.Sum[int64]); ok {
			kind = fmt.Sprint(sum.Temporality, " ", sum.IsMonotonic)
		}
		got = append(got, fmt.Sprintf("%s [%s] %s: %s", m.Name, m.Unit, m.Description, kind))
	}
	slices.Sort(got)
	want := []string{
		"chanx.drops [{drop}] What was discarded, by what it was.: CumulativeTemporality true",
		"chanx.handler.duration [s] Time of handlers, middleware included.: metricdata.Histogram[float64]",
		"chanx.publish.duration [s] Time until the channel layer had a publication.: metricdata.Histogram[float64]",
		"chanx.sent.bytes [By] Bytes of these frames.: CumulativeTemporality true",
		"chanx.sent.messages [{message}] Frames put into the queues of connections.: CumulativeTemporality true",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

// TestADeltaReaderGetsWhatWasSentSince the previous collection.
func TestADeltaReaderGetsWhatWasSentSince(t *testing.T) {
	delta := func(metric.InstrumentKind) metricdata.Temporality { return metricdata.DeltaTemporality }
	k := newTelemetryOf(metric.NewManualReader(metric.WithTemporalitySelector(delta)))
	k.Out(nil, "say", 5)
	k.Out(nil, "say", 6)
	expectMetrics(t, k, "at first", "sent.bytes action=say: 11", "sent.messages action=say: 2")
	k.Out(nil, "say", 7)
	k.Out(nil, "rang", 3)
	expectMetrics(t, k, "then",
		"sent.bytes action=rang: 3", "sent.bytes action=say: 7", "sent.messages action=rang: 1", "sent.messages action=say: 1")
}

// TestEachReaderGetsAllSentFrames although both read the same counters.
func TestEachReaderGetsAllSentFrames(t *testing.T) {
	readers := []*metric.ManualReader{metric.NewManualReader(), metric.NewManualReader()}
	meters := metric.NewMeterProvider(metric.WithReader(readers[0]), metric.WithReader(readers[1]))
	o := otelchanx.New(&otelchanx.Options{MeterProvider: meters})
	o.Out(nil, "say", 5)
	for _, r := range readers {
		expectMetrics(t, &telemetry{reader: r}, "a reader", "sent.bytes action=say: 5", "sent.messages action=say: 1")
	}
}

// TestObserversOfOneMeterProviderAddUp until they are unregistered.
func TestObserversOfOneMeterProviderAddUp(t *testing.T) {
	reader := metric.NewManualReader()
	meters := metric.NewMeterProvider(metric.WithReader(reader))
	a := &telemetry{reader: reader, Observer: otelchanx.New(&otelchanx.Options{MeterProvider: meters})}
	b := otelchanx.New(&otelchanx.Options{MeterProvider: meters})
	a.Out(nil, "say", 5)
	b.Out(nil, "say", 6)
	expectMetrics(t, a, "both", "sent.bytes action=say: 11", "sent.messages action=say: 2")
	for range 2 {
		if err := b.Unregister(); err != nil {
			t.Error(err)
		}
	}
	b.Out(nil, "say", 7)
	expectMetrics(t, a, "one", "sent.bytes action=say: 5", "sent.messages action=say: 1")
}

// TestSentNamesAreBounded although a Raw message may have any action.
func TestSentNamesAreBounded(t *testing.T) {
	k := newTelemetry()
	for n := range 2000 {
		k.Out(nil, fmt.Sprint("raw ", n), 10)
	}
	got := k.metrics(t)
	if len(got) != 2*501 || !slices.Contains(got, "sent.messages action=_OTHER: 1500") || !slices.Contains(got, "sent.bytes action=_OTHER: 15000") {
		t.Errorf("%d series", len(got))
	}
}

// TestNoFrameIsLost if goroutines send, meet new actions and collect at the same time.
func TestNoFrameIsLost(t *testing.T) {
	k := newTelemetry()
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for n := range 1000 {
				k.Out(nil, fmt.Sprint("raw ", n%4), 3)
			}
		})
	}
	all.Go(func() {
		for range 20 {
			_ = k.metrics(t)
		}
	})
	all.Wait()
	var want []string
	for n := range 4 {
		want = append(want, fmt.Sprintf("sent.bytes action=raw %d: 3000", n), fmt.Sprintf("sent.messages action=raw %d: 1000", n))
	}
	slices.Sort(want)
	expectMetrics(t, k, "at the end", want...)
}

// TestASentFrameIsCountedWithoutAllocating, for there may be millions.
func TestASentFrameIsCountedWithoutAllocating(t *testing.T) {
	k := newTelemetry()
	if n := testing.AllocsPerRun(100, func() { k.Out(nil, "say", 5) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// BenchmarkOut measures a sent frame.
func BenchmarkOut(b *testing.B) {
	o := newTelemetryOf(metric.NewManualReader())
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			o.Out(nil, "say", 100)
		}
	})
}
