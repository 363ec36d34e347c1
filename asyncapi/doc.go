// Package asyncapi writes what a chanx server serves as an AsyncAPI 3 document: a channel for each pattern, with its
// messages, operations, security schemes and close codes.
//
//	mux.Handle("/asyncapi.json", asyncapi.Handler(srv, &asyncapi.Options{Title: "Chat", Version: "1.4.0"}))
//
// A document depends only on what is registered and on the options. Its members keep their order, that of registration,
// so a diff of two documents shows what has changed.
//
// # Extensions
//
// What AsyncAPI has no word for is in objects called x-chanx:
//
//   - of the document: the version of this format (wire), the names of members on the wire (discriminator, camelize),
//     the subprotocols, and the reasons of the library's own errors;
//   - of a channel: its name; welcome (the first frame is an authentication message with 200); completions; where a
//     token goes (tokens, tokenRequired); what each close code means, and whether a client then comes back (closes);
//     resume, recent and presence, which are planned;
//   - of a parameter: its schema, because AsyncAPI has only strings, and rest for a wildcard that spans slashes;
//   - of a message: the name of the payload's type (absent without content), the members beside the payload, and
//     whether it is a group message, kept (planned), latest, droppable, deprecated or the library's;
//   - of an operation: its kind (on, request, stream, send, or the planned ask), and the reasons with which its handler
//     fails;
//   - of a schema: the members that the server always writes although clients may leave them out (always).
//
// # What a document cannot say
//
// Patterns of JSON Schema are those of ECMA-262, and those of Go are RE2. A pattern that only RE2 knows is an error of
// Document, which names the message, the path and what to write instead. Rules in methods such as Validate are not in a
// document.
package asyncapi
