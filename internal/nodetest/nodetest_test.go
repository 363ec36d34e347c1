package nodetest_test

import (
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/chanx-go/chanx/internal/nodetest"
	"github.com/chanx-go/chanx/layer"
)

// TestMain fails the run if a goroutine is left. Processes with a broken layer are exempt, because their tests end early.
func TestMain(m *testing.M) {
	if os.Getenv(brokenEnv) != "" {
		os.Exit(m.Run())
	}
	goleak.VerifyTestMain(m)
}

// brokenEnv is the environment variable with the name of the broken layer. The suite runs on it in a process of its own,
// because it should fail.
const brokenEnv = "NODETEST_BROKEN"

// findings list which case finds which broken layer, and with which text.
var findings = []struct {
	broken, promise, text string
}{
	{"reorders", "OrderIsKeptPerSenderAndTarget", "got number"},
	{"reorders", "NothingIsLostOrRepeatedAmongMany", "got numbers ["},
	{"reorders", "ANodeThatEndsDoesNotDisturbOthers", "while a node ends: bob@1#1 got"},
	{"repeats", "EveryTargetFromEverywhere", "got"},
	{"repeats", "OrderIsKeptPerSenderAndTarget", "got number"},
	{"repeats", "NothingIsLostOrRepeatedAmongMany", "got"},
	{"loses", "EveryTargetFromEverywhere", "nothing arrived within"},
	{"loses", "NothingIsLostOrRepeatedAmongMany", "nothing arrived within"},
	{"loses", "JoinThenPublishArrives", "Join, then publish"},
	{"loses and reports", "NothingIsLostOrRepeatedAmongMany", "nothing arrived within"},
	{"damages data", "TheReceiverEncodes", "receives the message in its own encoding"},
	{"subscribes late", "JoinThenPublishArrives", "Join, then publish"},
	{"never unsubscribes", "SubscriptionsFollowMembership", "publications came to the node"},
	{"unsubscribes late", "SubscriptionsFollowMembership", "joined"},
	{"escapes badly", "NamesThatDifferAreDifferent", "a group of its own"},
	{"ignores case", "NamesThatDifferAreDifferent", "a group of its own"},
	{"truncates names", "NamesThatDifferAreDifferent", "a group of its own"},
	{"hides the cause", "ALostBrokerIsLoggedAndLocalMembersStillReceive", "want layer.ErrUnavailable"},
	{"hides the failure", "MembershipRecoversWithTheBroker", "Join without the broker: <nil>, want layer.ErrUnavailable"},
	{"sends later", "ALostBrokerIsLoggedAndLocalMembersStillReceive", "ended with 4000"},
	{"waits for the context", "ALostBrokerIsLoggedAndLocalMembersStillReceive", "context deadline exceeded, want the layer's own error"},
	{"hides gaps", "ALostBrokerIsLoggedAndLocalMembersStillReceive", "the gap is not counted"},
	{"reports no status", "MembershipRecoversWithTheBroker", "did not log within"},
	{"reports twice", "ALostBrokerIsLoggedAndLocalMembersStillReceive", "the loss is logged 2 times and the return 2 times"},
	{"forgets while down", "MembershipRecoversWithTheBroker", "the broker is back: within 10s not every connection"},
	{"does not notice silence", "ASilentBrokerDelaysNothing", "a silent broker is reported: node 0 did not log within"},
	{"forgets groups", "ALostBrokerIsLoggedAndLocalMembersStillReceive", "after the broker is back"},
}

func TestALayerThatEchoesPasses(t *testing.T) {
	t.Parallel()
	runOn(t, echoing())
}

// TestBroken fails in the processes that TestEveryBrokenLayerIsFound starts.
func TestBroken(t *testing.T) {
	if broken, ok := os.LookupEnv(brokenEnv); ok {
		runOn(t, faults[broken])
	}
}

// TestEveryBrokenLayerIsFound runs the test binary for each finding, several at a time.
func TestEveryBrokenLayerIsFound(t *testing.T) {
	t.Parallel()
	found := map[string]bool{}
	places := make(chan struct{}, 8)
	var wg sync.WaitGroup
	for _, f := range findings {
		found[f.broken] = true
		wg.Go(func() {
			places <- struct{}{}
			defer func() { <-places }()
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^TestBroken$/^"+f.promise+"$", "-test.timeout", "2m")
			cmd.Env = append(os.Environ(), brokenEnv+"="+f.broken)
			out, err := cmd.CombinedOutput()
			text := string(out)
			if err == nil || !strings.Contains(text, "--- FAIL: TestBroken/"+f.promise+" ") || !strings.Contains(text, f.text) {
				t.Errorf("the layer that %s: %s did not fail with %q, but (%v): %.3000s", f.broken, f.promise, f.text, err, text)
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
		nodetest.Run(t, nil, nodetest.Features{Down: func(*testing.T, layer.Layer) {}})
		return
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), brokenEnv+"=one hook")
	if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), "only one of Down and Up") {
		t.Errorf("%v: %s", err, out)
	}
}
