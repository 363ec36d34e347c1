package redislayer

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/redis/rueidis"

	"github.com/chanx-go/chanx/layer"
)

// maxBatch is how many publications are under way at a time, and how many wait for that.
const maxBatch = 1024

// publication waits for its turn and then for Redis' answer.
type publication struct {
	ctx     context.Context
	channel string
	data    string
	result  chan error
}

// publish hands data to Redis. Publications go in the order in which they enter the queue, by one connection to a node, a batch
// at a time: one whose context ends meanwhile is not overtaken by the next. A client's own pipeline would do the same but
// for its bound: when it is full it waits without looking at the context.
func (s *session) publish(ctx context.Context, subject string, data []byte) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	p := &publication{ctx, s.channel(subject), string(data), make(chan error, 1)}
	select {
	case s.queue <- p:
	case <-ctx.Done():
		return ctx.Err()
	case <-s.done:
		return unavailable(s.err)
	}
	select {
	case err := <-p.result:
		return err
	case <-ctx.Done():
		return ctx.Err()
	case <-s.done:
		return unavailable(s.err)
	}
}

// publishing takes what waits, sends it, and passes the answers on.
func (s *session) publishing() {
	var batch []*publication
	for {
		select {
		case p := <-s.queue:
			batch = append(batch[:0], p)
		case <-s.done:
			return
		}
		for more := true; more && len(batch) < maxBatch; {
			select {
			case p := <-s.queue:
				batch = append(batch, p)
			default:
				more = false
			}
		}
		s.send(batch)
		clear(batch)
	}
}

func (s *session) send(batch []*publication) {
	commands := make([]rueidis.Completed, 0, len(batch))
	sent := batch[:0]
	for _, p := range batch {
		if p.ctx.Err() == nil {
			commands = append(commands, s.publishCommand(p))
			sent = append(sent, p)
		}
	}
	if len(sent) == 0 {
		return
	}
	for i, r := range s.publisher.DoMulti(context.Background(), commands...) {
		sent[i].result <- s.judge(r.Error())
	}
}

func (s *session) publishCommand(p *publication) rueidis.Completed {
	if s.sharded {
		return s.client.B().Spublish().Channel(p.channel).Message(p.data).Build()
	}
	return s.client.B().Publish().Channel(p.channel).Message(p.data).Build()
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
	code, _, _ := strings.Cut(answer.Error(), " ")
	for _, p := range passing {
		if code == p {
			return unavailable(err)
		}
	}
	return err
}

// unavailable hides its cause: an attempt to connect that took too long must not look like the end of the caller's context.
func unavailable(cause error) error { return fmt.Errorf("%w: %v", layer.ErrUnavailable, cause) }
