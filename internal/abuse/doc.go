// Package abuse attacks a server over real sockets, as those do who find its port. It consists of tests.
//
// Each builds a fort: a server on a port of this machine, with a handler of each kind, an Observer that counts, and a
// bystander who asks and is answered all the while. Raiders do what clients must not do, or too much of what they may.
//
// The tests have the build tag abuse: make abuse runs them, and so does .ci/run, after all others and beside none. They
// take all of the machine, and would spoil what other packages measure at the same time.
//
// # What must hold
//
// In each attack, unless its own test says otherwise:
//
//   - The raiders are answered or closed as the protocol says; of each close code the Observer has seen exactly as many
//     as the test says, and of what was dropped, invalid or handled.
//   - Each answer to the bystander comes. Their mean, and the slowest, take at most 20 times what they do without the
//     attack, or at the same time for another bystander, of a server in the same process that nobody attacks; or 250 ms,
//     and the slowest 5 s.
//   - What is in use on the heap grows by at most 32 MB, that of the raiders included.
//   - There are at most 4 more goroutines for each connection, those of the raiders included, and 64.
//   - Afterwards no connection, goroutine, group or subscription is left of it.
//
// Nothing depends on how fast the machine is: what must come may take a minute, what a processor is busy with is compared
// with what it does for others, and times that the server keeps are either the test's own or off. The figures are in the
// log of go test -v.
//
// # Attacks
//
//   - TestHandshakesThatNeverEnd: 1,000 that are silent, stop or dribble end with ReadHeaderTimeout; heap 64 KiB each.
//     TestHandshakesOfTLSThatNeverEnd: 200.
//   - TestHandshakesWithHugeHeaders: 100,000 subprotocols are looked through, four times as many are 431.
//   - TestSmuggledHandshakes, TestBytesBehindTheHandshakeAreFrames: what can be read in two ways is 400 to 501, or 1002.
//   - TestDribbledMessages: 300, whole, in fragments or not at all, end with MessageTimeout and 1008.
//   - TestRecordsThatNeverEnd: 60 below TLS, cut, forged or ended, end with PongTimeout at the latest and 1006.
//   - TestFragmentsOfOneByte: 128 are a message, one more is 1008.
//   - TestCompressedBombs: 8 KB that would be 8 MB are 1002; heap 8 MB for 20 of them.
//   - TestPingFlood: 40,000 are answered in order. TestPingFloodOfADeafClient: 50 end with 1013; heap 256 KiB
//     each, and SendQueueBytes.
//   - TestErrorsOfHugeKeys: 20 items of 64 code points a step, whatever was sent.
//   - TestFloodsOfInvalidFrames: 101 are answered, then 1008.
//   - TestCostlyFrames: 60,000 bytes of 21 kinds take at most 3 times the processor's time of the same in eight frames.
//   - TestRefusedFramesCostLittle: frames of every kind of type that are refused, plain and deflated, of 150 to 57,000
//     bytes, take at most 5 times the processor's time of those that are accepted and get an answer of the same length.
//   - TestFloodsOfCancels, TestFloodsOfCancelledStreams: 40,000 and 200; each message has one terminal frame.
//   - TestEventFlood: EventQueue wait, one more is 1013 after a second.
//   - TestFloodsOfBroadcasts: the copies that are due are at most half more than package hub allows.
//   - TestGroupChurn: 20,000 joins of 10 clients leave no group and no subscription. TestMoreGroupsThanMaxGroups.
//   - TestClientsThatNeverRead: 1,000 end with 1013, the reader gets all; heap 112 KiB each, and SendQueueBytes.
//   - TestStreamsToClientsThatNeverRead: 800 wait; 12 goroutines for each 8; heap 256 KiB, and SendQueueBytes.
//     TestStreamsThatCannotGoOn: 50 end with WriteTimeout and 1006.
//   - TestClientsThatFillTheInboxAndVanish: 300 that close, reset or fall silent end within PingInterval and PongTimeout,
//     with 1006; heap 112 KiB each.
//   - TestHalfClosedConnections: 90 in three ways end with 1006, 1013 and 1002.
//   - TestStormsOfOpeningAndClosing: 1,500 connections in six ways. TestMoreConnectionsThanMaxConnections: 503.
//   - TestPanicsOnTheWayIn, TestPanicsOfHandlers, TestPanicsOnTheWayOut: some 30 places; each costs its own message or
//     connection, and the log has it. TestFloodsOfPanics: the log is bounded by Rate.
//
// # Classes of vulnerabilities
//
// Each has hit other servers. The tests that look for it here, or where the code is:
//
//   - Length overflow in a frame's header: internal/socket.TestHostileFrames, internal/socket.TestAnnouncedMemory,
//     internal/socket.TestAnnouncedGigabyte, internal/socket.FuzzFrames.
//   - Uncaught errors of decoding, and of an application's code: TestFloodsOfInvalidFrames, TestPanicsOnTheWayIn,
//     TestPanicsOfHandlers, TestPanicsOnTheWayOut, schema.TestNestingIsBounded, schema.FuzzDecode, FuzzEnvelope and FuzzLayerData of the root package.
//   - No cap on what a client multiplies. Headers and subprotocols: TestHandshakesWithHugeHeaders. Connections:
//     TestMoreConnectionsThanMaxConnections. Groups: TestMoreGroupsThanMaxGroups. Fragments: TestFragmentsOfOneByte.
//     Pongs: TestPingFloodOfADeafClient. Items of an error: TestErrorsOfHugeKeys. Invalid frames:
//     TestFloodsOfInvalidFrames. Refs and cancels: TestFloodsOfCancels. Streams: TestStreamsToClientsThatNeverRead.
//     Events: TestEventFlood. Broadcasts: TestFloodsOfBroadcasts. Lines of the log: TestFloodsOfPanics. Work for a
//     frame: TestCostlyFrames. After the end: internal/socket.TestDiscardIsBounded.
//   - Decompressed size: TestCompressedBombs where no compression has been agreed on. Where it has, MaxMessageBytes
//     bounds what is inflated: internal/socket.TestBombsCostTheLimit, internal/socket.TestHostileDeflate.
//   - Origins with wildcard, null, case, port and other tricks: internal/socket.TestOrigins, TestSmuggledHandshakes.
//   - A token of one issuer taken for another's: nothing is remembered of a token, and keys only by their own set.
//     jwtauth.TestInvalidTokensGetTheSameRefusal, jwtauth.TestARotatedKeyIsReadWhenATokenNamesIt,
//     jwtauth.TestUnusableKeysAreSkipped.
//   - Names of prototypes: TestNamesOfPrototypes.
//   - Weak randomness: TestIdentifiersCannotBeGuessed. The server's frames have no masks; every raider checks that.
//   - Text that is not UTF-8: TestTextThatIsNone, TestGroupNamesThatAreNone, TestRefsThatAreNone,
//     internal/socket.TestHostileFrames, internal/socket.TestUTF8InPieces, FuzzNames of the root package.
//   - Smuggling in the handshake: TestSmuggledHandshakes, TestWhatIsOfferedIsNotRepeated,
//     TestBytesBehindTheHandshakeAreFrames, internal/socket.TestHandshakeCheck.
package abuse
