package cluster

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/chanx-go/chanx/layer"
)

// TestPublicationsReachEachSubjectOnce checks that nodes with members receive them, and the publishing node does not.
func TestPublicationsReachEachSubjectOnce(t *testing.T) {
	inFixture(t, func(t *testing.T, f *fixture) {
		for node := range f.nodes {
			f.ok(f.join(node, "g/g", "a/", NodeSubject(f.nodes[node].ID)))
		}
		f.publish(0, "said", "g/g", "g/nobody", "c/B.1", "c/A.1", "c/B.2")
		f.expectGot(0)
		f.expectGot(1, "g/g said", "n/B said")
		f.publish(1, "said", "a/", "c/B.2", "c/A.1")
		f.expectGot(0, "a/ said", "n/A said")
		f.expectGot(1)
	})
}

func TestSubjects(t *testing.T) {
	p := Publication{Node: "A", Targets: []string{"g/g", "c/B.1", "c/A.1", "c/B.2", "a/", "n/x"}}
	if got := slices.Collect(p.Subjects()); !slices.Equal(got, []string{"g/g", "n/B", "a/", "n/x"}) {
		t.Errorf("they are %q", got)
	}
}

// TestOwnPublicationsAreIgnored has a layer that delivers a node's publications to the node itself.
func TestOwnPublicationsAreIgnored(t *testing.T) {
	inFixture(t, func(t *testing.T, f *fixture) {
		f.ok(f.join(0, "g/g"))
		link := f.layer.Open(layer.Receiver{Receive: func(string, []byte) {}})
		p := Publication{Kind: KindMessage, Node: f.nodes[0].ID, Targets: []string{"g/g"}}
		f.ok(link.Publish(t.Context(), "g/g", p.append(nil, nil)))
		f.expectGot(0)
		f.ok(link.Close(context.Background()))
	})
}

// TestDataOfAForeignSubjectIsRefused publishes signed data to another subject: the signature does not cover the subject, so
// the receiver must compare it.
func TestDataOfAForeignSubjectIsRefused(t *testing.T) {
	inFixture(t, func(t *testing.T, f *fixture) {
		f.ok(f.join(0, "g/g"))
		link := f.layer.Open(layer.Receiver{Receive: func(string, []byte) {}})
		p := Publication{Kind: KindMessage, Node: "B", Action: "said", Targets: []string{"g/h"}}
		for _, data := range [][]byte{p.append(nil, nil), []byte("x")} {
			f.ok(link.Publish(t.Context(), "g/g", data))
			f.ok(link.Publish(t.Context(), "g/h", data)) // no member
		}
		var reasons []Reason
		for _, err := range f.nodes[0].refused {
			r, _ := errors.AsType[*Refusal](err)
			reasons = append(reasons, r.Reason)
		}
		if !slices.Equal(reasons, []Reason{Unreadable, OtherVersion}) || len(f.nodes[0].got) > 0 {
			t.Errorf("refused %v, got %q", f.nodes[0].refused, f.nodes[0].got)
		}
		f.ok(link.Close(context.Background()))
	})
}

// TestPublishGivesUpASilentLayer checks that it returns after its timeout, even if the caller's context has ended.
func TestPublishGivesUpASilentLayer(t *testing.T) {
	inFixture(t, func(t *testing.T, f *fixture) {
		f.disturb(time.Hour, nil)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		start := time.Now()
		err := f.nodes[0].Publish(ctx, &Publication{Kind: KindEvent, Action: "ring", Targets: []string{"g/g"}})
		const want = `chanx: publish "ring" to "g/g": layer: broker unavailable: no answer within 1s: context deadline exceeded`
		if err == nil || err.Error() != want || !errors.Is(err, layer.ErrUnavailable) || time.Since(start) != wait {
			t.Errorf("after %v: %v", time.Since(start), err)
		}
	})
}

func TestAClosedNodeSaysSo(t *testing.T) {
	inFixture(t, func(t *testing.T, f *fixture) {
		f.ok(f.join(0, "g/g"))
		f.ok(f.leave(0, "g/g"))
		f.ok(f.nodes[0].Close(t.Context()))
		if n := f.nodes[0].Subscriptions.Lingering(); n != 0 {
			t.Errorf("%d linger", n)
		}
		published := f.nodes[0].Publish(t.Context(), &Publication{Kind: KindEvent, Targets: []string{"g/g"}})
		for _, err := range []error{published, f.join(0, "g/g"), f.leave(0, "g/g")} {
			if !errors.Is(err, errTestClosed) {
				t.Errorf("error %v", err)
			}
		}
		pass(linger5s)
		if n := f.nodes[0].Subscriptions.Len(); n != 0 {
			t.Errorf("%d subjects are counted", n)
		}
	})
}

func TestCommandsAreRead(t *testing.T) {
	for _, tt := range []struct {
		kind    Kind
		command Command
		data    string
	}{
		{KindClose, Command{Code: 4001, Reason: "enough"}, `{"code":4001,"reason":"enough"}`},
		{KindJoin, Command{Groups: []string{"g", "h"}}, `["g","h"]`},
		{KindLeave, Command{Groups: []string{"h"}}, `["h"]`},
	} {
		p := Publication{Kind: tt.kind}
		if err := p.SetCommand(&tt.command); err != nil || string(p.Payload) != tt.data {
			t.Errorf("%s: %s, %v", tt.kind, p.Payload, err)
		}
		if got, err := p.Command(); err != nil || !reflect.DeepEqual(*got, tt.command) {
			t.Errorf("%s: read as %+v, %v", tt.kind, got, err)
		}
		p.Payload = []byte("7")
		if got, err := p.Command(); err == nil {
			t.Errorf("%s: 7 is read as %+v", tt.kind, got)
		}
	}
	p := Publication{Kind: KindClose, Payload: []byte(`{"code":4001,"reason":"","later":[1]}`)}
	if got, err := p.Command(); err != nil || got.Code != 4001 {
		t.Errorf("with a member of a later release: %+v, %v", got, err)
	}
}

func TestAudience(t *testing.T) {
	p := Publication{Targets: []string{"g/a", "a/", "u/ann", "s/", "c/X.1", "g/b", "t/new"}}
	want := Audience{Groups: []string{"a", "b"}, Users: []string{"ann"}, Conns: []string{"X.1"}, All: true, Nodes: true}
	if got := p.Audience(); !reflect.DeepEqual(got, want) {
		t.Errorf("it is %+v", got)
	}
}

func TestHeadersAreBounded(t *testing.T) {
	var h Headers
	for range maxHeaders + 1 {
		h.Add("a", "1")
	}
	if len(h) != maxHeaders {
		t.Errorf("there are %d", len(h))
	}
	h = append(h[:1:1], Header{"b", "2"}, Header{"b", "3"})
	if h.Get("b") != "2" || h.Get("c") != "" {
		t.Errorf("b is %q, c is %q", h.Get("b"), h.Get("c"))
	}
}
