package dialog

// AskMessage is answered with a stream of TokenMessage, followed by one UsageMessage. An answer is complete before the next
// begins.
type AskMessage struct {
	Prompt string `json:"prompt" minLength:"1" maxLength:"4000" pattern:"\\S" example:"Count to 10."`
}

// TokenMessage is the next piece of an answer. The concatenation of all pieces is the whole answer.
type TokenMessage struct {
	Text string `json:"text"`
}

// UsageMessage reports the cost of an answer and how it ended. It follows the tokens, before complete or an error, even if
// the answer was stopped or has failed.
type UsageMessage struct {
	PromptTokens int    `json:"prompt_tokens" minimum:"0" doc:"what the model had to read, all of the conversation"`
	AnswerTokens int    `json:"answer_tokens" minimum:"0"`
	Finish       Finish `json:"finish"`
}

// RecallMessage requests the conversation; it is answered even during an answer.
type RecallMessage struct{}

// HistoryMessage is the conversation so far, oldest first.
type HistoryMessage []Turn

// Turn is a prompt with the part of its answer that was sent.
type Turn struct {
	Prompt string `json:"prompt"`
	Answer string `json:"answer"`
	Finish Finish `json:"finish"`
}

// ForgetMessage begins a new conversation. A running answer still arrives, but is not part of it.
type ForgetMessage struct{}

// Finish is how an answer ended, or that it has not ended.
type Finish string

// The values of Finish.
const (
	Answering Finish = "answering"
	Done      Finish = "done"
	Stopped   Finish = "stopped" // by the client
	Failed    Finish = "failed"
)

// Enum lists the values for chanx.
func (Finish) Enum() []Finish { return []Finish{Answering, Done, Stopped, Failed} }

func (AskMessage) Action() string     { return "ask" }
func (TokenMessage) Action() string   { return "token" }
func (UsageMessage) Action() string   { return "usage" }
func (RecallMessage) Action() string  { return "recall" }
func (HistoryMessage) Action() string { return "history" }
func (ForgetMessage) Action() string  { return "forget" }
