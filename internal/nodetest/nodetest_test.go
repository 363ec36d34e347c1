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

// TestMain fails the run if a goroutine is left, except where a test has ended in the middle.
func TestMain(m *testing.M) {
	if os.Getenv(asked) != "" {
		os.Exit(m.Run())
	}
	goleak.VerifyTestMain(m)
}

// asked names a broken layer to the process that runs the suite on it, where it should fail.
const asked = "NODETEST_BROKEN"

// findings say which case finds out which broken layer, and with which words.
var findings = []struct {
	broken, promise, says string
}{
	{"reorders", "OrderIsKeptPerSenderAndTarget", "got number"},
	{"reorders", "NothingIsLostNorRepeatedAmongMany", "got numbers ["},
	{"reorders", "ANodeThatEndsLeavesTheOthers", "while a node ends: bob@1#1 got"},
	{"repeats", "EveryTargetFromEverywhere", "got"},
	{"repeats", "OrderIsKeptPerSenderAndTarget", "got number"},
	{"repeats", "NothingIsLostNorRepeatedAmongMany", "got"},
	{"loses", "EveryTargetFromEverywhere", "nothing came within"},
	{"loses", "NothingIsLostNorRepeatedAmongMany", "nothing came within"},
	{"loses", "JoinThenPublishArrives", "Join, then publish"},
	{"loses and tells", "NothingIsLostNorRepeatedAmongMany", "nothing came within"},
	{"damages data", "TheReceiverSpells", "receives the message in its spelling"},
	{"subscribes late", "JoinThenPublishArrives", "Join, then publish"},
	{"never unsubscribes", "SubscriptionsFollowMembership", "publications came to the node"},
	{"unsubscribes late", "SubscriptionsFollowMembership", "joined"},
	{"escapes badly", "NamesThatDifferAreDifferent", "a group of its own"},
	{"ignores case", "NamesThatDifferAreDifferent", "a group of its own"},
	{"truncates names", "NamesThatDifferAreDifferent", "a group of its own"},
	{"hides the cause", "ALostBrokerIsToldAndLocalMembersGetIt", "want layer.ErrUnavailable"},
	{"hides the failure", "MembershipHealsWhenTheBrokerIsBack", "Join without the broker: <nil>, want layer.ErrUnavailable"},
	{"sends later", "ALostBrokerIsToldAndLocalMembersGetIt", "ended with 4000"},
	{"waits on", "ALostBrokerIsToldAndLocalMembersGetIt", "context deadline exceeded, want the layer's own error"},
	{"hides gaps", "ALostBrokerIsToldAndLocalMembersGetIt", "the gap is not counted"},
	{"tells nothing", "MembershipHealsWhenTheBrokerIsBack", "did not log within"},
	{"tells twice", "ALostBrokerIsToldAndLocalMembersGetIt", "the loss is logged 2 times and the return 2 times"},
	{"forgets while down", "MembershipHealsWhenTheBrokerIsBack", "the broker is back: within 10s not every connection"},
	{"does not notice silence", "ASilentBrokerHoldsNobodyUp", "a silent broker is told: node 0 did not log within"},
	{"forgets groups", "ALostBrokerIsToldAndLocalMembersGetIt", "after the broker is back"},
}

func TestALayerThatEchoesPasses(t *testing.T) {
	t.Parallel()
	runOn(t, echoing())
}

// TestBroken is what fails in the other processes.
func TestBroken(t *testing.T) {
	if broken, ok := os.LookupEnv(asked); ok {
		runOn(t, flaws[broken])
	} // else it is for TestEveryBrokenLayerIsFound
}

// TestEveryBrokenLayerIsFound runs this test's own binary for each finding, several at a time.
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
			cmd.Env = append(os.Environ(), asked+"="+f.broken)
			out, err := cmd.CombinedOutput()
			text := string(out)
			if err == nil || !strings.Contains(text, "--- FAIL: TestBroken/"+f.promise+" ") || !strings.Contains(text, f.says) {
				t.Errorf("the layer that %s: %s did not fail with %q, but (%v): %.3000s", f.broken, f.promise, f.says, err, text)
			}
		})
	}
	wg.Wait()
	for broken := range flaws {
		if !found[broken] {
			t.Errorf("no case is said to find the layer that %s", broken)
		}
	}
}

// TestFeaturesWithOneHookAreRefused needs a process too, since it is a failure.
func TestFeaturesWithOneHookAreRefused(t *testing.T) {
	if os.Getenv(asked) != "" {
		nodetest.Run(t, nil, nodetest.Features{Down: func(*testing.T, layer.Layer) {}})
		return
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), asked+"=one hook")
	if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), "only one of Down and Up") {
		t.Errorf("%v: %s", err, out)
	}
}
