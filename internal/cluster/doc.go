// Package cluster is what nodes say to each other over a channel layer. It has the data of a publication, which may be
// signed, and follows a link's subscriptions. It knows no connections and sends no frames: package chanx does that with
// what a [Node] receives.
//
// # The data of a publication
//
// The data is the same for each target:
//
//	version  1 byte: 1
//	kind     1 byte: 1 message, 2 event, 3 close, 4 join, 5 leave
//	flags    1 byte: 1 except the sender, 2 Raw
//	seal     a length in 1 byte, and as many bytes: see [Signer]; a node without keys ignores it
//	headers  count, then name and value of each
//	node, connection and user of the sender; empty without a sender
//	targets  count, then the subject of each; the copy for a target reaches connections for which it is the first match;
//	         the last one of a message is "t/" and its TypeID, 8 bytes in little endian, which reaches no connection
//	action
//	frame    the message's fields beside the payload, a JSON object in declared names; empty: none
//	payload  up to the end: JSON in declared names; code and reason of a close; groups of a join or leave
//
// Counts and lengths are unsigned varints unless a size is given. Strings are a length and bytes. The envelope, flags and
// camelCase are made by the receiver.
//
// Nodes of several releases share one layer. Within a version there may be new headers, flags, kinds, kinds of subjects
// ("s/", the servers themselves, was added later), and members in the payload of a close. A receiver ignores headers,
// members, subjects and flags of 16 and above that it does not know. It drops and counts data with an unknown kind, or an
// unknown flag below 16: use one of these for what must not be carried out in part. Anything else needs a new version, which
// older nodes drop and count; a release must read it before a later one writes it. The directory testdata keeps samples
// of version 1.
package cluster
