//go:build linux

package measure

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// CPU returns the processor time of a process, in user and kernel mode, of all its threads, ended ones included. It is the
// scheduler's own count, in nanoseconds; /proc/PID/stat rounds the same to 10 ms.
func CPU(pid int) (time.Duration, error) {
	const ofProcess = 2 // CPUCLOCK_SCHED of a process: clock_getcpuclockid(3) makes the number like this
	return clock(int32(^pid<<3 | ofProcess))
}

// ThreadCPU returns the processor time of the calling thread.
func ThreadCPU() (time.Duration, error) { return clock(unix.CLOCK_THREAD_CPUTIME_ID) }

func clock(id int32) (time.Duration, error) {
	var t unix.Timespec
	if err := unix.ClockGettime(id, &t); err != nil {
		return 0, fmt.Errorf("measure: read processor time: %w", err)
	}
	return time.Duration(t.Nano()), nil
}

// Resident returns the resident memory of a process, in bytes.
func Resident(pid int) (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0, fmt.Errorf("measure: read resident memory: %w", err)
	}
	fields := bytes.Fields(text)
	if len(fields) < 2 {
		return 0, fmt.Errorf("measure: read resident memory: statm is %q", text)
	}
	pages, err := strconv.ParseInt(string(fields[1]), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("measure: read resident memory: %w", err)
	}
	return pages * int64(os.Getpagesize()), nil
}

const (
	idleStep  = 10 * time.Millisecond
	idleLimit = 500 // steps
	busy      = idleStep / 20
)

// WaitIdle waits until a process is idle, as after closing its connections, for at most five seconds.
func WaitIdle(pid int) error {
	last, err := CPU(pid)
	for range idleLimit {
		if err != nil {
			return err
		}
		time.Sleep(idleStep)
		var now time.Duration
		if now, err = CPU(pid); err == nil && now-last < busy {
			return nil
		}
		last = now
	}
	return err
}

// ResetPeak resets Peak.
func ResetPeak(pid int) error {
	if err := os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", pid), []byte("5"), 0); err != nil {
		return fmt.Errorf("measure: reset peak memory: %w", err)
	}
	return nil
}

// Peak returns the maximum of Resident since ResetPeak, or since the process began.
func Peak(pid int) (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, fmt.Errorf("measure: read peak memory: %w", err)
	}
	_, rest, _ := bytes.Cut(text, []byte("VmHWM:"))
	kilo, _, ok := bytes.Cut(rest, []byte("kB"))
	n, err := strconv.ParseInt(string(bytes.TrimSpace(kilo)), 10, 64)
	if err != nil || !ok {
		return 0, fmt.Errorf("measure: read peak memory: no VmHWM in %q", text)
	}
	return n << 10, nil
}
