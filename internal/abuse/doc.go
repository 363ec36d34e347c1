// Package abuse attacks a server over real sockets, as strangers who find its port do. It consists of tests.
//
// Each test starts a fort: a server on a port of this machine, with a handler of each kind, an Observer that counts,
// and a bystander, a client that sends requests and gets answers all the time. Raiders are clients that do what clients
// must not do, or too much of what they may.
//
// The tests have the build tag abuse: make abuse runs them, and so does .ci/run, after all other tests and not beside
// any. They use the whole machine, and would distort what other packages measure at the same time.
//
// # What must hold
//
// In each attack, unless its own test states otherwise:
//
//   - The raiders are answered or closed as the protocol requires. The Observer counts exactly as many closes of each
//     code, drops, invalid frames and handled messages as the test expects.
//   - Each answer to the bystander arrives. Its mean and its slowest time are each at most 20 times what they are without
//     the attack, or for another bystander at the same time, whose server in the same process is not attacked. A mean of
//     up to 250 ms and a slowest time of up to 5 s always pass.
//   - The heap in use grows by at most 32 MB, including that of the raiders.
//   - There are at most 4 more goroutines per connection, including those of the raiders, plus 64.
//   - Afterwards no connection, goroutine, group or subscription of the attack is left.
//
// Nothing depends on the speed of the machine: an expected frame may take a minute, processor time is compared with
// that of other work, and the server's timeouts are chosen by the test or off. go test -v logs the figures.
//
// # Attacks
//
//   - TestHandshakesThatNeverEnd: 1,000 that send nothing, stop or send slowly end with ReadHeaderTimeout; heap 64 KiB each.
//     TestHandshakesOfTLSThatNeverEnd: 200.
//   - TestHandshakesWithHugeHeaders: 100,000 subprotocols are searched, four times as many are 431.
//   - TestSmuggledHandshakes, TestBytesBehindTheHandshakeAreFrames: ambiguous requests are 400 to 501, or 1002.
//   - TestSlowMessages: 300, whole, in fragments or not at all, end with MessageTimeout and 1013.
//   - TestUnfinishedTLSRecords: 60 below TLS, cut, forged or ended, end with PongTimeout at the latest and 1006.
//   - TestFragmentsOfOneByte: 128 are a message, one more is 1008.
//   - TestCompressedBombs: 8 KB that would be 8 MB are 1002; heap 8 MB for 20 of them.
//   - TestPingFlood: 40,000 are answered in order. TestPingFloodWithoutReading: 50 end with 1013; heap 256 KiB
//     each, and SendQueueBytes.
//   - TestErrorsOfHugeKeys: 20 items of 64 code points a step, for any input.
//   - TestFloodsOfInvalidFrames: 101 are answered, then 1008.
//   - TestCostlyFrames: 60,000 bytes of 21 kinds take at most 3 times the processor time of the same in eight frames.
//   - TestRefusedFramesCostLittle: refused frames of every kind of type, plain and compressed, of 150 to 57,000 bytes, take
//     at most 5 times the processor time of accepted frames with an answer of the same length.
//   - TestFloodsOfCancels, TestFloodsOfCancelledStreams: 40,000 and 200; each message has one final frame.
//   - TestFloodsOfHeartbeats: 200,000 take no more processor time than as many messages ping, also beside a handler.
//     TestFloodsOfHeartbeatsWithoutReading: 50 end with 1013; heap 256 KiB each, and SendQueueBytes.
//   - TestEventFlood: EventQueue wait, one more is 1013 after a second.
//   - TestFloodsOfBroadcasts: the copies to deliver are at most half more than package hub allows.
//   - TestGroupChurn: 20,000 joins of 10 clients leave no group and no subscription. TestMoreGroupsThanMaxGroups.
//   - TestClientsThatNeverRead: 1,000 end with 1013, the reader gets all; heap 112 KiB each, and SendQueueBytes.
//   - TestStreamsToClientsThatNeverRead: 800 wait; 12 goroutines for each 8; heap 256 KiB, and SendQueueBytes.
//     TestStalledStreams: 50 end with WriteTimeout and 1006.
//   - TestClientsThatFillTheInboxAndVanish: 300 that close, reset or fall silent end within PingInterval and PongTimeout,
//     with 1006; heap 112 KiB each.
//   - TestHalfClosedConnections: 90 in three ways end with 1006, 1013 and 1002.
//   - TestStormsOfOpeningAndClosing: 1,500 connections in six ways. TestMoreConnectionsThanMaxConnections: 503.
//   - TestPanicsWhileOpening, TestPanicsOfHandlers, TestPanicsWhileClosing: some 30 places; each panic ends only its
//     own message or connection, and is logged. TestFloodsOfPanics: Rate limits the log.
//
// # Classes of vulnerabilities
//
// Each class has affected other servers. The list names the tests for it here, or where the code is:
//
//   - Length overflow in a frame header: internal/socket.TestHostileFrames, internal/socket.TestAnnouncedMemory,
//     internal/socket.TestAnnouncedGigabyte, internal/socket.FuzzFrames.
//   - Uncaught errors of decoding, and of an application's code: TestFloodsOfInvalidFrames, TestPanicsWhileOpening,
//     TestPanicsOfHandlers, TestPanicsWhileClosing, schema.TestNestingIsBounded, schema.FuzzDecode,
//     internal/cluster.FuzzParse and FuzzEnvelope of the root package.
//   - No limit on what a client can multiply. Headers and subprotocols: TestHandshakesWithHugeHeaders. Connections:
//     TestMoreConnectionsThanMaxConnections. Groups: TestMoreGroupsThanMaxGroups. Fragments: TestFragmentsOfOneByte.
//     Pongs: TestPingFloodWithoutReading, TestFloodsOfHeartbeatsWithoutReading. Items of an error: TestErrorsOfHugeKeys. Invalid frames:
//     TestFloodsOfInvalidFrames. Refs and cancels: TestFloodsOfCancels. Streams: TestStreamsToClientsThatNeverRead.
//     Events: TestEventFlood. Broadcasts: TestFloodsOfBroadcasts. Log lines: TestFloodsOfPanics. Work per
//     frame: TestCostlyFrames. Data after the end: internal/socket.TestDiscardIsBounded.
//   - Decompressed size: TestCompressedBombs if compression was not negotiated. If it was, MaxMessageBytes limits the
//     inflated size: internal/socket.TestBombsCostTheLimit, internal/socket.TestHostileDeflate.
//   - Tricks with origins (wildcard, null, case, port and others): internal/socket.TestOrigins, TestSmuggledHandshakes.
//   - A token of one issuer accepted for another's: no result is cached for a token, and keys only by their own set.
//     jwtauth.TestInvalidTokensGetTheSameRefusal, jwtauth.TestARotatedKeyIsReadWhenATokenNamesIt,
//     jwtauth.TestUnusableKeysAreSkipped.
//   - Prototype pollution: TestPrototypeNames.
//   - Weak randomness: TestIdentifiersCannotBeGuessed. The server's frames have no masks; every raider checks that.
//   - Text that is not UTF-8: TestInvalidTextIsNotSent, TestInvalidGroupNames, TestInvalidRefs,
//     internal/socket.TestHostileFrames, internal/socket.TestUTF8InPieces, FuzzNames of the root package.
//   - Smuggling in the handshake: TestSmuggledHandshakes, TestOfferedSubprotocolsAreNotEchoed,
//     TestBytesBehindTheHandshakeAreFrames, internal/socket.TestHandshakeCheck.
package abuse
