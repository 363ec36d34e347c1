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

// Publish returns when the publication is in the outbox. After an error it may have been delivered nevertheless.
func (k *link) Publish(ctx context.Context, subject string, data []byte) error {
	a, err := k.attached(ctx)
	if err == nil {
		err = a.publish(ctx, subject, data)
	}
	return k.wrap("publish", subject, err)
}

// publish puts a publication into the outbox of the node that its channel belongs to. It waits for the answer only if Redis
// has refused an earlier publication.
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

// publishCommand pins the command if Redis may answer MOVED, so that it can be sent again.
func (a *attachment) publishCommand(channel, data string) rueidis.Completed {
	if a.sharded {
		return a.client.B().Spublish().Channel(channel).Message(data).Build().Pin()
	}
	return a.client.B().Publish().Channel(channel).Message(data).Build()
}

// temporary lists the codes of errors of Redis that end by themselves.
var temporary = []string{"CLUSTERDOWN", "LOADING", "MASTERDOWN", "TRYAGAIN", "MOVED", "ASK", "BUSY"}

func isTemporary(answer error) bool {
	code, _, _ := strings.Cut(answer.Error(), " ")
	return slices.Contains(temporary, code)
}

// isAnswer reports whether err is nil or an error reply of Redis, rather than an error of the connection.
func isAnswer(err error) bool {
	var answer *rueidis.RedisError
	return err == nil || errors.As(err, &answer)
}

// unavailable does not wrap its cause: a timeout of the connection must not look like the end of the caller's context.
func unavailable(cause error) error { return fmt.Errorf("%w: %v", layer.ErrUnavailable, cause) }
