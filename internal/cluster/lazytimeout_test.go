package cluster

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/chanx-go/chanx/layer"
)

// TestALazyTimeoutEnds checks that it ends when its time, counted from the first call of Done, is over, when its parent
// ends, and when it is stopped.
func TestALazyTimeoutEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		parent, cancel := context.WithCancel(t.Context())
		idle, ended := newLazyTimeout(parent, time.Second), newLazyTimeout(parent, time.Hour)
		stopped, late := newLazyTimeout(parent, time.Hour), newLazyTimeout(parent, time.Hour)
		defer idle.stop()
		defer ended.stop()
		time.Sleep(time.Minute)
		start := time.Now()
		<-idle.Done()
		if err := idle.wrapError(idle.Err()); time.Since(start) != time.Second || !errors.Is(err, layer.ErrUnavailable) {
			t.Errorf("after %v: %v", time.Since(start), err)
		}
		_ = stopped.Done()
		stopped.stop()
		late.stop()
		<-stopped.Done()
		<-late.Done()
		if time.Since(start) != time.Second {
			t.Errorf("they end %v later", time.Since(start)-time.Second)
		}
		cancel()
		<-ended.Done()
		if err := ended.wrapError(ended.Err()); !errors.Is(err, context.Canceled) || errors.Is(err, layer.ErrUnavailable) {
			t.Errorf("its parent has ended: %v", err)
		}
	})
}
