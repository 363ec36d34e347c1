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

// brokenEnv is the environment variable with the name of the broken layer. The suite runs on it in a process of its own,
// because it should fail.
const brokenEnv = "LAYERTEST_BROKEN"

// notIsolated is a sound layer for which Features claim too much.
const notIsolated = "claims to isolate"

// findings list which case finds which broken layer, and with which text.
var findings = []struct {
	broken, rule, text string
}{
	{"reorders", "OrderIsKeptAcrossGoroutines", "order per publisher and subject"},
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
	{"keeps published data", "DataMayBeReusedAfterPublish", "the publisher may reuse data"},
	{"reuses its buffer", "DataGivenToAReceiverDoesNotChange", "data given to a receiver does not change"},
	{"overlaps", "CallsForOneSubjectNeverOverlap", "calls for one subject never overlap"},
	{"delays all receivers", "ASlowReceiverDelaysOnlyItself", "a slow receiver delays only itself"},
	{notIsolated, "ASlowReceiverDelaysOnlyItself", "a slow receiver delays only itself"},
	{"does not close", "NoCallBeginsAfterClose", "no call begins after Close"},
	{"does not close", "CloseWhileBusyEndsTheLinkOnly", "no call begins after Close"},
	{"allows Unsubscribe after Close", "NoCallBeginsAfterClose", "calls after Close return ErrClosed"},
	{"ignores the context", "TheContextBoundsTheWait", "the context bounds the wait"},
	{"leaks", "NoGoroutineIsLeft", "no goroutine is left"},
	{"hides the cause", "ALostBrokerIsReportedAndRecovered", "errors wrap ErrUnavailable"},
	{"hides gaps", "ALostBrokerIsReportedAndRecovered", "a possible loss is reported with Gap"},
	{"reports no status", "ALostBrokerIsReportedAndRecovered", "Status reports that the broker is lost and back"},
	{"forgets while down", "ALostBrokerIsReportedAndRecovered", "subscribe, then publish"},
	{"forgets while down", "ALinkMayBeOpenedWhileTheBrokerIsDown", "subscribe, then publish"},
	{"remembers while down", "UnsubscribeWhileDownForgets", "Unsubscribe while the broker is down forgets"},
	{"does not stop on Close", "ALinkMayBeClosedWhileTheBrokerIsDown", "no call begins after Close"},
	{"does not notice silence", "ASilentBrokerIsReportedAndRecovered", "a silent broker is reported within"},
	{"does not notice silence", "ALinkMayBeClosedWhileTheBrokerIsSilent", "a silent broker is reported within"},
	{"waits for the broker", "ASilentBrokerIsReportedAndRecovered", "the context bounds the wait: Subscribe with a silent broker"},
	{"hides gaps", "ASilentBrokerIsReportedAndRecovered", "a possible loss is reported with Gap"},
	{"forgets while down", "ASilentBrokerIsReportedAndRecovered", "subscribe, then publish"},
	{"trusts foreign data", "ForeignPublicationsBreakNothing", "foreign publications break nothing"},
	{"overlaps statuses", "CallsOfStatusNeverOverlap", "calls of Status never overlap"},
}

// brokenWait is Features.Wait for broken layers: long enough for deliveries on a busy machine.
const brokenWait = time.Second

// TestAFaultlessLayerPasses runs the suite on the layer that the broken ones are made of.
func TestAFaultlessLayerPasses(t *testing.T) {
	layertest.Run(t, func(*testing.T) layer.Layer { return newLayer("") }, features())
}

// TestBroken fails in the processes that TestEveryBrokenLayerIsFound starts.
func TestBroken(t *testing.T) {
	broken := os.Getenv(brokenEnv)
	if broken == "" {
		return
	}
	f := features()
	f.Wait, f.Silence, f.Isolated = brokenWait, brokenWait, broken == notIsolated
	layertest.Run(t, func(*testing.T) layer.Layer { return newLayer(broken) }, f)
}

// TestEveryBrokenLayerIsFound runs the test binary for each finding, several at a time because they mostly wait.
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
			cmd.Env = append(os.Environ(), brokenEnv+"="+f.broken)
			out, err := cmd.CombinedOutput()
			text := string(out)
			if err == nil || !strings.Contains(text, "--- FAIL: TestBroken/"+f.rule+" ") || !strings.Contains(text, f.text) {
				t.Errorf("the layer that %s: %s did not fail with %q, but (%v): %s", f.broken, f.rule, f.text, err, text)
			}
		})
	}
	wg.Wait()
	for broken := range faults {
		if !found[broken] {
			t.Errorf("findings has no case that finds the layer that %s", broken)
		}
	}
}

// TestFeaturesWithOneHookAreRefused runs in a process of its own, because Run fails the test.
func TestFeaturesWithOneHookAreRefused(t *testing.T) {
	if os.Getenv(brokenEnv) != "" {
		layertest.Run(t, nil, layertest.Features{Down: features().Down})
		return
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), brokenEnv+"=one hook")
	if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), "only one of Down and Up") {
		t.Errorf("%v: %s", err, out)
	}
}
