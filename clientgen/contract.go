package clientgen

// Contract is what a document says, in terms of no language. Nothing in it is checked to be a valid identifier: names and
// texts are as in the document.
type Contract struct {
	Title         string
	Version       string // the application's
	Doc           string
	Hash          string // SHA-256 of the document, in hexadecimal
	Discriminator string // the member of a frame that names the type of its message: "action"
	Camelize      bool   // members that the library adds to frames are isMine, not is_mine
	Subprotocols  []string
	Reasons       []Reason // with which the library itself fails messages
	Endpoints     []*Endpoint
	Types         []*Type // those that messages, parameters and cards need, in the order of the document
}

// Reason is a word with which the handling of a message may fail.
type Reason struct{ Reason, Doc string }

// Endpoint is a channel of the document: what one consumer serves at one address.
type Endpoint struct {
	Name          string
	Host          string // "": any
	Address       string // "/rooms/{room}"; a parameter with Rest stands for several segments
	Doc           string
	Parameters    []*Parameter // of the path in the order of the address, then those of the query
	Tokens        []Token      // the ways to give a token
	TokenRequired bool
	Welcome       bool // it is open once an authentication message with 200 has come
	Completions   bool // completions may come unasked
	Resume        bool // a client may resume groups
	Recent        int  // messages of a group that a new member is sent
	Presence      *Schema
	Closes        []Close
	Calls         []*Call    // what a client may send
	Events        []*Message // what comes unasked
	Asks          []*Ask
}

// Parameter is a value that a client gives when it connects.
type Parameter struct {
	Property

	Query bool // else it is of the path
	Rest  bool // the value may have several segments
}

// Token is a way to give a token.
type Token struct {
	In     string // query, subprotocol, header or cookie
	Name   string
	Prefix string
}

// Close is the meaning of the close codes from Code to To.
type Close struct {
	Code, To int
	Meaning  string
	Then     string // retry, stop or fresh: retry with a fresh token
	After    int    // seconds to wait at least
}

// Call is a message that a client may send.
type Call struct {
	*Message

	Kind   Kind
	Answer *Message // nil for a Send
	Fails  []Reason // besides the library's
}

// Kind is how a message of a client is answered.
type Kind string

// The kinds of calls.
const (
	Send    Kind = "on"      // not at all
	Request Kind = "request" // once
	Stream  Kind = "stream"  // by any number of items, then by a completion
)

// Ask is a question of the server.
type Ask struct{ Question, Answer *Message }

// Message is a kind of frame, in one direction.
type Message struct {
	Action     string
	Doc        string
	Deprecated bool
	Payload    *Schema    // nil: without content
	Optional   bool       // a client may leave the payload out
	Beside     []Property // members of the frame beside the payload
	Group      bool       // it has is_mine and is_current
	Kept       bool       // it has pos
	Latest     bool
	Droppable  bool
	library    bool // the runtime of a client handles it
}

// Type is a schema with a name.
type Type struct {
	Name     string
	Schema   *Schema
	Sent     bool // by clients
	Received bool // by clients
	// Split reports that the type is sent and received, and that the server always writes members that a client may leave
	// out: a client that wants no surprise needs two types.
	Split bool
}

// Shape is the kind of a schema.
type Shape int

// The shapes of values.
const (
	Any     Shape = iota // any JSON value
	Never                // none
	Null                 // only null
	String               // of a Format
	Integer              // of a Format
	Number
	Boolean
	Enum   // one of Values
	Array  // of Items
	Map    // of any keys to Items; with Keys, of these only
	Object // Properties, and further members that are Items, if that is not nil
	Union  // one of Of
	Named  // what Ref says
)

// Schema describes a value. What only narrows a value, such as a maximum, is left out: servers validate.
type Schema struct {
	Shape         Shape
	Nullable      bool // null is possible too
	Doc           string
	Deprecated    bool
	Format        string // date-time, int64, uint64, base64, …
	Values        []Literal
	Items         *Schema
	Keys          []string
	Properties    []Property
	Of            []*Schema
	Discriminator string // the member that tells the variants of a Union apart; "" if none does
	Ref           *Type
}

// Property is a member of an object.
type Property struct {
	Name     string
	Schema   *Schema
	Required bool // of who sends it
	Always   bool // the server writes it although clients may leave it out
}

// Literal is a value of an enum: a string, a number or a boolean.
type Literal struct {
	Text string // of a string its value, else as in JSON
	Kind Shape  // String, Number or Boolean
	Doc  string
}
