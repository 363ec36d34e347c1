package talk

import (
	"flag"
	"reflect"
	"strings"
	"testing"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/chanxtest"
)

var update = flag.Bool("update", false, "write the transcripts in testdata")

// TestADiscussion runs a complete discussion; testdata/discussion.txt shows the frames of every member.
func TestADiscussion(t *testing.T) {
	inDiscussion(t, func(t *testing.T, one, two *node) {
		tr := chanxtest.NewTranscript(t, "testdata/discussion.txt", *update)
		ann, bob := one.enter("ann", tr), one.enter("bob", tr)
		cat := two.enter("cat", tr)
		tr.Note("A message is tidied. The others receive it, and its sender a reply.")
		ann.Send(NewDiscussionMessage{DiscussionMessagePayload{Content: "  Shall we meet\non Friday? "}})
		tr.Note("A raw one is passed on as it is. A ref asks for an answer of its own.")
		bob.SendRef(NewDiscussionMessage{DiscussionMessagePayload{"  for {\n  }", true}}, "1")
		tr.Note("Ping is a case of the union.")
		cat.SendRef(chanx.Ping{}, "2")
		tr.Note("Somebody posts a notice to the second server.")
		if err := Tell(t.Context(), two.discussion, NotifyEvent{"We close at five."}); err != nil {
			t.Fatal(err)
		}
		tr.Note("Whoever has left hears nothing more.")
		bob.Close(1000, "bye")
		cat.Send(NewDiscussionMessage{DiscussionMessagePayload{Content: "bye"}})
	})
}

// TestTheUnionHasACaseForEachType: receive handles every type that a member may send, and the document lists no others.
func TestTheUnionHasACaseForEachType(t *testing.T) {
	inDiscussion(t, func(t *testing.T, one, _ *node) {
		var got []string
		for _, m := range one.srv.Spec().Channels[0].Receives {
			got = append(got, m.Action+" "+m.Handler)
		}
		if want := []string{"new_message on", "ping on", "chanx.ping request", "chanx.cancel on"}; !reflect.DeepEqual(got, want) {
			t.Errorf("the discussion receives %q, want %q", got, want)
		}
	})
}

func TestOthersReceiveWhatWasSaidInOrder(t *testing.T) {
	inDiscussion(t, func(t *testing.T, one, two *node) {
		ann, bob, cat := one.enter("ann", nil), one.enter("bob", nil), two.enter("cat", nil)
		words := strings.Fields("the quick brown fox jumps over the lazy dog")
		for _, w := range words {
			ann.Send(NewDiscussionMessage{DiscussionMessagePayload{Content: w}})
		}
		for _, w := range words {
			if f := chanxtest.Receive[ReplyMessage](ann); f.Message.Content != w || f.Grouped {
				t.Errorf("ann got %+v, want a reply with %q", f, w)
			}
			for _, c := range []*chanxtest.Conn{bob, cat} {
				if f := chanxtest.Receive[DiscussionMemberMessage](c); f.Message.Content != w || !f.Grouped || f.IsMine || f.IsCurrent {
					t.Errorf("got %+v, want %q of somebody else", f, w)
				}
			}
		}
		expectNothing(t, ann, bob, cat)
	})
}

// TestWhatIsSaidIsTidiedOnce compares raw frames, because Receive would normalize them again.
func TestWhatIsSaidIsTidiedOnce(t *testing.T) {
	inDiscussion(t, func(t *testing.T, one, _ *node) {
		ann, bob := one.enter("ann", nil), one.enter("bob", nil)
		for payload, want := range map[string]string{
			`{"content":" a  b "}`:                        `{"content":"a b","raw":false}`,
			`{"raw":false,"content":" a  b "}`:            `{"content":"a b","raw":false}`,
			`{"content":" a  b ","raw":true,"more":true}`: `{"content":" a  b ","raw":true}`,
		} {
			ann.SendText(`{"payload":` + payload + `,"action":"new_message"}`)
			if got, want := bob.Next(), `{"action":"member_message","payload":`+want+`,"is_mine":false,"is_current":false}`; got != want {
				t.Errorf("%s: bob got %s, want %s", payload, got, want)
			}
			if got, want := ann.Next(), `{"action":"reply","payload":`+want+`}`; got != want {
				t.Errorf("%s: ann got %s, want %s", payload, got, want)
			}
		}
	})
}

func TestBadInputIsExplainedAndKeptFromTheOthers(t *testing.T) {
	inDiscussion(t, func(t *testing.T, one, _ *node) {
		ann, bob := one.enter("ann", nil), one.enter("bob", nil)
		for _, tt := range []struct {
			text string
			want []string
		}{
			{`{"action":"new_message"}`, []string{"missing payload"}},
			{`{"action":"new_message","payload":{"raw":true}}`, []string{"missing payload.content"}},
			{`{"action":"new_message","payload":{"content":" \n"}}`, []string{"string_pattern_mismatch payload.content"}},
			{`{"action":"new_message","payload":{"content":1,"raw":1}}`, []string{"string_type payload.content", "bool_type payload.raw"}},
			{`{"action":"new_message","payload":{"content":"a","raw":null}}`, []string{"bool_type payload.raw"}},
			{`{"action":"new_message","payload":{"content":"` + strings.Repeat("é", 2001) + `"}}`, []string{"string_too_long payload.content"}},
			{`{"action":"member_message","payload":{"content":"a"}}`, []string{"union_tag_invalid"}},
			{`{"action":"notify_people","payload":{"content":"a"}}`, []string{"union_tag_invalid"}},
		} {
			ann.SendText(tt.text)
			ann.ExpectInvalid(tt.want...)
		}
		expectNothing(t, ann, bob)
	})
}

func TestANoticeReachesEverybody(t *testing.T) {
	inDiscussion(t, func(t *testing.T, one, two *node) {
		all := []*chanxtest.Conn{one.enter("ann", nil), two.enter("bob", nil)}
		if err := Tell(t.Context(), one.discussion, NotifyEvent{"soup is ready"}); err != nil {
			t.Fatal(err)
		}
		for _, c := range all {
			if f := chanxtest.Receive[ReplyMessage](c); f.Message.Content != "soup is ready" || f.Grouped || f.Ref != "" {
				t.Errorf("got %+v, want the notice as a reply", f)
			}
		}
		expectNothing(t, all...)
	})
}

func TestTellNeedsAServer(t *testing.T) {
	if err := Tell(t.Context(), New(), NotifyEvent{"soup"}); err == nil || !strings.Contains(err.Error(), "not mounted") {
		t.Errorf("Tell without a server: %v", err)
	}
}
