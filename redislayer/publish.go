package redislayer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/redis/rueidis"

	"github.com/chanx-go/chanx/layer"
)

// maxUnderWay is how many publications of a link are under way at a time. A connection of rueidis has room for 1024 commands (2
// to the power of RingScaleEachConn, which is why that is set) and, once it is full, waits for more without looking at the
// context. One that is given up keeps its place and gets a second, for the command that tells when it is free again.
const maxUnderWay, ringScale = 500, 10

// publish hands data to Redis. The client queues publications in the order of the calls, by one connection to a node, and sends
// them together.
func (s *session) publish(ctx context.Context, subject string, data []byte) error {
	select {
	case s.underWay <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	case <-s.done:
		return unavailable(s.err)
	}
	channel := s.channel(subject)
	err := s.publisher.Do(ctx, s.publishCommand(channel, string(data))).Error()
	if err != nil && ctx.Err() != nil {
		go func() {
			_ = s.publisher.Do(context.Background(), s.client.B().Ping().Build().SetSlot(channel)).Error() // either way the other has ended
			<-s.underWay
		}()
		return ctx.Err()
	}
	<-s.underWay
	return s.judge(err)
}

func (s *session) publishCommand(channel, data string) rueidis.Completed {
	if s.sharded {
		return s.client.B().Spublish().Channel(channel).Message(data).Build()
	}
	return s.client.B().Publish().Channel(channel).Message(data).Build()
}

// passing are the errors of Redis that will be over some time.
var passing = []string{"CLUSTERDOWN", "LOADING", "MASTERDOWN", "TRYAGAIN", "MOVED", "ASK", "BUSY"}

// judge tells errors of the broker's answer from those of the way to it, which end the session.
func (s *session) judge(err error) error {
	if err == nil {
		return nil
	}
	var answer *rueidis.RedisError
	if !errors.As(err, &answer) {
		s.fail(err)
		return unavailable(err)
	}
	if code, _, _ := strings.Cut(answer.Error(), " "); slices.Contains(passing, code) {
		return unavailable(err)
	}
	return err
}

// unavailable hides its cause: an attempt to connect that took too long must not look like the end of the caller's context.
func unavailable(cause error) error { return fmt.Errorf("%w: %v", layer.ErrUnavailable, cause) }
