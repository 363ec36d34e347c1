package redislayer

import (
	"slices"
	"testing"

	"github.com/chanx-go/chanx/layer"
)

// TestALateConfirmationDoesNotCount subscribes, unsubscribes and subscribes again before Redis has confirmed the first call.
// Publications between the two confirmations may have been made while the subject was not subscribed.
func TestALateConfirmationDoesNotCount(t *testing.T) {
	var got []string
	k := newLink(&Layer{}, layer.Receiver{Receive: func(_ string, data []byte) { got = append(got, string(data)) }})
	defer k.cancel()
	want := func() {
		t.Helper()
		if _, err := k.want("s"); err != nil {
			t.Fatal(err)
		}
	}
	want()
	first, subscribe, _ := k.begin()
	if !slices.Equal(subscribe, []string{"s"}) {
		t.Fatalf("subscribes %q", subscribe)
	}
	if _, err := k.forget("s"); err != nil {
		t.Fatal(err)
	}
	want()
	k.subscribed("s")
	k.message("s", []byte("unwanted"))
	k.confirm(first)
	second, _, _ := k.begin()
	k.message("s", []byte("unwanted too"))
	k.subscribed("s")
	k.message("s", []byte("wanted"))
	k.confirm(second)
	k.message("s", []byte("wanted too"))
	if !slices.Equal(got, []string{"wanted", "wanted too"}) {
		t.Errorf("received %q", got)
	}
}

// TestASubscriptionThatWasNeverSentIsForgotten subscribes and unsubscribes while the link is down.
func TestASubscriptionThatWasNeverSentIsForgotten(t *testing.T) {
	k := newLink(&Layer{}, layer.Receiver{})
	defer k.cancel()
	if _, err := k.want("s"); err != nil {
		t.Fatal(err)
	}
	if _, err := k.forget("s"); err != nil {
		t.Fatal(err)
	}
	if _, err := k.want("s"); err != nil {
		t.Fatal(err)
	}
	k.begin()
	k.setDown(layer.ErrUnavailable) // the new connection has no subscriptions
	if _, err := k.forget("s"); err != nil {
		t.Fatal(err)
	}
	if len(k.subjects) > 0 || len(k.next.subjects) > 0 {
		t.Errorf("kept %v, %v", k.subjects, k.next.subjects)
	}
}
