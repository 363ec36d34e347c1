// Package layertest checks that a channel layer keeps the contract of package layer. Every layer has to pass the same cases,
// so servers can rely on the contract with every broker.
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
// Each case is a subtest named after the rule it checks, and its failures begin with that rule. It opens a layer of its own
// and as many links as it needs, and closes them at its end. When the functions given to t.Cleanup have returned, all
// goroutines started since the beginning of the case must have ended, including those started by the given function.
//
// # Time
//
// The cases do not sleep. They wait until something has arrived, for at most Features.Wait. To show that something does not
// arrive, they wait for a later publication. So they run as fast as the broker, which may be in another process or on
// another machine. Nothing else may use the broker at the same time. The test that calls Run must not run in parallel with
// others, whose goroutines would be mistaken for those of the layer.
//
// # What is not checked
//
// The contract allows losses if they are reported. The cases allow only the loss of what is published while the broker is
// down, because they do not overload the broker.
package layertest

import (
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/chanx-go/chanx/layer"
)

// Features describe what a layer can do beyond the contract, and how the cases control its broker. The zero value is for a
// layer whose broker cannot be lost.
type Features struct {
	// Wait is how long a call or a delivery may take before it counts as lost. The default is 10 seconds.
	Wait time.Duration

	// Isolated means that a slow receiver does not delay other links on the same subject.
	Isolated bool

	// Down makes the broker unreachable for all links of the layer that was opened for the case, including links opened
	// later; Up makes it reachable again. They need not wait until the links have noticed. Set both or neither; without
	// them, the cases that need them are skipped.
	Down, Up func(t *testing.T, l layer.Layer)

	// Freeze makes the broker stop answering while its connections stay open, as when its process is stopped; Thaw makes it
	// continue. Set both or neither; without them, the cases that need them are skipped.
	Freeze, Thaw func(t *testing.T, l layer.Layer)

	// Silence is how long a broker may be silent before links must report that it is lost. The default, and the contract's
	// limit, is 10 seconds.
	Silence time.Duration

	// ForeignClient connects to the broker as a client that is not a link and has no key, but all permissions. The returned
	// function publishes data by the broker's own means: where publications to the subject go and, for the empty
	// subject, wherever else the layer listens. It returns when the broker has the data. If ForeignClient is nil, the case that
	// needs it is skipped.
	ForeignClient func(t *testing.T, l layer.Layer) (publish func(subject string, data []byte))

	// Goroutines lists goroutines that may be left, such as those of a broker in the test process.
	Goroutines []goleak.Option
}

// Run runs all cases. It calls open for each case, after the links of the case before have been closed.
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
			if c.foreign && f.ForeignClient == nil {
				t.Skip("Features.ForeignClient is nil: there is no other client of the broker")
			}
			l := &fixture{t: t, features: f}
			before := goleak.IgnoreCurrent()
			t.Cleanup(func() { l.expectNoGoroutines(before) })
			l.layer = open(t)
			t.Cleanup(l.finish)
			c.check(l)
		})
	}
}

// testCase checks a rule of the contract.
type testCase struct {
	rule  string
	check func(l *fixture)
	loses bool // it needs Features.Down and Up

	freezes bool // it needs Features.Freeze and Thaw
	foreign bool // it needs Features.ForeignClient
}

var cases = []testCase{
	{rule: "OrderIsKeptPerPublisherAndSubject", check: orderPerPublisher},
	{rule: "OrderIsKeptOnEachOfConcurrentSubjects", check: orderOnConcurrentSubjects},
	{rule: "OrderIsKeptAcrossGoroutines", check: orderAcrossGoroutines},
	{rule: "APublicationArrivesAtMostOnce", check: atMostOnce},
	{rule: "EchoIsAllowedOnceAndInOrder", check: echo},
	{rule: "SubscribeThenPublishArrives", check: subscribeThenPublish},
	{rule: "UnsubscribeStops", check: unsubscribeStops},
	{rule: "SubscribingAgainChangesNothing", check: subscribingAgain},
	{rule: "TenThousandSubjectsAreKeptApart", check: manySubjects},
	{rule: "SubjectsThatDifferInOneByteAreDifferent", check: similarSubjects},
	{rule: "DataArrivesWhole", check: dataArrivesWhole},
	{rule: "DataMayBeReusedAfterPublish", check: dataOfPublisher},
	{rule: "DataGivenToAReceiverDoesNotChange", check: dataOfReceiver},
	{rule: "MethodsMayBeCalledConcurrently", check: concurrentUse},
	{rule: "CallsForOneSubjectNeverOverlap", check: noOverlap},
	{rule: "ASlowReceiverDelaysOnlyItself", check: slowReceiver},
	{rule: "NoCallBeginsAfterClose", check: closeEnds},
	{rule: "CloseWhileBusyEndsTheLinkOnly", check: closeWhileBusy},
	{rule: "TheContextBoundsTheWait", check: contextBounds},
	{rule: "NoGoroutineIsLeft", check: openAndClose},
	{rule: "ALostBrokerIsReportedAndRecovered", check: lostBroker, loses: true},
	{rule: "UnsubscribeWhileDownForgets", check: forgottenWhileDown, loses: true},
	{rule: "ALinkMayBeOpenedWhileTheBrokerIsDown", check: openWhileDown, loses: true},
	{rule: "ALinkMayBeClosedWhileTheBrokerIsDown", check: closeWhileDown, loses: true},
	{rule: "ASilentBrokerIsReportedAndRecovered", check: silentBroker, freezes: true},
	{rule: "ALinkMayBeClosedWhileTheBrokerIsSilent", check: closeWhileSilent, freezes: true},
	{rule: "ForeignPublicationsBreakNothing", check: foreignPublications, foreign: true},
	{rule: "CallsOfStatusNeverOverlap", check: statusNeverOverlaps, loses: true},
}
