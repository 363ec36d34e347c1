package dialog

// AskMessage is answered with a stream of TokenMessage, behind which comes one UsageMessage. An answer is complete before
// the next begins.
type AskMessage struct {
	Prompt string `json:"prompt" minLength:"1" maxLength:"4000" pattern:"\\S" example:"Count to 10."`
}

// TokenMessage is the next piece of an answer: one behind the other, with nothing between, they are the whole.
type TokenMessage struct {
	Text string `json:"text"`
}

// UsageMessage says what an answer took and how it ended. It comes last, before complete or an error, also if the answer
// was stopped or has failed.
type UsageMessage struct {
	PromptTokens int    `json:"prompt_tokens" minimum:"0" doc:"what the model had to read, all of the conversation"`
	AnswerTokens int    `json:"answer_tokens" minimum:"0"`
	Finish       Finish `json:"finish"`
}

// RecallMessage asks for the conversation; it is answered while the assistant is answering, too.
type RecallMessage struct{}

// HistoryMessage is the conversation so far, oldest first.
type HistoryMessage []Turn

// Turn is a prompt with its answer, as far as that was sent.
type Turn struct {
	Prompt string `json:"prompt"`
	Answer string `json:"answer"`
	Finish Finish `json:"finish"`
}

// ForgetMessage begins a new conversation. An answer that is on its way still arrives, and is forgotten.
type ForgetMessage struct{}

// Finish says how an answer ended, or that it has not.
type Finish string

// The ways of an answer to end.
const (
	Answering Finish = "answering"
	Done      Finish = "done"
	Stopped   Finish = "stopped" // by the client
	Failed    Finish = "failed"
)

// Enum lists them for chanx.
func (Finish) Enum() []Finish { return []Finish{Answering, Done, Stopped, Failed} }

func (AskMessage) Action() string     { return "ask" }
func (TokenMessage) Action() string   { return "token" }
func (UsageMessage) Action() string   { return "usage" }
func (RecallMessage) Action() string  { return "recall" }
func (HistoryMessage) Action() string { return "history" }
func (ForgetMessage) Action() string  { return "forget" }
