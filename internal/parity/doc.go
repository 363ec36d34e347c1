// Package parity replays conversations that were recorded with the original, the Python project Chanx 0.12.0, and compares
// what chanx answers with what the original answered. It consists of tests.
//
// The recordings are in testdata/recorded, whose README.md describes their format. TestRecordedConversations plays them
// against consumers written for chanx (consumers_*_test.go). A difference is allowed only if a reason in
// reasons_*_test.go explains it, and most reasons quote docs/design.md. go test -v logs how many cases each reason explains.
package parity
