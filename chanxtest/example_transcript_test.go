package chanxtest_test

import (
	"flag"
	"testing"
	"testing/synctest"

	"github.com/chanx-go/chanx"
	"github.com/chanx-go/chanx/chanxtest"
)

var update = flag.Bool("update", false, "rewrite the files in testdata")

// conversation is a test. testdata/conversation.txt contains what both connections send and receive, in order; go test
// -update writes it.
func conversation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := serve(nil)
		tr := chanxtest.NewTranscript(t, "testdata/conversation.txt", *update)
		dial := func(name string) *chanxtest.Conn {
			o := &chanxtest.DialOptions{Name: name, Identity: &chanx.Identity{UserID: "ann"}, Transcript: tr}
			return chanxtest.Dial(t, srv, "/desks/ann", o)
		}
		phone, laptop := dial("phone"), dial("laptop")
		phone.Send(Shout{"hey"})
		chanxtest.Request[Greeting](laptop, Greet{"Ann"})
		tr.Note("somebody rings")
		if err := srv.Emit(t.Context(), Ring{1}, chanx.ToUser("ann")); err != nil {
			t.Fatal(err)
		}
		laptop.Close(1000, "")
	})
}

// A test that ends with a comparison. In a test file, conversation would be called TestConversation.
func ExampleTranscript() { _ = conversation }
