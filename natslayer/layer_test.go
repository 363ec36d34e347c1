package natslayer_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/chanx-go/chanx/layer"
	"github.com/chanx-go/chanx/natslayer"
)

func TestDataThatIsTooLargeIsAnError(t *testing.T) {
	b := startBrokers(t, 1, nil)
	l := b.connect(t, 0, nil)
	n, m := open(t, l), open(t, l)
	must(t, n.Subscribe(t.Context(), "s"))
	most := strings.Repeat("x", 1<<20)
	must(t, m.Publish(t.Context(), "s", []byte(most)))
	n.awaits(t, "s:"+most)
	err := m.Publish(t.Context(), "s", []byte(most+"x"))
	if err == nil || errors.Is(err, layer.ErrUnavailable) {
		t.Fatalf("publish more than max_payload: %v", err)
	}
	for _, want := range []string{`natslayer: publish to "s"`, "1048577 bytes", "max_payload of 1048576", "raise it"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error %q does not contain %q", err, want)
		}
	}
	must(t, m.Publish(t.Context(), "s", []byte("still there")))
	n.awaits(t, "s:still there")
}

func TestBadSubjectsAreErrors(t *testing.T) {
	b := startBrokers(t, 1, nil)
	n := open(t, b.connect(t, 0, nil))
	for call, err := range map[string]error{
		"publish":   n.Publish(t.Context(), "", nil),
		"subscribe": n.Subscribe(t.Context(), strings.Repeat("a", 256)),
	} {
		if err == nil || !strings.HasPrefix(err.Error(), "natslayer: "+call+" to ") {
			t.Errorf("%s: %v", call, err)
		}
	}
}

func TestOpenWithoutReceiverPanics(t *testing.T) {
	b := startBrokers(t, 1, nil)
	l := b.connect(t, 0, nil)
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	l.Open(layer.Receiver{})
}

// TestPublicationsBeyondTheLimitsAreDroppedAndReported blocks a receiver until another link has received everything.
func TestPublicationsBeyondTheLimitsAreDroppedAndReported(t *testing.T) {
	const sent = 100
	for name, o := range map[string]*natslayer.Options{
		"messages": {PendingMessages: 10, PendingBytes: -1},
		"bytes":    {PendingMessages: -1, PendingBytes: 1000},
	} {
		t.Run(name, func(t *testing.T) {
			b := startBrokers(t, 1, nil)
			l, all := b.connect(t, 0, o), b.connect(t, 0, nil)
			held := make(chan struct{})
			release := sync.OnceFunc(func() { close(held) })
			slow := openHeld(t, l, func() { <-held })
			defer release()
			witness, m := open(t, l), open(t, all)
			must(t, slow.Subscribe(t.Context(), "s"))
			must(t, witness.Subscribe(t.Context(), "end"))
			for i := range sent {
				must(t, m.Publish(t.Context(), "s", fmt.Appendf(nil, "%0100d", i)))
			}
			must(t, m.Publish(t.Context(), "end", nil))
			witness.awaits(t, "end:")
			if got := l.Dropped(); got != sent-10 {
				t.Errorf("%d were dropped, want all but 10 of %d", got, sent)
			}
			release()
			slow.awaitsStatus(t, 0, isGap)
			if got := slow.allStatuses(); len(got) != 1 {
				t.Errorf("got statuses %+v, want one gap", got)
			}
			must(t, m.Publish(t.Context(), "s", []byte("again")))
			slow.awaits(t, "s:again")
			if got := slow.received(); len(got) != 11 || !strings.HasSuffix(got[9], "009") {
				t.Errorf("received %d: %.1000q", len(got), got)
			}
			if statuses, dropped := witness.allStatuses(), all.Dropped(); len(statuses) > 0 || dropped > 0 {
				t.Errorf("the quick link got statuses %+v, and the publishing layer has dropped %d", statuses, dropped)
			}
		})
	}
}

// TestCloseWaitsForTheReceiver blocks a receiver while its link is closed.
func TestCloseWaitsForTheReceiver(t *testing.T) {
	b := startBrokers(t, 1, nil)
	l := b.connect(t, 0, nil)
	reached, held := make(chan struct{}), make(chan struct{})
	n := openHeld(t, l, func() { close(reached); <-held })
	m := open(t, l)
	must(t, n.Subscribe(t.Context(), "s"))
	must(t, m.Publish(t.Context(), "s", []byte("first")))
	must(t, m.Publish(t.Context(), "s", []byte("never")))
	<-reached
	var released atomic.Bool
	var closing sync.WaitGroup
	closing.Go(func() {
		if err := n.Close(t.Context()); err != nil || !released.Load() {
			t.Errorf("Close returned (%v) while Receive was running", err)
		}
	})
	eventually(t, "the link to be closed", func() bool { return errors.Is(n.Publish(t.Context(), "s", nil), layer.ErrClosed) })
	must(t, m.Subscribe(t.Context(), "something that takes time"))
	released.Store(true)
	close(held)
	closing.Wait()
	if got := n.received(); len(got) != 1 {
		t.Errorf("received %q, want only the publication that was being received", got)
	}
}

// TestWhatNatsGoDropsIsCountedAndReported publishes more than the layer's own channel holds.
func TestWhatNatsGoDropsIsCountedAndReported(t *testing.T) {
	const tooMuch = 1<<16 + 1000
	b := startBrokers(t, 1, nil)
	l := b.connect(t, 0, &natslayer.Options{PendingMessages: -1})
	n, m := open(t, l), open(t, b.connect(t, 0, nil))
	must(t, n.Subscribe(t.Context(), "s"))
	from := l.Arrived()
	resume := sync.OnceFunc(l.Stall())
	defer resume()
	for range tooMuch {
		must(t, m.Publish(t.Context(), "s", nil))
	}
	eventually(t, "all to arrive", func() bool { return l.Arrived() >= from+tooMuch })
	resume()
	n.awaitsStatus(t, 0, isGap)
	if got := l.Dropped(); got == 0 || got > 1000 {
		t.Errorf("%d were dropped, want up to 1000", got)
	}
	must(t, m.Publish(t.Context(), "s", []byte("end")))
	n.awaits(t, "s:end")
}

// restricted adds users with limited permissions.
func restricted(o *server.Options) {
	user := func(name string, denyPub, denySub string) *server.User {
		return &server.User{Username: name, Password: "p", Permissions: &server.Permissions{
			Publish:   &server.SubjectPermission{Allow: []string{"chanx.>"}, Deny: []string{denyPub}},
			Subscribe: &server.SubjectPermission{Allow: []string{"chanx.>"}, Deny: []string{denySub}},
		}}
	}
	o.Users = []*server.User{
		user("chanx", "no", "no"), user("cannotPublish", "chanx.s", "no"), user("cannotSubscribe", "no", "chanx.s"),
		user("noHello", "chanx.sync.hello", "no"), user("noSync", "no", "chanx.sync.>"),
	}
}

func as(user string) *natslayer.Options {
	return &natslayer.Options{NATS: []nats.Option{nats.UserInfo(user, "p")}}
}

func TestPermissionErrorsAreReported(t *testing.T) {
	b := startBrokers(t, 3, restricted)
	n := open(t, b.connect(t, 0, as("chanx")))
	must(t, n.Subscribe(t.Context(), "s"))

	cannotSubscribe := open(t, b.connect(t, 1, as("cannotSubscribe")))
	for range 2 {
		err := cannotSubscribe.Subscribe(t.Context(), "s")
		if !errors.Is(err, nats.ErrPermissionViolation) || !strings.Contains(err.Error(), `to publish and subscribe to "chanx.>"`) {
			t.Errorf("subscribe to what is not allowed: %v", err)
		}
	}
	must(t, cannotSubscribe.Subscribe(t.Context(), "other"))
	must(t, cannotSubscribe.Publish(t.Context(), "s", []byte("from cannotSubscribe")))
	n.awaits(t, "s:from cannotSubscribe")

	cannotPublish := open(t, b.connect(t, 2, as("cannotPublish")))
	must(t, cannotPublish.Publish(t.Context(), "s", []byte("lost"))) // NATS refuses it later
	cannotPublish.awaitsStatus(t, 0, isGap)
	if err := cannotPublish.Publish(t.Context(), "s", nil); !errors.Is(err, nats.ErrPermissionViolation) {
		t.Errorf("publish to what is not allowed: %v", err)
	}
	must(t, cannotPublish.Publish(t.Context(), "other", []byte("from cannotPublish")))
	cannotSubscribe.awaits(t, "other:from cannotPublish")

	for _, user := range []string{"noHello", "noSync"} {
		expectConnectError(t, t.Context(), b.url(0), `allow this user to publish and subscribe to "chanx.>"`, as(user))
	}
	if slices.Contains(n.received(), "s:lost") {
		t.Error("a publication that is not allowed arrived")
	}
}

// TestALayerWithoutPermissionStaysDown gives the layer many round trips of time to come up.
func TestALayerWithoutPermissionStaysDown(t *testing.T) {
	b := startBrokers(t, 1, restricted)
	o := as("noHello")
	o.StartWithoutBroker = true
	n, clock := open(t, b.connect(t, 0, o)), open(t, b.connect(t, 0, as("chanx")))
	n.awaitsStatus(t, 0, func(s layer.Status) bool { return errors.Is(s.Err, nats.ErrPermissionViolation) })
	for i := range 50 {
		must(t, clock.Subscribe(t.Context(), fmt.Sprint("tick ", i)))
		if err := n.Subscribe(t.Context(), "s"); !errors.Is(err, layer.ErrUnavailable) || !errors.Is(err, nats.ErrPermissionViolation) {
			t.Fatalf("subscribe without permissions: %v", err)
		}
	}
	if statuses := n.allStatuses(); slices.ContainsFunc(statuses, func(s layer.Status) bool { return s.Up }) {
		t.Errorf("got statuses %+v", statuses)
	}
}
