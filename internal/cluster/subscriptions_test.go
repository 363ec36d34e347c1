package cluster

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/chanx-go/chanx/layer"
)

func TestSubjectsLinger(t *testing.T) {
	inFixture(t, func(t *testing.T, f *fixture) {
		f.ok(f.join(0, "g/g", "g/h"))
		f.expectAsked("joined", 2, 0)
		f.ok(f.leave(0, "g/g"))
		pass(time.Second)
		f.ok(f.leave(0, "g/h"))
		pass(linger5s - time.Second - 1)
		f.expectAsked("left", 0, 0)
		pass(1)
		f.expectAsked("the first has lingered", 0, 1)
		f.ok(f.join(0, "g/h"))
		f.expectAsked("the other has a member again: the layer says whether it is up", 1, 0)
		pass(time.Minute)
		if got := f.layer.Subscribed(0); !slices.Equal(got, []string{"g/h"}) || f.nodes[0].Subscriptions.Len() != 1 {
			t.Errorf("subscribed to %q, %d subjects are counted", got, f.nodes[0].Subscriptions.Len())
		}
	})
}

// TestRepeatedJoinsDoNotUnsubscribe checks also that, each time, publications arrive as soon as Sync has returned.
func TestRepeatedJoinsDoNotUnsubscribe(t *testing.T) {
	inFixture(t, func(t *testing.T, f *fixture) {
		for range 1000 {
			f.ok(f.join(0, "g/g"))
			f.publish(1, "said", "g/g")
			f.expectGot(0, "g/g said")
			f.ok(f.leave(0, "g/g"))
			f.publish(1, "said", "g/g")
			f.expectGot(0)
			pass(linger5s - 1)
		}
		f.expectAsked("all the time", 1000, 0)
		if n := f.nodes[0].Subscriptions.Lingering(); n != 1 {
			t.Errorf("%d linger", n)
		}
	})
}

func TestAMemberComesDuringTheUnsubscription(t *testing.T) {
	inFixture(t, func(t *testing.T, f *fixture) {
		f.ok(f.join(0, "g/g"))
		f.ok(f.leave(0, "g/g"))
		f.disturb(wait/4, nil)
		pass(linger5s + wait/8)
		f.ok(f.join(0, "g/g"))
		f.publish(1, "said", "g/g")
		f.expectGot(0, "g/g said")
		f.expectAsked("joined, left, joined: who unsubscribed and who joins both subscribe", 3, 1)
	})
}

// TestLingerIsBounded checks that the oldest subjects are unsubscribed when too many linger.
func TestLingerIsBounded(t *testing.T) {
	const more = 1000
	inFixture(t, func(t *testing.T, f *fixture) {
		for i := range maxLingering + more {
			subject := GroupSubject(fmt.Sprint(i))
			f.ok(f.join(0, subject))
			f.ok(f.leave(0, subject))
		}
		f.expectAsked("too many", maxLingering+more, more)
		s := f.nodes[0].Subscriptions
		if s.Lingering() != maxLingering || s.Len() != maxLingering {
			t.Errorf("%d linger, %d are counted", s.Lingering(), s.Len())
		}
		if got := f.layer.Subscribed(0); slices.Contains(got, "g/0") || !slices.Contains(got, fmt.Sprint("g/", more)) {
			t.Error("it is not the oldest that was given up")
		}
		pass(linger5s)
		f.expectAsked("lingered", 0, maxLingering)
		if s.Len() != 0 {
			t.Errorf("%d subjects are counted", s.Len())
		}
	})
}

// TestFailedUnsubscriptions checks that each is reported with its subject, and that the subjects are forgotten.
func TestFailedUnsubscriptions(t *testing.T) {
	inFixture(t, func(t *testing.T, f *fixture) {
		f.ok(f.join(0, "g/g", "u/ann"))
		f.disturb(0, errors.New("no cable"))
		f.ok(f.leave(0, "g/g", "u/ann"))
		pass(linger5s)
		var got []string
		for _, err := range f.nodes[0].failed {
			got = append(got, err.Error())
		}
		slices.Sort(got)
		want := []string{`chanx: unsubscribe from "g": no cable`, `chanx: unsubscribe from "u/ann": no cable`}
		if !slices.Equal(got, want) || f.nodes[0].Subscriptions.Len() != 0 {
			t.Errorf("told %q, %d subjects are counted", got, f.nodes[0].Subscriptions.Len())
		}
	})
}

// TestSyncGivesUpASilentLayer checks that it returns after its timeout, with an error that names the subject.
func TestSyncGivesUpASilentLayer(t *testing.T) {
	inFixture(t, func(t *testing.T, f *fixture) {
		f.disturb(time.Hour, nil)
		start := time.Now()
		err := f.join(0, "g/g")
		const want = `chanx: join group "g": layer: broker unavailable: no answer within 1s: context deadline exceeded`
		if err == nil || err.Error() != want || !errors.Is(err, layer.ErrUnavailable) || time.Since(start) != wait {
			t.Errorf("after %v: %v", time.Since(start), err)
		}
	})
}
