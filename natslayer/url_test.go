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

// TestNoErrorQuotesCredentials connects in vain with URLs that have some, most of which are wrong.
func TestNoErrorQuotesCredentials(t *testing.T) {
	nobody := fmt.Sprintf("127.0.0.1:%d", freePorts(t, 1)[0])
	for _, url := range []string{
		"nats://uSeR:SeCrEt@" + nobody, "nats://uSeR:SeCrEt%zz@" + nobody, "nats://uSeR:SeC/rEt@" + nobody, "nats://uSeR:1/rEt@" + nobody,
		"nats://uSeR:1?rEt@" + nobody, "nats://uSeR:1#rEt@" + nobody, "nats://uSeR:SeC rEt@" + nobody, "nats://uSeR:SeCrEt\x01@" + nobody,
		"nats://uSeR:SeC,rEt@" + nobody, "nats://uSeR:1,rEt@" + nobody, "nats://uSeR:SeC@rEt@" + nobody, "uSeR:SeCrEt@" + nobody,
		"uSeR:SeC%rEt@" + nobody, "nats://SeCrEt@" + nobody, "nats://" + nobody + ",nats://uSeR:SeC%rEt@" + nobody,
		"nats://" + nobody + "?token=SeCrEt%", "nats://" + nobody + "/?token=SeCrEt", "nats://uSeR:SeCrEt@", "nats://uSeR:SeCrEt@:port",
		"SeCrEt://uSeR:rEt@" + nobody, "nats://[uSeR:SeCrEt@" + nobody, "nats:uSeR:SeCrEt@" + nobody, "//uSeR:SeCrEt@" + nobody,
		"ws://uSeR:SeCrEt@" + nobody + ",nats://uSeR:SeCrEt@" + nobody, "tls://uSeR:SeCrEt@" + nobody, "ws://uSeR:SeCrEt@" + nobody,
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
		o.Servers = append(o.Servers, "nats://uSeR:SeCrEt%zz@"+nobody)
		return nil
	}
	_, err := natslayer.Connect(t.Context(), "nats://"+nobody, &natslayer.Options{NATS: []nats.Option{servers}})
	if err == nil || strings.Contains(err.Error(), "SeC") {
		t.Errorf("a bad URL in the options: %v", err)
	}
}

func TestNobodyListens(t *testing.T) {
	nobody := fmt.Sprintf("127.0.0.1:%d", freePorts(t, 1)[0])
	for _, url := range []string{nobody, "nats://" + nobody, nobody + ", nats://u:p@" + nobody} {
		if _, err := natslayer.Connect(t.Context(), url, nil); !errors.Is(err, layer.ErrUnavailable) {
			t.Errorf("connect to %s: %v, want ErrUnavailable", url, err)
		}
	}
}
