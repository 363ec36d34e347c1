package otelchanx_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.uber.org/goleak"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/chanxtest"
	"github.com/chanx-go/chanx/layer/memlayer"
	"github.com/chanx-go/chanx/otelchanx"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type (
	say struct {
		Text string `json:"text" minLength:"1"`
	}
	rang struct {
		Text string `json:"text"`
	}
	visit struct{ *chanx.Conn }
)

func (say) Action() string  { return "say" }
func (rang) Event() string  { return "rang" }
func (rang) Action() string { return "rang" }

// newVisit broadcasts an event, or fails as the message requests.
func newVisit() *chanx.Consumer[visit] {
	open := func(c *chanx.Conn, _ *http.Request) (*visit, error) { return &visit{c}, nil }
	c := chanx.NewConsumer(open, &chanx.ConsumerOptions{Groups: []string{"all"}})
	chanx.On(c, func(v *visit, ctx context.Context, m say) error {
		switch m.Text {
		case "told":
			return chanx.NewError("full", "no room")
		case "cause":
			return fmt.Errorf("seat: %w", &chanx.Error{Reason: "taken", Cause: &chanx.CloseError{Code: 4000}})
		case "joined":
			return errors.Join(errors.New("broken"), chanx.Refuse(http.StatusForbidden, "members only"), context.Canceled)
		case "close":
			return &chanx.CloseError{Code: 4000}
		case "late":
			return fmt.Errorf("asking: %w", context.DeadlineExceeded)
		case "gone":
			return context.Canceled
		case "broken":
			return errors.New("broken")
		}
		return v.Emit(ctx, rang(m))
	})
	chanx.Forward[rang](c)
	return c
}

// telemetry collects metrics and spans.
type telemetry struct {
	spans  *tracetest.InMemoryExporter
	reader *metric.ManualReader
	*otelchanx.Observer
}

func newTelemetry() *telemetry {
	t := &telemetry{spans: tracetest.NewInMemoryExporter(), reader: metric.NewManualReader()}
	t.Observer = otelchanx.New(&otelchanx.Options{
		TracerProvider: trace.NewTracerProvider(trace.WithSyncer(t.spans)),
		MeterProvider:  metric.NewMeterProvider(metric.WithReader(t.reader)),
		Propagator:     propagation.TraceContext{},
	})
	return t
}

// metrics returns a line for each series: name, attributes, and sum or count.
func (k *telemetry) metrics(t *testing.T) []string {
	var all metricdata.ResourceMetrics
	if err := k.reader.Collect(t.Context(), &all); err != nil {
		t.Fatal(err)
	}
	var lines []string
	add := func(name string, set attribute.Set, n any) {
		var line strings.Builder
		line.WriteString(name)
		for _, a := range set.ToSlice() {
			fmt.Fprintf(&line, " %s=%s", strings.TrimPrefix(string(a.Key), "chanx."), a.Value.String())
		}
		lines = append(lines, fmt.Sprintf("%s: %v", line.String(), n))
	}
	for _, s := range all.ScopeMetrics {
		for _, m := range s.Metrics {
			name := strings.TrimPrefix(m.Name, "chanx.")
			switch d := m.Data.(type) {
			case metricdata.Sum[int64]:
				for _, p := range d.DataPoints {
					add(name, p.Attributes, p.Value)
				}
			case metricdata.Histogram[float64]:
				for _, p := range d.DataPoints {
					add(name, p.Attributes, p.Count)
				}
			}
		}
	}
	slices.Sort(lines)
	return lines
}

func serve(t *testing.T, k *telemetry, broker *memlayer.Layer) *chanx.Server {
	srv := chanx.NewServer(&chanx.ServerOptions{Layer: broker, Observer: k, Logger: slog.New(slog.NewTextHandler(io.Discard, nil))})
	srv.Handle("/ws", newVisit())
	return srv
}

func shutDown(t *testing.T, servers ...*chanx.Server) {
	for _, s := range servers {
		if err := s.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

// TestATraceReachesTheOtherNode: message, publication and both events have one trace.
func TestATraceReachesTheOtherNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, broker := newTelemetry(), memlayer.New()
		a, b := serve(t, k, broker), serve(t, k, broker)
		ann, bob := chanxtest.Dial(t, a, "/ws", nil), chanxtest.Dial(t, b, "/ws", nil)
		synctest.Wait()
		ann.SendRef(say{"hi"}, "7")
		chanxtest.ReceiveUntil[rang](ann)
		chanxtest.Receive[rang](bob)
		synctest.Wait()
		spans := k.spans.GetSpans()
		parents := map[string]string{}
		for _, s := range spans {
			parents[s.SpanContext.SpanID().String()] = s.Name
		}
		var got []string
		for _, s := range spans {
			if s.SpanContext.TraceID() != spans[0].SpanContext.TraceID() {
				t.Errorf("%s has a trace of its own", s.Name)
			}
			got = append(got, fmt.Sprintf("%s %s < %s", s.Name, s.SpanKind, parents[s.Parent.SpanID().String()]))
		}
		slices.Sort(got)
		want := []string{"publish rang producer < receive say", "receive rang consumer < publish rang", "receive rang consumer < publish rang", "receive say server < "}
		if !slices.Equal(got, want) {
			t.Errorf("got  %q\nwant %q", got, want)
		}
		shutDown(t, a, b)
	})
}

// TestMetrics distinguishes kinds of errors. The gauges end at their initial values.
func TestMetrics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newTelemetry()
		srv := serve(t, k, memlayer.New())
		c := chanxtest.Dial(t, srv, "/ws", nil)
		synctest.Wait()
		if got := k.metrics(t); !slices.Equal(got, []string{"connections: 1"}) {
			t.Errorf("at first: %q", got)
		}
		for _, text := range []string{"hi", "", "told", "cause", "joined", "late", "gone", "broken"} {
			c.Send(say{text})
		}
		if err := srv.Emit(t.Context(), rang{"hi"}, chanx.To("all")); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		for range c.Pending() {
			c.Next()
		}
		c.Send(say{"close"})
		c.ExpectClosed(4000)
		synctest.Wait()
		got := k.metrics(t)
		want := []string{
			"connections.closed close.code=4000: 1",
			"connections: 0",
			"handler.duration action=rang kind=event: 2",
			"handler.duration action=say kind=message error.type=4000: 1",
			"handler.duration action=say kind=message error.type=403: 1",
			"handler.duration action=say kind=message error.type=cancelled: 1",
			"handler.duration action=say kind=message error.type=full: 1",
			"handler.duration action=say kind=message error.type=internal: 1",
			"handler.duration action=say kind=message error.type=taken: 1",
			"handler.duration action=say kind=message error.type=timeout: 1",
			"handler.duration action=say kind=message: 1",
			"handler.duration kind=message error.type=validation: 1",
			"publish.duration action=rang kind=event: 2",
			"sent.bytes action=error: 591",
			"sent.bytes action=rang: 82",
			"sent.messages action=error: 7",
			"sent.messages action=rang: 2",
		}
		if !slices.Equal(got, want) {
			t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
		shutDown(t, srv)
	})
}

// TestDropsAreCounted by kind.
func TestDropsAreCounted(t *testing.T) {
	k := newTelemetry()
	k.Drop(nil, "gaps", 1)
	k.Drop(nil, "frames_droppable", 20)
	k.Drop(nil, "frames_droppable", 22)
	if got, want := k.metrics(t), []string{"drops drop=frames_droppable: 42", "drops drop=gaps: 1"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestNamesAreBounded: actions of clients and Raw messages cannot fill the memory.
func TestNamesAreBounded(t *testing.T) {
	k := newTelemetry()
	for n := range 2000 {
		k.Drop(nil, chanx.DropReason(fmt.Sprint("what ", n)), 1)
	}
	got := k.metrics(t)
	if len(got) != 501 || !slices.Contains(got, "drops drop=_OTHER: 1500") {
		t.Errorf("%d series", len(got))
	}
}

// TestZeroOptions uses the global providers, which do nothing here.
func TestZeroOptions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := chanx.NewServer(&chanx.ServerOptions{Observer: otelchanx.New(nil)})
		srv.Handle("/ws", newVisit())
		c := chanxtest.Dial(t, srv, "/ws", nil)
		c.Send(say{"hi"})
		chanxtest.Receive[rang](c)
		shutDown(t, srv)
	})
}

// BenchmarkIn measures a message with metrics and without traces.
func BenchmarkIn(b *testing.B) {
	o := otelchanx.New(&otelchanx.Options{MeterProvider: metric.NewMeterProvider(metric.WithReader(metric.NewManualReader()))})
	ctx, k := context.Background(), &chanx.Call{Action: "say"}
	b.ReportAllocs()
	for b.Loop() {
		_, done := o.In(ctx, k)
		done(nil)
	}
}
