// Package nodetest checks that servers keep their promises across nodes: who gets what, in which order, how often, and
// what is left of it when a broker or a node is lost. What servers promise must not depend on the layer between them, so
// every layer is held against the same cases. Package layertest comes before: it checks the layer alone.
//
// A broker's module calls [Run] in a test, with a function that opens a layer of its own for each node, on a broker that
// all of them share:
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
// Each case is a subtest that is named after the promise. It opens its servers, connects to them in memory and shuts them
// down before the functions given to t.Cleanup are called. A case that fails may be told from a failure of the layer by
// running layertest.
//
// # Time
//
// Real brokers cannot be in a testing/synctest bubble, so the cases neither sleep nor measure. They wait until something
// has arrived, at most as long as Features.Wait. That something does not arrive is shown by marks: messages of all nodes
// to all connections that are sent later, before which nothing else may come. Nobody else may use the broker meanwhile.
// With Features.Bubble the cases of a layer in memory are in bubbles all the same, so that to wait in vain costs nothing.
package nodetest

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/chanx-go/chanx/layer"
)

// Features say what the cases need to know of a layer. The zero value suits one whose broker cannot be lost.
type Features struct {
	// Wait is how long a call or a delivery may take before it counts as lost. The default is 10 seconds.
	Wait time.Duration

	// Down takes the broker away from a node, whose layer it is given; other nodes may lose it too. Up gives it back to
	// all that lost it. Neither need wait until the nodes have noticed. Both or neither must be given; with neither, the
	// cases that need them are skipped. A node that is shut down meanwhile must not keep Up from working.
	Down, Up func(t *testing.T, l layer.Layer)

	// Freeze has the broker of a node answer nothing, though its connections stay open; Thaw has it go on. Both or neither must be
	// given, beside Down and Up; with neither, the case that needs them is skipped.
	Freeze, Thaw func(t *testing.T, l layer.Layer)

	// Bubble runs each case in a testing/synctest bubble, where waiting takes no time and no machine is too busy. It is for
	// layers in memory. The functions above and open are called in it.
	Bubble bool
}

// Run checks servers on a layer, which open opens for each node anew.
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

// suite is what a case is given.
type suite struct {
	Features
	t     *testing.T
	open  func(t *testing.T) layer.Layer
	loses bool
}

// aCase checks a promise.
type aCase struct {
	promise string
	check   func(s *suite)
	loses   bool // it takes the broker away
	freezes bool // it has the broker answer nothing
}

var cases = []aCase{
	{promise: "EveryTargetFromEverywhere", check: everyTarget},
	{promise: "WithoutTargetAConnectionMeansItsGroups", check: withoutTarget},
	{promise: "JoinAndLeaveReachEveryTarget", check: joinAndLeave},
	{promise: "DisconnectReachesEveryTarget", check: disconnect},
	{promise: "CommandsKeepTheirPlaceAmongMessages", check: commandsInOrder},
	{promise: "NodeEventsRunOnceOnEachNodeInOrder", check: nodeEvents},
	{promise: "TheReceiverSpells", check: receiverSpells},
	{promise: "OrderIsKeptPerSenderAndTarget", check: order},
	{promise: "NamesThatDifferAreDifferent", check: names},
	{promise: "JoinThenPublishArrives", check: joinThenPublish},
	{promise: "SubscriptionsFollowMembership", check: subscriptions},
	{promise: "ANodeThatEndsLeavesTheOthers", check: nodeEnds},
	{promise: "NothingIsLostNorRepeatedAmongMany", check: many},
	{promise: "ALostBrokerIsToldAndLocalMembersGetIt", check: lostBroker, loses: true},
	{promise: "MembershipHealsWhenTheBrokerIsBack", check: membershipHeals, loses: true},
	{promise: "ANodeMayEndWhileTheBrokerIsLost", check: nodeEndsWithoutBroker, loses: true},
	{promise: "ASilentBrokerHoldsNobodyUp", check: silentBroker, loses: true, freezes: true},
}
