// Package nodetest checks what servers guarantee across nodes: which connections receive a message, in which order, how
// often, and what happens when a broker or a node is lost. This must not depend on the layer between the servers, so every
// layer has to pass the same cases. Run layertest first: it checks the layer alone.
//
// A broker's module calls [Run] in a test, with a function that opens a layer for each node, on a shared broker:
//
//	func TestNodes(t *testing.T) {
//		broker := startServer(t)
//		nodetest.Run(t, func(t *testing.T) layer.Layer {
//			l, err := natslayer.Connect(t.Context(), broker.url, nil)
//			if err != nil {
//				t.Fatal(err)
//			}
//			t.Cleanup(l.Close)
//			return l
//		}, nodetest.Features{Down: stopServer, Up: restartServer})
//	}
//
// Each case is a subtest named after the guarantee. It opens its servers, connects to them in memory and shuts them down
// before the functions given to t.Cleanup are called. If a case fails, layertest shows whether the layer is the cause.
//
// # Time
//
// Real brokers cannot run in a testing/synctest bubble, so the cases neither sleep nor measure time. They wait until
// something has arrived, for at most Features.Wait. To show that something does not arrive, all nodes send later messages,
// called marks, to all connections; nothing else may arrive before them. Nothing else may use the broker meanwhile. With
// Features.Bubble the cases run in bubbles, where waiting takes no time.
package nodetest

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/chanx-go/chanx/layer"
)

// Features describe how the cases control the broker of a layer. The zero value is for a layer whose broker cannot be lost.
type Features struct {
	// Wait is how long a call or a delivery may take before it counts as lost. The default is 10 seconds.
	Wait time.Duration

	// Down makes the broker unreachable for the node with this layer; other nodes may lose it too. Up makes it reachable
	// again for all that lost it. They need not wait until the nodes have noticed. Set both or neither; without them, the
	// cases that need them are skipped. Up must also work if the node has been shut down meanwhile.
	Down, Up func(t *testing.T, l layer.Layer)

	// Freeze makes the broker of a node stop answering while its connections stay open; Thaw makes it continue. Set both or
	// neither, and only with Down and Up; without them, the case that needs them is skipped.
	Freeze, Thaw func(t *testing.T, l layer.Layer)

	// Bubble runs each case in a testing/synctest bubble, where waiting takes no time, however busy the machine is. It is for
	// layers in memory. The functions above and open are called in the bubble.
	Bubble bool
}

// Run runs all cases. It calls open for each node of each case.
func Run(t *testing.T, open func(t *testing.T) layer.Layer, f Features) {
	t.Helper()
	if (f.Down == nil) != (f.Up == nil) {
		t.Fatal("nodetest: run: Features has only one of Down and Up")
	}
	if (f.Freeze == nil) != (f.Thaw == nil) {
		t.Fatal("nodetest: run: Features has only one of Freeze and Thaw")
	}
	if f.Wait <= 0 {
		f.Wait = 10 * time.Second
	}
	for _, c := range cases {
		t.Run(c.promise, func(t *testing.T) {
			if c.loses && f.Down == nil {
				t.Skip("Features.Down is nil: the broker cannot be lost")
			}
			if c.freezes && f.Freeze == nil {
				t.Skip("Features.Freeze is nil: the broker cannot be silent")
			}
			check := func(t *testing.T) { c.check(&suite{t: t, open: open, Features: f, loses: c.loses}) }
			if f.Bubble {
				synctest.Test(t, check)
				return
			}
			check(t)
		})
	}
}

// suite is the argument of a case.
type suite struct {
	Features
	t     *testing.T
	open  func(t *testing.T) layer.Layer
	loses bool
}

// testCase checks a guarantee.
type testCase struct {
	promise string
	check   func(s *suite)
	loses   bool // it needs Features.Down and Up
	freezes bool // it needs Features.Freeze and Thaw
}

var cases = []testCase{
	{promise: "EveryTargetFromEverywhere", check: everyTarget},
	{promise: "WithoutTargetAConnectionUsesItsGroups", check: withoutTarget},
	{promise: "JoinAndLeaveReachEveryTarget", check: joinAndLeave},
	{promise: "DisconnectReachesEveryTarget", check: disconnect},
	{promise: "CommandsKeepTheirOrderAmongMessages", check: commandsInOrder},
	{promise: "NodeEventsRunOnceOnEachNodeInOrder", check: nodeEvents},
	{promise: "TheReceiverEncodes", check: receiverEncodes},
	{promise: "OrderIsKeptPerSenderAndTarget", check: order},
	{promise: "NamesThatDifferAreDifferent", check: names},
	{promise: "JoinThenPublishArrives", check: joinThenPublish},
	{promise: "SubscriptionsFollowMembership", check: subscriptions},
	{promise: "ANodeThatEndsDoesNotDisturbOthers", check: nodeEnds},
	{promise: "NothingIsLostOrRepeatedAmongMany", check: many},
	{promise: "ALostBrokerIsLoggedAndLocalMembersStillReceive", check: lostBroker, loses: true},
	{promise: "MembershipRecoversWithTheBroker", check: membershipRecovers, loses: true},
	{promise: "ANodeMayShutDownWhileTheBrokerIsLost", check: nodeEndsWithoutBroker, loses: true},
	{promise: "ASilentBrokerDelaysNothing", check: silentBroker, loses: true, freezes: true},
}
