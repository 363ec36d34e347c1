package chanx

import (
	"encoding/json"

	"github.com/chanx-go/chanx/schema"
)

// Spec is a plain description of everything registered on a server. Package asyncapi writes it as an AsyncAPI document.
// It encodes to JSON as it is. Schemas are JSON Schema draft-07 with the names used on the wire, and refer to Schemas by
// "#/components/schemas/" and a name. A struct's schema lists as x-chanx.always the members that the server always
// writes although clients may leave them out.
type Spec struct {
	Discriminator   string          `json:"discriminator"` // the member of a frame that names its type
	Camelize        bool            `json:"camelize"`
	Subprotocols    []string        `json:"subprotocols"`
	RefusesWithHTTP bool            `json:"refusesWithHTTP,omitempty"` // as ServerOptions.RefuseWithHTTP
	Reasons         []FailureSpec   `json:"reasons"`                   // the library's own; any handler may cause them
	Channels        []ChannelSpec   `json:"channels"`                  // in the order of Handle
	Schemas         json.RawMessage `json:"schemas"`                   // an object of named schemas
}

// ChannelSpec describes a consumer at a pattern.
type ChannelSpec struct {
	Pattern         string           `json:"pattern"`
	Parameters      []ParameterSpec  `json:"parameters"` // those of the path first
	Name            string           `json:"name"`
	Doc             string           `json:"doc,omitempty"`
	Groups          []string         `json:"groups"` // that every connection joins
	Authenticated   bool             `json:"authenticated"`
	TokenRequired   bool             `json:"tokenRequired,omitempty"`
	Tokens          []TokenSpec      `json:"tokens,omitempty"`          // where a client may put its token
	SecuritySchemes []map[string]any `json:"securitySchemes,omitempty"` // of a DocumentedAuthenticator
	Welcome         bool             `json:"welcome"`                   // an AuthenticationMessage with 200 begins every connection
	Completions     bool             `json:"completions"`
	Closes          []CloseSpec      `json:"closes"`             // ordered by code; any other code means ThenStop
	Resume          bool             `json:"resume,omitempty"`   // planned; false in this version
	Recent          int              `json:"recent,omitempty"`   // planned; 0 in this version
	Presence        json.RawMessage  `json:"presence,omitempty"` // planned; absent in this version
	Receives        []MessageSpec    `json:"receives"`           // from clients, in the order of registration; the library's last
	Sends           []MessageSpec    `json:"sends"`              // to clients; the library's last
	Asks            []AskSpec        `json:"asks,omitempty"`     // planned; absent in this version
	Events          []EventSpec      `json:"events"`
}

// Places of a parameter in a URL.
const (
	InPath  = "path"
	InQuery = "query"
)

// ParameterSpec describes what a client writes into the URL of a connection.
type ParameterSpec struct {
	Name        string          `json:"name"`
	In          string          `json:"in"` // InPath or InQuery
	Description string          `json:"description,omitempty"`
	Deprecated  bool            `json:"deprecated,omitempty"`
	Schema      json.RawMessage `json:"schema"` // of the value as JSON; of a list if it is Repeated
	Required    bool            `json:"required"`
	Default     json.RawMessage `json:"default,omitempty"`
	Rest        bool            `json:"rest,omitempty"`     // the rest of the path, slashes included
	Repeated    bool            `json:"repeated,omitempty"` // a list: the key is repeated
	Example     json.RawMessage `json:"example,omitempty"`  // of the value as JSON
}

// TokenSpec is a place for a client's token.
type TokenSpec struct {
	In     string `json:"in"`               // "header", "cookie", "query" or "subprotocol"
	Name   string `json:"name,omitempty"`   // of the header, cookie or query parameter
	Prefix string `json:"prefix,omitempty"` // before the token
}

// What a client does after a close code: values of CloseSpec.Then.
const (
	ThenRetry = "retry" // connect again, with backoff and jitter
	ThenFresh = "fresh" // connect again once, with a fresh token
	ThenStop  = "stop"  // it would happen again
)

// CloseSpec describes a close code, or a range of them.
type CloseSpec struct {
	Code    int    `json:"code"`
	To      int    `json:"to,omitempty"` // the last code of a range
	Meaning string `json:"meaning"`
	Then    string `json:"then"`            // ThenRetry, ThenFresh or ThenStop
	After   int    `json:"after,omitempty"` // seconds to wait at least
}

// Kinds of handlers in a MessageSpec.
const (
	HandlerOn      = "on"      // no reply
	HandlerRequest = "request" // exactly one reply
	HandlerStream  = "stream"  // many replies
)

// MessageSpec describes a type of message. The fields from Handler on apply to messages from clients.
type MessageSpec struct {
	Action          string            `json:"action"`
	GoType          string            `json:"goType"` // as printed by %T
	Title           string            `json:"title"`  // the type's name
	Description     string            `json:"description,omitempty"`
	Deprecated      bool              `json:"deprecated,omitempty"`
	Payload         json.RawMessage   `json:"payload,omitempty"`         // its schema; absent if the type has no fields
	PayloadOptional bool              `json:"payloadOptional,omitempty"` // clients may leave it out: an empty map
	Examples        []json.RawMessage `json:"examples,omitempty"`        // of the payload
	Frame           []FrameSpec       `json:"frame,omitempty"`           // fields beside the payload
	Group           bool              `json:"group,omitempty"`           // sent to groups: carries is_mine and is_current
	Kept            bool              `json:"kept,omitempty"`            // planned; false in this version
	Droppable       bool              `json:"droppable,omitempty"`       // may be discarded for a slow client
	Latest          bool              `json:"latest,omitempty"`          // only the newest of each key is queued
	Library         bool              `json:"library,omitempty"`         // one of the library, such as Pong
	Unasked         bool              `json:"unasked,omitempty"`         // sent by the server other than as a reply or as an item of a stream
	Handler         string            `json:"handler,omitempty"`         // HandlerOn, HandlerRequest or HandlerStream
	HandlerComment  string            `json:"handlerComment,omitempty"`  // from ConsumerOptions.Docs
	Reply           string            `json:"reply,omitempty"`           // the action of the reply
	Fails           []FailureSpec     `json:"fails,omitempty"`
}

// AskSpec describes a question of the server that one client answers. It is planned.
type AskSpec struct {
	Question MessageSpec `json:"question"`
	Answer   MessageSpec `json:"answer"`
}

// FrameSpec describes a field of a message that is carried in the frame, beside the payload.
type FrameSpec struct {
	Name     string          `json:"name"`
	Required bool            `json:"required"`         // of clients
	Always   bool            `json:"always,omitempty"` // written by the server
	Schema   json.RawMessage `json:"schema"`
	Example  json.RawMessage `json:"example"`
}

// FailureSpec describes an error that a client may receive.
type FailureSpec struct {
	Reason string `json:"reason"`
	Doc    string `json:"doc"`
}

// EventSpec describes an event that the consumer handles.
type EventSpec struct {
	Name        string          `json:"name"`
	GoType      string          `json:"goType"`
	Title       string          `json:"title"`
	Description string          `json:"description,omitempty"`
	Deprecated  bool            `json:"deprecated,omitempty"`
	Payload     json.RawMessage `json:"payload,omitempty"`
	Forwards    string          `json:"forwards,omitempty"` // the action with which it is sent to clients unchanged
}

// schemaPrefix is the location of the schemas in documents.
const schemaPrefix = "#/components/schemas/"

// Spec describes what is registered at the time of the call.
func (s *Server) Spec() Spec {
	mounts := s.mounted()
	defs := schema.NewDefinitions(schemaPrefix, codecs(mounts)...)
	spec := Spec{
		Discriminator: s.names.discriminator, Camelize: s.opts.Camelize, Subprotocols: append([]string{}, s.opts.Subprotocols...),
		RefusesWithHTTP: s.opts.RefuseWithHTTP, Reasons: libraryReasons(), Channels: []ChannelSpec{},
	}
	spec.Schemas, _ = defs.MarshalJSON() // its error is always nil
	for _, m := range mounts {
		spec.Channels = append(spec.Channels, m.spec(defs))
	}
	return spec
}
