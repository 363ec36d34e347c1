package chanx_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/chanx-go/chanx"
)

type (
	pitch string
	tune  struct {
		Title string `json:"title"`
		Pitch pitch  `json:"pitch" enum:"low,high"`
	}
	tuneBox[T any] struct {
		Item T `json:"item"`
	}
	podium      struct{ *chanx.Conn }
	podiumEntry struct {
		Seat int `path:"seat"`
	}
)

func (tune) Action() string       { return "tune" }
func (tuneBox[T]) Action() string { return "tune_box" }
func (tuneBox[T]) Event() string  { return "tune_box" }

func (s *podium) play(context.Context, tune) error                       { return nil }
func whistle(_ *podium, _ context.Context, t tuneBox[int]) (tune, error) { return tune{}, nil }
func (s *podium) noted(context.Context, tuneBox[int]) error              { return nil }
func openPodium(c *chanx.Conn, _ *http.Request, _ podiumEntry) (*podium, error) {
	return &podium{c}, nil
}

// TestDocsDescribeWhatIsRegistered also shows that Describe wins.
func TestDocsDescribeWhatIsRegistered(t *testing.T) {
	docs := chanx.Docs{Package: "github.com/chanx-go/chanx_test", Texts: map[string]string{
		"tune": "Tune is played.", "tune.Title": "its name", "pitch=low": "deep", "tuneBox": "TuneBox has an item.", "podiumEntry.Seat": "where one sits",
		"podium.play": "play plays it.", "whistle": "How to whistle.", "tuneBox.Item": "what is inside",
	}}
	other := chanx.Docs{Package: "example.com/other", Texts: map[string]string{"tune": "wrong"}}
	c := chanx.NewConsumerWith(openPodium, &chanx.ConsumerOptions{Docs: []chanx.Docs{other, docs}})
	chanx.On(c, (*podium).play, chanx.Describe("Tune is described."))
	chanx.OnRequest(c, whistle)
	chanx.OnEvent(c, (*podium).noted)
	spec := serve(nil, "/{seat}", c).Spec()
	in, event := spec.Channels[0].Receives, spec.Channels[0].Events[0]
	for what, texts := range map[string][2]string{
		"message":         {in[0].Description, "Tune is described."},
		"handler":         {in[0].HandlerComment, "Plays it."},
		"generic message": {in[1].Description, "TuneBox has an item."},
		"function":        {in[1].HandlerComment, "How to whistle."},
		"event":           {event.Description, "TuneBox has an item."},
		"parameter":       {spec.Channels[0].Parameters[0].Description, "where one sits"},
		"built-in ping":   {in[2].HandlerComment, ""},
	} {
		if texts[0] != texts[1] {
			t.Errorf("%s: described as %q, want %q", what, texts[0], texts[1])
		}
	}
	for _, want := range []string{`"description":"its name"`, `"enumDocs":{"low":"deep"}`, `"description":"what is inside"`, `"description":"Tune is played."`} {
		if !strings.Contains(string(spec.Schemas), want) {
			t.Errorf("schemas lack %s: %s", want, spec.Schemas)
		}
	}
}
