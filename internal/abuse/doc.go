// Package abuse attacks a server over real sockets, as those do who find its port. It consists of tests.
//
// Each builds a fort: a server on a port of this machine, with a handler of each kind, an Observer that counts, and a
// bystander who asks and is answered all the while. Raiders do what clients must not do, or too much of what they may.
// What must hold is the same everywhere: the raiders are answered or closed as the protocol says, what they can make
// the server keep is bounded, the bystander is served, and afterwards no connection, goroutine, group or subscription
// is left of them. Nothing depends on how fast the machine is: what must come may take long, and the figures are in the
// log of go test -v.
//
// The tests have the build tag abuse: make abuse runs them.
//
// # Classes of vulnerabilities
//
// Each has hit other servers. The tests that look for it here, or where the code is:
//
//   - Length overflow in a frame's header: internal/socket.TestHostileFrames, internal/socket.TestAnnouncedMemory,
//     internal/socket.TestAnnouncedGigabyte, internal/socket.FuzzFrames.
//   - Uncaught errors of decoding, and of an application's code: TestFloodsOfInvalidFrames, TestPanicsOnTheWayIn,
//     TestPanicsOfHandlers, TestPanicsOnTheWayOut, TestAPanicOfTheContextFunction, schema.TestNestingIsBounded,
//     schema.FuzzDecode, FuzzEnvelope and FuzzLayerData of the root package.
//   - No cap on what a client multiplies. Headers and subprotocols: TestHandshakesWithHugeHeaders. Connections:
//     TestMoreConnectionsThanMaxConnections. Groups: TestMoreGroupsThanMaxGroups. Fragments: TestFragmentsOfOneByte.
//     Pongs: TestPingFloodOfADeafClient. Items of an error: TestErrorsOfHugeKeys. Invalid frames:
//     TestFloodsOfInvalidFrames. Refs and cancels: TestFloodsOfCancels. Streams: TestStreamsToClientsThatNeverRead.
//     Events: TestEventFlood. Broadcasts: TestFloodsOfBroadcasts. Lines of the log: TestFloodsOfPanics. Work for a
//     frame: TestCostlyFrames. After the end: internal/socket.TestDiscardIsBounded.
//   - Decompressed size: does not apply, because no extension is offered and a compressed frame is a violation
//     (internal/socket.TestHostileFrames). MaxMessageBytes is to bound what is inflated once there is
//     permessage-deflate.
//   - Origins with wildcard, null, case, port and other tricks: internal/socket.TestOrigins, TestSmuggledHandshakes.
//   - A token of one issuer taken for another's: nothing is remembered of a token, and keys only by their own set.
//     jwtauth.TestBadTokensAreRefusedAlike, jwtauth.TestARotatedKeyIsReadWhenATokenNamesIt,
//     jwtauth.TestKeysThatAreNotForUsArePassedOver.
//   - Names of prototypes: TestNamesOfPrototypes.
//   - Weak randomness: TestIdentifiersCannotBeGuessed. The server's frames have no masks; every raider checks that.
//   - Text that is not UTF-8: TestTextThatIsNone, TestGroupNamesThatAreNone, TestRefsThatAreNone,
//     internal/socket.TestHostileFrames, internal/socket.TestUTF8InPieces, FuzzNames of the root package.
//   - Smuggling in the handshake: TestSmuggledHandshakes, TestWhatIsOfferedIsNotRepeated,
//     TestBytesBehindTheHandshakeAreFrames, internal/socket.TestHandshakeCheck.
package abuse
