package host

// Messages at MixedPath, where clients do all kinds of things.
type (
	// Enter joins a group, Exit leaves it.
	Enter struct {
		Group string `json:"group" minLength:"1"`
	}
	Exit struct {
		Group string `json:"group" minLength:"1"`
	}
	// Remark is number N of its sender to the group.
	Remark struct {
		Group string `json:"group" minLength:"1"`
		From  string `json:"from"`
		N     int    `json:"n"`
		Pad   string `json:"pad,omitempty"`
	}
	// Say is broadcast to the group as Said.
	Say  struct{ Remark }
	Said struct{ Remark }
	// Nudge is emitted to the group as Nudged, and its members are sent Relayed.
	Nudge   struct{ Remark }
	Nudged  struct{ Remark }
	Relayed struct{ Remark }
	// Ask is replied to with Answer, after Millis milliseconds.
	Ask struct {
		N      int `json:"n"`
		Millis int `json:"millis" default:"0" minimum:"0"`
	}
	Answer struct {
		N int `json:"n"`
	}
	// Count is replied to with a stream of To Items, each after Millis milliseconds.
	Count struct {
		To     int `json:"to" minimum:"0"`
		Millis int `json:"millis" default:"0" minimum:"0"`
	}
	Item struct {
		N int `json:"n"`
	}
)

// Messages at SlowPath, where clients do not read. Publish is broadcast to all as the type that Kind names.
type (
	Publish struct {
		Kind string `json:"kind" enum:"plain,droppable,latest"`
		Post
	}
	// Post is the content: number N, sent at the time At of the sender's clock.
	Post struct {
		N   int    `json:"n"`
		At  int64  `json:"at"`
		Pad string `json:"pad,omitempty"`
	}
	Plain  struct{ Post }
	Spare  struct{ Post } // Droppable
	Newest struct{ Post } // Latest, with Keys keys
)

// Keys is the number of keys of Newest: the key is N modulo Keys.
const Keys = 50

// Tally is sent back, at TallyPath. The host counts the messages that its handler received from each client.
type Tally struct {
	I int `json:"i" minimum:"0"`
	N int `json:"n"`
}

// Echo is sent back and Chat broadcast to all, at CrowdPath.
type (
	Echo struct {
		Text string `json:"text"`
	}
	Chat struct {
		Text string `json:"text"`
	}
)

func (Enter) Action() string   { return "enter" }
func (Exit) Action() string    { return "exit" }
func (Say) Action() string     { return "say" }
func (Said) Action() string    { return "said" }
func (Nudge) Action() string   { return "nudge" }
func (Nudged) Event() string   { return "nudged" }
func (Relayed) Action() string { return "relayed" }
func (Ask) Action() string     { return "ask" }
func (Answer) Action() string  { return "answer" }
func (Count) Action() string   { return "count" }
func (Item) Action() string    { return "item" }
func (Publish) Action() string { return "publish" }
func (Plain) Action() string   { return "plain" }
func (Spare) Action() string   { return "droppable" }
func (Newest) Action() string  { return "latest" }
func (Tally) Action() string   { return "tally" }
func (Echo) Action() string    { return "echo" }
func (Chat) Action() string    { return "chat" }
