package chanx_test

// The messages and events that many tests use.
type (
	sayMessage struct {
		Text string `json:"text" minLength:"1" maxLength:"20"`
	}
	saidMessage struct {
		Text string `json:"text"`
	}
	answerMessage struct {
		Answer string `json:"answer"`
	}
	plainMessage struct {
		Text string `json:"text"`
	}
	knockMessage struct{}

	ringEvent struct {
		How string `json:"how"`
	}
	newsEvent struct { // is a message as well
		Headline string `json:"headline"`
	}
)

func (sayMessage) Action() string    { return "say" }
func (saidMessage) Action() string   { return "said" }
func (answerMessage) Action() string { return "answer" }
func (plainMessage) Action() string  { return "plain" }
func (knockMessage) Action() string  { return "knock" }
func (newsEvent) Action() string     { return "news" }
func (newsEvent) Event() string      { return "news" }
func (ringEvent) Event() string      { return "ring" }
