package probe

// Publication is a broadcast or an event in the channel layer.
type Publication struct {
	IsEvent bool
	Action  string // of a message, or the event's name
	Payload []byte // JSON with declared names, part of the layer data; may be empty
	Frame   []byte // the frame fields, likewise

	Groups, Users, Conns []string
	All, Nodes           bool

	FromConn, FromUser string
	ExceptSelf         bool
}

// ReadPublication decodes layer data. A broadcast to several subjects is published once for each: the result is nil for
// all but one of these copies, and for a command. Package chanx sets it.
var ReadPublication func(subject string, data []byte) (*Publication, error)
