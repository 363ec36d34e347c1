package redislayer

import (
	"encoding/binary"
	"slices"
	"testing"

	"github.com/redis/rueidis"
)

// movedAnswer returns the error MOVED with an address, made by way of the cache format of rueidis.
func movedAnswer(t *testing.T, address string) error {
	t.Helper()
	text := "MOVED 1 " + address
	data := append(make([]byte, 7), '-') // no expiry time; an error
	data = binary.BigEndian.AppendUint64(data, uint64(len(text)))
	var m rueidis.RedisMessage
	if err := m.CacheUnmarshalView(append(data, text...)); err != nil {
		t.Fatal(err)
	}
	return m.Error()
}

// TestAnOvertakenPublicationIsNotSentAgain moves a slot away and back between two publications of one batch to the same subject.
func TestAnOvertakenPublicationIsNotSentAgain(t *testing.T) {
	moved := movedAnswer(t, "host:1")
	nodes := map[string]rueidis.Client{"host:1": struct{ rueidis.Client }{}}
	s := &sender{outbox: &outbox{a: &attachment{nodes: nodes}}, moved: map[uint16]rueidis.Client{}}
	for _, subject := range []string{"back", "away", "back", "away"} {
		s.batch = append(s.batch, publication{subject: subject})
	}
	s.answers = []error{moved, moved, nil, moved}
	if err := s.followMoved(); err != nil {
		t.Fatal(err)
	}
	if want := []error{moved, errAgain, nil, errAgain}; !slices.Equal(s.answers, want) {
		t.Errorf("answers are %v, want %v", s.answers, want)
	}
}
