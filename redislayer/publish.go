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

// Publish returns when the publication is in the outbox. After an error it may have been handed out all the same.
func (k *link) Publish(ctx context.Context, subject string, data []byte) error {
	a, err := k.attached(ctx)
	if err == nil {
		err = a.publish(ctx, subject, data)
	}
	return k.explain("publish", subject, err)
}

// publish leaves a publication to the outbox of the node that its channel belongs to. It waits for the answer only if Redis
// has refused what came before it.
func (a *attachment) publish(ctx context.Context, subject string, data []byte) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	p := publication{subject: subject, size: len(data), command: a.publishCommand(a.channel(subject), string(data))}
	o := a.streamFor(p.command).outbox
	if err := o.put(ctx, &p); err != nil || p.answer == nil {
		return err
	}
	return o.await(ctx, &p)
}

// publishCommand makes one that may be sent again if it can be answered by MOVED.
func (a *attachment) publishCommand(channel, data string) rueidis.Completed {
	if a.sharded {
		return a.client.B().Spublish().Channel(channel).Message(data).Build().Pin()
	}
	return a.client.B().Publish().Channel(channel).Message(data).Build()
}

// passing are the errors of Redis that will be over some time.
var passing = []string{"CLUSTERDOWN", "LOADING", "MASTERDOWN", "TRYAGAIN", "MOVED", "ASK", "BUSY"}

func passes(answer error) bool {
	code, _, _ := strings.Cut(answer.Error(), " ")
	return slices.Contains(passing, code)
}

// isAnswer tells what Redis says from errors of the way to it.
func isAnswer(err error) bool {
	var answer *rueidis.RedisError
	return err == nil || errors.As(err, &answer)
}

// unavailable hides its cause: an attempt to connect that took too long must not look like the end of the caller's context.
func unavailable(cause error) error { return fmt.Errorf("%w: %v", layer.ErrUnavailable, cause) }
