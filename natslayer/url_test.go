package natslayer_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/chanx-go/chanx/layer"
	"github.com/chanx-go/chanx/natslayer"
)

// TestNoErrorQuotesCredentials fails to connect with URLs that contain credentials, most of them malformed.
func TestNoErrorQuotesCredentials(t *testing.T) {
	closedPort := fmt.Sprintf("127.0.0.1:%d", freePorts(t, 1)[0])
	for _, url := range []string{
		"nats://uSeR:SeCrEt@" + closedPort, "nats://uSeR:SeCrEt%zz@" + closedPort, "nats://uSeR:SeC/rEt@" + closedPort, "nats://uSeR:1/rEt@" + closedPort,
		"nats://uSeR:1?rEt@" + closedPort, "nats://uSeR:1#rEt@" + closedPort, "nats://uSeR:SeC rEt@" + closedPort, "nats://uSeR:SeCrEt\x01@" + closedPort,
		"nats://uSeR:SeC,rEt@" + closedPort, "nats://uSeR:1,rEt@" + closedPort, "nats://uSeR:SeC@rEt@" + closedPort, "uSeR:SeCrEt@" + closedPort,
		"uSeR:SeC%rEt@" + closedPort, "nats://SeCrEt@" + closedPort, "nats://" + closedPort + ",nats://uSeR:SeC%rEt@" + closedPort,
		"nats://" + closedPort + "?token=SeCrEt%", "nats://" + closedPort + "/?token=SeCrEt", "nats://uSeR:SeCrEt@", "nats://uSeR:SeCrEt@:port",
		"SeCrEt://uSeR:rEt@" + closedPort, "nats://[uSeR:SeCrEt@" + closedPort, "nats:uSeR:SeCrEt@" + closedPort, "//uSeR:SeCrEt@" + closedPort,
		"ws://uSeR:SeCrEt@" + closedPort + ",nats://uSeR:SeCrEt@" + closedPort, "tls://uSeR:SeCrEt@" + closedPort, "ws://uSeR:SeCrEt@" + closedPort,
	} {
		l, err := natslayer.Connect(t.Context(), url, nil)
		if err == nil {
			l.Close()
			t.Errorf("connected with %q", url)
			continue
		}
		for _, secret := range []string{"uSeR", "SeC", "rEt", "ReT"} {
			if strings.Contains(err.Error(), secret) {
				t.Errorf("%q: the error quotes %q: %v", url, secret, err)
			}
		}
	}
	servers := func(o *nats.Options) error {
		o.Servers = append(o.Servers, "nats://uSeR:SeCrEt%zz@"+closedPort)
		return nil
	}
	_, err := natslayer.Connect(t.Context(), "nats://"+closedPort, &natslayer.Options{NATS: []nats.Option{servers}})
	if err == nil || strings.Contains(err.Error(), "SeC") {
		t.Errorf("a bad URL in the options: %v", err)
	}
}

func TestConnectWithoutABroker(t *testing.T) {
	closedPort := fmt.Sprintf("127.0.0.1:%d", freePorts(t, 1)[0])
	for _, url := range []string{closedPort, "nats://" + closedPort, closedPort + ", nats://u:p@" + closedPort} {
		if _, err := natslayer.Connect(t.Context(), url, nil); !errors.Is(err, layer.ErrUnavailable) {
			t.Errorf("connect to %s: %v, want ErrUnavailable", url, err)
		}
	}
}
