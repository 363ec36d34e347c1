package socket

import (
	"bytes"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
)

func prepared(s string, a ...any) Prepared { return PrepareText(fmt.Appendf(nil, s, a...)) }

// TestLatestFrameSupersedes: a frame with a key replaces the queued frames with that key, and those tied to them, but
// never a frame that is being written.
func TestLatestFrameSupersedes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h, p := started(t, Options{}, nil)
		must(t, h.c.WritePrepared([]Prepared{prepared("a under way").Latest("a"), prepared("its end").Tied()}, false))
		synctest.Wait()
		must(t, h.c.WritePrepared([]Prepared{prepared("a 1").Latest("a"), prepared("a 1 end").Tied(), prepared("b 1").Latest("b")}, false))
		must(t, h.c.WriteText([]byte("kept"), false))
		must(t, h.c.WritePrepared([]Prepared{prepared("a 2").Latest("a"), prepared("a 2 end").Tied(), prepared("a 3").Latest("a"), prepared("a 3 end").Tied()}, false))
		must(t, h.c.WritePrepared([]Prepared{prepared("plain end").Tied()}, false))
		p.expect("text a under way", "text its end", "text b 1", "text kept", "text a 3", "text a 3 end", "text plain end")
		if n := h.dropped(SupersededFrames); n != 4 {
			t.Errorf("%d frames superseded", n)
		}
		must(t, p.nc.Close())
		h.end(t)
	})
}

// TestLatestFrameNeedsNoRoom: it needs only the room of the frame that it replaces.
func TestLatestFrameNeedsNoRoom(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h, p := started(t, Options{SendQueueBytes: 40}, nil)
		must(t, h.c.WriteText([]byte("under way"), false)) // 11 bytes
		synctest.Wait()
		for i := range 100 {
			must(t, h.c.WritePrepared([]Prepared{prepared("price %017d", i).Latest("price")}, false)) // 25 bytes
		}
		p.expect("text under way", fmt.Sprintf("text price %017d", 99))
		must(t, p.nc.Close())
		h.end(t)
	})
}

// TestTiedFrameGoesWithDroppable: a tied frame is dropped together with the droppable frame before it, and stays if
// that stays.
func TestTiedFrameGoesWithDroppable(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h, p := started(t, Options{SendQueueBytes: 40}, nil)
		must(t, h.c.WriteText([]byte("under way"), false)) // 11 bytes
		synctest.Wait()
		for i := range 2 {
			must(t, h.c.WritePrepared([]Prepared{prepared("typing %d", i).Droppable(), prepared("end").Tied()}, false)) // 15 bytes
		}
		p.expect("text under way", "text typing 1", "text end")
		if n := h.dropped(DroppedFrames); n != 2 {
			t.Errorf("%d frames dropped", n)
		}
		must(t, p.nc.Close())
		h.end(t)
	})
}

// TestMarkedFrameIsNotCorked: a marked frame is not copied to the cork buffer, where it could not be discarded.
func TestMarkedFrameIsNotCorked(t *testing.T) {
	t.Parallel()
	c := &Conn{up: NewUpgrader(Options{})}
	c.appendPrepared(prepared("plain"), true)
	for _, f := range []Prepared{prepared("a").Droppable(), prepared("b").Latest("b"), prepared("c").Tied()} {
		c.appendPrepared(f, true)
	}
	if len(c.q) != 4 || c.out != nil {
		t.Errorf("%d chunks", len(c.q))
	}
	c.supersede("b")
	if len(c.q) != 2 || c.q[1].mark != (mark{droppable: true}) {
		t.Errorf("queue %v", c.q)
	}
	c.discardOut()
}

// TestDroppableMakesRoomBehindASlowReader: the reader accepts a little from time to time, so that some of the queued
// frames are not being written and can be dropped.
func TestDroppableMakesRoomBehindASlowReader(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h, p := started(t, Options{SendQueueBytes: 40_000, WriteTimeout: -1}, nil)
		must(t, h.c.WriteText([]byte("under way"), false))
		synctest.Wait()
		for i := range 39 {
			must(t, h.c.WritePrepared([]Prepared{prepared("%01000d", i).Droppable()}, false))
		}
		p.expect("text under way")
		synctest.Wait()
		for i := range 100 {
			must(t, h.c.WritePrepared([]Prepared{prepared("%01000d", i).Droppable()}, false))
		}
		must(t, p.nc.Close())
		h.end(t)
	})
}

// TestLatestFrameSurvivesARefusedOne: a newer frame behind the Close frame is refused, and does not discard the older
// one.
func TestLatestFrameSurvivesARefusedOne(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h, p := started(t, Options{}, nil)
		must(t, h.c.WriteText([]byte("under way"), false))
		synctest.Wait()
		must(t, h.c.WritePrepared([]Prepared{prepared("old").Latest("a")}, false))
		must(t, h.c.Close(CloseGoingAway, ""))
		if err := h.c.WritePrepared([]Prepared{prepared("new").Latest("a")}, false); !errors.Is(err, ErrClosed) {
			t.Errorf("error %v", err)
		}
		p.expect("text under way", "text old", "close 1001")
		must(t, p.nc.Close())
		h.end(t)
	})
}

// TestDropsBeforeStartAreReported: drops before Start are reported once there is a handler.
func TestDropsBeforeStartAreReported(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, p := piped(t, NewUpgrader(Options{}))
		must(t, c.WritePrepared([]Prepared{prepared("old").Latest("a"), prepared("new").Latest("a")}, true))
		h := newRecorder(c)
		c.Start(h, nil)
		p.expect("text new")
		if n := h.dropped(SupersededFrames); n != 1 {
			t.Errorf("%d frames reported, want 1", n)
		}
		must(t, p.nc.Close())
		h.end(t)
	})
}

// TestDroppableFrameIsNoReasonToClose: if nothing can make room for a droppable frame, the frame itself is discarded.
func TestDroppableFrameIsNoReasonToClose(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h, p := started(t, Options{SendQueueBytes: 100, WriteTimeout: -1}, nil)
		must(t, h.c.WriteText([]byte("under way"), false)) // 11 bytes
		synctest.Wait()
		must(t, h.c.WriteText(bytes.Repeat([]byte("."), 80), false))
		must(t, h.c.WritePrepared([]Prepared{prepared("typing 1").Droppable(), prepared("end").Tied()}, false))
		if n := h.dropped(DroppedFrames); n != 2 {
			t.Errorf("%d frames dropped, want 2", n)
		}
		if err := h.c.WritePrepared([]Prepared{prepared("typing 2").Droppable(), prepared("reply")}, false); err != nil {
			t.Errorf("a frame that fits: %v", err)
		}
		p.expect("text under way", "text ........…80", "text reply")
		must(t, p.nc.Close())
		h.end(t)
	})
}

// TestBurstOfDroppableFrames: of more frames than fit, the newest are queued.
func TestBurstOfDroppableFrames(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h, p := started(t, Options{SendQueueBytes: 60, WriteTimeout: -1}, nil)
		must(t, h.c.WriteText([]byte("under way"), false)) // 11 bytes
		synctest.Wait()
		var fs []Prepared
		for i := range 50 {
			fs = append(fs, prepared("typing %02d", i).Droppable()) // 11 bytes
		}
		must(t, h.c.WritePrepared(fs, false))
		p.expect("text under way", "text typing 46", "text typing 47", "text typing 48", "text typing 49")
		if n := h.dropped(DroppedFrames); n != 46 {
			t.Errorf("%d frames dropped, want 46", n)
		}
		must(t, p.nc.Close())
		h.end(t)
	})
}
