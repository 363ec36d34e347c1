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
func (a *attachment) publish(ctx context.Context, subject string, data []byte) error {
	select {
	case a.underWay <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	case <-a.done:
		return unavailable(a.err)
	}
	channel := a.channel(subject)
	err := a.publisher.Do(ctx, a.publishCommand(channel, string(data))).Error()
	if err != nil && ctx.Err() != nil {
		go func() {
			ping := a.client.B().Ping().Build().SetSlot(channel)
			_ = a.publisher.Do(context.Background(), ping).Error() // either way the other has ended
			<-a.underWay
		}()
		return ctx.Err()
	}
	<-a.underWay
	return a.judge(err)
}

func (a *attachment) publishCommand(channel, data string) rueidis.Completed {
	if a.sharded {
		return a.client.B().Spublish().Channel(channel).Message(data).Build()
	}
	return a.client.B().Publish().Channel(channel).Message(data).Build()
}

// passing are the errors of Redis that will be over some time.
var passing = []string{"CLUSTERDOWN", "LOADING", "MASTERDOWN", "TRYAGAIN", "MOVED", "ASK", "BUSY"}

// judge tells errors of the broker's answer from those of the way to it, which end the attachment.
func (a *attachment) judge(err error) error {
	if err == nil {
		return nil
	}
	var answer *rueidis.RedisError
	if !errors.As(err, &answer) {
		a.fail(err)
		return unavailable(err)
	}
	if code, _, _ := strings.Cut(answer.Error(), " "); slices.Contains(passing, code) {
		return unavailable(err)
	}
	return err
}

// unavailable hides its cause: an attempt to connect that took too long must not look like the end of the caller's context.
func unavailable(cause error) error { return fmt.Errorf("%w: %v", layer.ErrUnavailable, cause) }
