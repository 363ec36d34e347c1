// Package layertest checks that a channel layer keeps the contract of package layer. Every layer is held against the
// same cases, so that servers may rely on the contract whatever broker they run on.
//
// The module of a broker calls [Run] in a test, with a function that opens the layer:
//
//	func TestConformance(t *testing.T) {
//		layertest.Run(t, func(t *testing.T) layer.Layer {
//			l, err := natslayer.Connect(t.Context(), startServer(t), nil)
//			if err != nil {
//				t.Fatal(err)
//			}
//			t.Cleanup(l.Close)
//			return l
//		}, layertest.Features{Isolated: true, Down: stopServer, Up: restartServer})
//	}
//
// Each case is a subtest that is named after the rule it checks, and its failures begin with that rule. It opens a layer
// of its own and as many links as it needs; at its end it closes them. All that has begun since, what the function
// started included, must have ended when the functions that were given to t.Cleanup have returned: otherwise a
// goroutine stayed behind.
//
// # Time
//
// The cases do not sleep: they wait until something has arrived, at most as long as Features.Wait. That something does
// not arrive is shown by a later publication that does. So they run as fast as the broker, and may be used on one that
// is in another process or on another machine. Nobody else may use the broker at the same time. The test that calls Run
// must not be parallel to others, whose goroutines would be taken for those of the layer.
//
// # What is not checked
//
// Loss is allowed by the contract if it is told. Here nothing may be lost but what is published while the broker is
// down: a case does not burden the broker so much that it has a reason to.
package layertest

import (
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/chanx-go/chanx/layer"
)

// Features say what a layer can do beyond the contract, and what the cases need to know of it. The zero value suits a
// layer whose broker cannot be lost.
type Features struct {
	// Wait is how long a call or a delivery may take before it counts as lost. The default is 10 seconds.
	Wait time.Duration

	// Isolated tells that a link whose receiver takes long does not delay what other links get on the same subject.
	Isolated bool

	// Down takes the broker away from all links of a layer, those that are opened later included; Up gives it back. The
	// layer is what was opened for the case. Down need not wait until the links have noticed, nor Up. Both or neither
	// must be given; with neither, the cases that need them are skipped.
	Down, Up func(t *testing.T, l layer.Layer)

	// Freeze has the broker answer nothing, though its connections stay open, as when its process is stopped; Thaw has it go on.
	// Both or neither must be given; with neither, the cases that need them are skipped.
	Freeze, Thaw func(t *testing.T, l layer.Layer)

	// Silence is how long a broker may be silent before links are told that it is lost. The default, and the contract's limit,
	// is 10 seconds.
	Silence time.Duration

	// Stranger connects somebody to the broker who is no link and has no key, but all rights. What it returns publishes data by
	// the broker's own means: where publications of a subject travel and, for the empty subject, wherever else the layer
	// listens. It returns when the broker has the data. Nil skips the case that needs it.
	Stranger func(t *testing.T, l layer.Layer) (say func(subject string, data []byte))

	// Goroutines excuses some that stay behind, such as those of a broker that the test process itself runs.
	Goroutines []goleak.Option
}

// Run checks a layer, which open opens for each case anew. Links of layers that were opened for other cases are closed
// by then.
func Run(t *testing.T, open func(t *testing.T) layer.Layer, f Features) {
	t.Helper()
	if (f.Down == nil) != (f.Up == nil) {
		t.Fatal("layertest: run: Features has only one of Down and Up")
	}
	if (f.Freeze == nil) != (f.Thaw == nil) {
		t.Fatal("layertest: run: Features has only one of Freeze and Thaw")
	}
	if f.Silence <= 0 {
		f.Silence = 10 * time.Second
	}
	if f.Wait <= 0 {
		f.Wait = 10 * time.Second
	}
	for _, c := range cases {
		t.Run(c.rule, func(t *testing.T) {
			if c.loses && f.Down == nil {
				t.Skip("Features.Down is nil: the broker cannot be lost")
			}
			if c.freezes && f.Freeze == nil {
				t.Skip("Features.Freeze is nil: the broker cannot be silent")
			}
			if c.strange && f.Stranger == nil {
				t.Skip("Features.Stranger is nil: nobody else can be at the broker")
			}
			l := &lab{t: t, features: f}
			before := goleak.IgnoreCurrent()
			t.Cleanup(func() { l.expectNoGoroutines(before) })
			l.layer = open(t)
			t.Cleanup(l.finish)
			c.check(l)
		})
	}
}

// aCase checks a rule of the contract.
type aCase struct {
	rule  string
	check func(l *lab)
	loses bool // it takes the broker away

	freezes bool // it has the broker answer nothing
	strange bool // somebody else is at the broker
}

var cases = []aCase{
	{rule: "OrderIsKeptPerPublisherAndSubject", check: orderPerPublisher},
	{rule: "OrderIsKeptOnEachOfConcurrentSubjects", check: orderOnConcurrentSubjects},
	{rule: "OrderIsThatOfCallsAcrossGoroutines", check: orderAcrossGoroutines},
	{rule: "APublicationArrivesAtMostOnce", check: atMostOnce},
	{rule: "EchoIsAllowedOnceAndInOrder", check: echo},
	{rule: "SubscribeThenPublishArrives", check: subscribeThenPublish},
	{rule: "UnsubscribeStops", check: unsubscribeStops},
	{rule: "SubscribingAgainChangesNothing", check: subscribingAgain},
	{rule: "TenThousandSubjectsAreKeptApart", check: manySubjects},
	{rule: "SubjectsThatDifferInOneByteAreDifferent", check: similarSubjects},
	{rule: "DataArrivesWhole", check: dataArrivesWhole},
	{rule: "DataBelongsToThePublisherAgain", check: dataOfPublisher},
	{rule: "DataGivenToAReceiverStays", check: dataOfReceiver},
	{rule: "MethodsMayBeCalledConcurrently", check: concurrentUse},
	{rule: "CallsForOneSubjectNeverOverlap", check: noOverlap},
	{rule: "ASlowReceiverDelaysOnlyItself", check: slowReceiver},
	{rule: "NothingBeginsAfterClose", check: closeEnds},
	{rule: "CloseWhileBusyEndsTheLinkOnly", check: closeWhileBusy},
	{rule: "TheContextBoundsTheWait", check: contextBounds},
	{rule: "NoGoroutineStays", check: openAndClose},
	{rule: "ALostBrokerIsToldAndComesBack", check: lostBroker, loses: true},
	{rule: "WhatIsUnsubscribedWhileDownIsForgotten", check: forgottenWhileDown, loses: true},
	{rule: "ALinkMayBeOpenedWhileTheBrokerIsDown", check: openWhileDown, loses: true},
	{rule: "ALinkMayBeClosedWhileTheBrokerIsDown", check: closeWhileDown, loses: true},
	{rule: "ASilentBrokerIsToldAndComesBack", check: silentBroker, freezes: true},
	{rule: "ALinkMayBeClosedWhileTheBrokerIsSilent", check: closeWhileSilent, freezes: true},
	{rule: "WhatAStrangerPublishesBreaksNothing", check: stranger, strange: true},
	{rule: "StatusNeverTwiceAtOnce", check: statusAlone, loses: true},
}
