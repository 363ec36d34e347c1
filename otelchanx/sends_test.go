package otelchanx_test

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/sdk/metric"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/otelchanx"
)

// deriving is the least that an Observer with spans does: it passes on another context.
type deriving struct{ chanx.NopObserver }

func (deriving) In(ctx context.Context, _ *chanx.Call) (context.Context, func(error)) {
	return context.WithValue(ctx, deriving{}, true), nil
}

// BenchmarkSends compares a handler that sends 16 messages with and without an Observer, over TCP. Both take turns, and
// their medians are compared, so that the ratio holds on a busy machine.
func BenchmarkSends(b *testing.B) {
	for name, o := range map[string]chanx.Observer{
		"derived":   deriving{},
		"otelchanx": otelchanx.New(&otelchanx.Options{MeterProvider: metric.NewMeterProvider(metric.WithReader(metric.NewManualReader()))}),
	} {
		b.Run(name, func(b *testing.B) {
			plain, observed := dialSends(b, nil), dialSends(b, o)
			var with, without []time.Duration
			for b.Loop() {
				without = append(without, plain.ask(b))
				with = append(with, observed.ask(b))
			}
			b.ReportMetric(median(without), "plain-ns/op")
			b.ReportMetric(median(with), "observed-ns/op")
			b.ReportMetric(median(with)/median(without), "ratio")
		})
	}
}

// median returns nanoseconds.
func median(all []time.Duration) float64 {
	slices.Sort(all)
	return float64(all[len(all)/2])
}

// sender is a client of a server that answers each message with 16.
type sender struct {
	nc     net.Conn
	r      *bufio.Reader
	answer []byte
}

const sends, sentFrame = 16, `{"action":"rang","payload":{"text":"Good morning, is anybody there?"}}`

func dialSends(b *testing.B, o chanx.Observer) *sender {
	open := func(c *chanx.Conn, _ *http.Request) (*visit, error) { return &visit{c}, nil }
	c := chanx.NewConsumer(open, nil)
	chanx.Sends[rang](c)
	chanx.On(c, func(v *visit, ctx context.Context, m say) error {
		for range sends {
			if err := v.Send(ctx, rang(m)); err != nil {
				return err
			}
		}
		return nil
	})
	srv := chanx.NewServer(&chanx.ServerOptions{Observer: o, Logger: slog.New(slog.DiscardHandler)})
	srv.Handle("/ws", c)
	host := httptest.NewServer(srv)
	b.Cleanup(host.Close)
	b.Cleanup(func() { _ = srv.Shutdown(context.Background()) }) // the client does not answer the Close frame
	nc, err := net.Dial("tcp", strings.TrimPrefix(host.URL, "http://"))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = nc.Close() })
	r := bufio.NewReader(nc)
	if _, err := io.WriteString(nc, "GET /ws HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"); err != nil {
		b.Fatal(err)
	}
	if res, err := http.ReadResponse(r, nil); err != nil || res.StatusCode != http.StatusSwitchingProtocols {
		b.Fatal(res, err)
	}
	return &sender{nc, r, make([]byte, sends*(2+len(sentFrame)))}
}

// ask sends a message and returns how long its answers took.
func (s *sender) ask(b *testing.B) time.Duration {
	const text = `{"action":"say","payload":{"text":"Good morning, is anybody there?"}}`
	begin := time.Now()
	if _, err := s.nc.Write(append([]byte{0x81, 0x80 | byte(len(text)), 0, 0, 0, 0}, text...)); err != nil { // masked with zeros
		b.Fatal(err)
	}
	if _, err := io.ReadFull(s.r, s.answer); err != nil {
		b.Fatal(err)
	}
	return time.Since(begin)
}
