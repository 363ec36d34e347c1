package layertest_test

import (
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chanx-go/chanx/layer"
	"github.com/chanx-go/chanx/layer/layertest"
)

// asked names a broken layer to the process that runs the suite on it, where it should fail.
const asked = "LAYERTEST_BROKEN"

// notIsolated is a sound layer for which Features claim too much.
const notIsolated = "is said to isolate"

// findings say which case finds out which broken layer, and with which words it names the rule.
var findings = []struct {
	broken, rule, says string
}{
	{"reorders", "OrderIsThatOfCallsAcrossGoroutines", "order per publisher and subject"},
	{"reorders", "OrderIsKeptOnEachOfConcurrentSubjects", "order per publisher and subject"},
	{"repeats", "APublicationArrivesAtMostOnce", "at most once"},
	{"repeats", "OrderIsKeptPerPublisherAndSubject", "at most once"},
	{"repeats", "EchoIsAllowedOnceAndInOrder", "at most once"},
	{"loses", "SubscribeThenPublishArrives", "subscribe, then publish"},
	{"loses", "MethodsMayBeCalledConcurrently", "subscribe, then publish"},
	{"subscribes late", "SubscribeThenPublishArrives", "subscribe, then publish"},
	{"never unsubscribes", "UnsubscribeStops", "unsubscribe stops"},
	{"never unsubscribes", "TenThousandSubjectsAreKeptApart", "10,000 subjects are kept apart"},
	{"subscribes twice", "SubscribingAgainChangesNothing", "at most once"},
	{"escapes badly", "SubjectsThatDifferInOneByteAreDifferent", "subjects that differ in one byte are different"},
	{"ignores case", "SubjectsThatDifferInOneByteAreDifferent", "subjects that differ in one byte are different"},
	{"truncates names", "SubjectsThatDifferInOneByteAreDifferent", "subjects that differ in one byte are different"},
	{"truncates data", "DataArrivesWhole", "subscribe, then publish"},
	{"aliases", "DataBelongsToThePublisherAgain", "data belongs to the publisher again"},
	{"reuses", "DataGivenToAReceiverStays", "data given to a receiver stays"},
	{"overlaps", "CallsForOneSubjectNeverOverlap", "calls for one subject never overlap"},
	{"queues for all", "ASlowReceiverDelaysOnlyItself", "a slow receiver delays only itself"},
	{notIsolated, "ASlowReceiverDelaysOnlyItself", "a slow receiver delays only itself"},
	{"does not close", "NothingBeginsAfterClose", "nothing begins after Close"},
	{"does not close", "CloseWhileBusyEndsTheLinkOnly", "nothing begins after Close"},
	{"closes softly", "NothingBeginsAfterClose", "after Close calls give ErrClosed"},
	{"waits on", "TheContextBoundsTheWait", "the context bounds the wait"},
	{"leaks", "NoGoroutineStays", "no goroutine stays"},
	{"hides the cause", "ALostBrokerIsToldAndComesBack", "errors wrap ErrUnavailable"},
	{"hides gaps", "ALostBrokerIsToldAndComesBack", "a possible loss is told by Gap"},
	{"tells nothing", "ALostBrokerIsToldAndComesBack", "Status tells that the broker is lost and back"},
	{"forgets while down", "ALostBrokerIsToldAndComesBack", "subscribe, then publish"},
	{"forgets while down", "ALinkMayBeOpenedWhileTheBrokerIsDown", "subscribe, then publish"},
	{"remembers while down", "WhatIsUnsubscribedWhileDownIsForgotten", "Unsubscribe while the broker is down forgets"},
	{"tells after Close", "ALinkMayBeClosedWhileTheBrokerIsDown", "nothing begins after Close"},
	{"does not notice silence", "ASilentBrokerIsToldAndComesBack", "a silent broker is told within"},
	{"does not notice silence", "ALinkMayBeClosedWhileTheBrokerIsSilent", "a silent broker is told within"},
	{"waits for answers", "ASilentBrokerIsToldAndComesBack", "the context bounds the wait: Subscribe at a silent broker"},
	{"hides gaps", "ASilentBrokerIsToldAndComesBack", "a possible loss is told by Gap"},
	{"forgets while down", "ASilentBrokerIsToldAndComesBack", "subscribe, then publish"},
	{"believes strangers", "WhatAStrangerPublishesBreaksNothing", "what a stranger publishes breaks nothing"},
	{"tells twice at once", "StatusNeverTwiceAtOnce", "Status never twice at once"},
}

// brokenWait is long enough that what a broken layer delivers is not late on a busy machine.
const brokenWait = time.Second

// TestASoundLayerPasses runs the suite on what the broken layers are made of.
func TestASoundLayerPasses(t *testing.T) {
	layertest.Run(t, func(*testing.T) layer.Layer { return newLayer("") }, features())
}

// TestBroken is what fails in the other processes.
func TestBroken(t *testing.T) {
	broken := os.Getenv(asked)
	if broken == "" {
		return // it is for TestEveryBrokenLayerIsFound
	}
	f := features()
	f.Wait, f.Silence, f.Isolated = brokenWait, brokenWait, broken == notIsolated
	layertest.Run(t, func(*testing.T) layer.Layer { return newLayer(broken) }, f)
}

// TestEveryBrokenLayerIsFound runs this test's own binary for each finding, several at a time: they mostly wait.
func TestEveryBrokenLayerIsFound(t *testing.T) {
	found := map[string]bool{}
	places := make(chan struct{}, 8)
	var wg sync.WaitGroup
	for _, f := range findings {
		found[f.broken] = true
		wg.Go(func() {
			places <- struct{}{}
			defer func() { <-places }()
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^TestBroken$/^"+f.rule+"$", "-test.timeout", "1m")
			cmd.Env = append(os.Environ(), asked+"="+f.broken)
			out, err := cmd.CombinedOutput()
			text := string(out)
			if err == nil || !strings.Contains(text, "--- FAIL: TestBroken/"+f.rule+" ") || !strings.Contains(text, f.says) {
				t.Errorf("the layer that %s: %s did not fail with %q, but (%v): %s", f.broken, f.rule, f.says, err, text)
			}
		})
	}
	wg.Wait()
	for broken := range faults {
		if !found[broken] {
			t.Errorf("no case is said to find the layer that %s", broken)
		}
	}
}

// TestFeaturesWithOneHookAreRefused needs a process too, since it is a failure.
func TestFeaturesWithOneHookAreRefused(t *testing.T) {
	if os.Getenv(asked) != "" {
		layertest.Run(t, nil, layertest.Features{Down: features().Down})
		return
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), asked+"=one hook")
	if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), "only one of Down and Up") {
		t.Errorf("%v: %s", err, out)
	}
}
