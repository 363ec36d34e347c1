package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"
)

var servingMetrics = regexp.MustCompile(`msg="serving metrics" url=(\S+)`)

// TestMetrics reads the metrics of a conversation from their separate address.
func TestMetrics(t *testing.T) {
	t.Parallel()
	p := start(t, "-metrics", "127.0.0.1:0")
	m := servingMetrics.FindStringSubmatch(p.log.String())
	if m == nil {
		t.Fatalf("the log does not say where metrics are: %s", p.log)
	}
	v := newVisitor(t)
	v.login(p, "Ann")
	lobby := v.enter(p, "lobby")
	lobby.until("user_joined")
	lobby.send(`{"action":"chat"}`)
	lobby.until("error")
	lobby.send(`{"action":"chat","payload":{"content":"hi"}}`)
	said := lobby.until("chat_group")
	v.expect(http.StatusNotFound, p.url+"/metrics", nil)
	v.expect(http.StatusMethodNotAllowed, m[1], map[string][]string{})
	v.expect(http.StatusNotFound, strings.TrimSuffix(m[1], "metrics"), nil)

	want := `
# HELP chanx_connections Connections that are open, or on their way in or out.
# TYPE chanx_connections gauge
chanx_connections 1
# HELP chanx_events_received_total Events that a handler got, for each connection.
# TYPE chanx_events_received_total counter
chanx_events_received_total{event="logout"} 0
chanx_events_received_total{event="notify"} 0
# HELP chanx_groups Groups that have members on this node.
# TYPE chanx_groups gauge
chanx_groups 1
# HELP chanx_messages_received_total Messages of clients that a handler got.
# TYPE chanx_messages_received_total counter
chanx_messages_received_total{action="chat"} 1
chanx_messages_received_total{action="ping"} 0
chanx_messages_received_total{action="typing"} 0
`
	names := []string{"chanx_connections", "chanx_events_received_total", "chanx_groups", "chanx_messages_received_total"}
	if err := testutil.ScrapeAndCompare(m[1], strings.NewReader(want), names...); err != nil {
		t.Error(err)
	}
	shown := scrape(t, v, m[1])
	for _, line := range []string{
		`chanx_messages_refused_total{reason="invalid"} 1`,
		`chanx_messages_sent_total{action="error"} 1`,
		`chanx_messages_sent_total{action="chat_group"} 1`,
		"chanx_sent_bytes_total{action=\"chat_group\"} " + fmt.Sprint(len(said)),
		"chanx_queued_bytes 0",
	} {
		if !strings.Contains(shown, "\n"+line+"\n") {
			t.Errorf("no line %s in\n%s", line, shown)
		}
	}
}

func scrape(t *testing.T, v visitor, url string) string {
	t.Helper()
	res, err := v.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(res.Body)
	if err := errors.Join(err, res.Body.Close()); err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestWithoutTheFlagThereAreNoMetrics: neither address serves metrics.
func TestWithoutTheFlagThereAreNoMetrics(t *testing.T) {
	t.Parallel()
	p := start(t)
	newVisitor(t).expect(http.StatusNotFound, p.url+"/metrics", nil)
	if servingMetrics.MatchString(p.log.String()) {
		t.Errorf("they are served: %s", p.log)
	}
}

// TestAnAddressOfMetricsThatIsTaken is an error before anything else starts. Both addresses are free after the server has
// ended. The test is not parallel, because another test could get one of its ports.
func TestAnAddressOfMetricsThatIsTaken(t *testing.T) {
	p := start(t, "-metrics", "127.0.0.1:0")
	m := servingMetrics.FindStringSubmatch(p.log.String())
	if m == nil {
		t.Fatalf("the log does not say where metrics are: %s", p.log)
	}
	addr := strings.TrimSuffix(strings.TrimPrefix(m[1], "http://"), "/metrics")
	err := run(t.Context(), []string{"-addr", "127.0.0.1:0", "-metrics", addr}, &bytes.Buffer{})
	if !errors.Is(err, syscall.EADDRINUSE) || !strings.Contains(err.Error(), "-metrics") {
		t.Errorf("run = %v, want that the address is in use", err)
	}
	p.stop(t)
	for range 2 { // a server that ends, and one that fails to start, because the folder of its key is missing
		l, err := net.Listen("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		if err := run(t.Context(), []string{"-addr", "127.0.0.1:0", "-metrics", addr, "-key", t.TempDir() + "/absent/key"}, &bytes.Buffer{}); err == nil {
			t.Error("a key in no folder is no error")
		}
	}
}
