package probe

// Publication is a broadcast or an event on its way through the channel layer.
type Publication struct {
	IsEvent bool
	Action  string // of a message, or the event's name
	Payload []byte // JSON in declared names, of the layer's data; empty if there is none
	Frame   []byte // the fields beside it, likewise

	Groups, Users, Conns []string
	All, Nodes           bool

	FromConn, FromUser string
	ExceptSelf         bool
}

// ReadPublication reads layer data. What is published to several subjects comes once for each; all but one are no news,
// and neither is a command: then the result is nil. Package chanx sets it.
var ReadPublication func(subject string, data []byte) (*Publication, error)
