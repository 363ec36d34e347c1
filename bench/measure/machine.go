//go:build linux

package measure

import (
	"fmt"
	"os"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

// Machine says on what the figures were taken.
func Machine() (string, error) {
	info, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return "", fmt.Errorf("measure: read processor: %w", err)
	}
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return "", fmt.Errorf("measure: read kernel: %w", err)
	}
	return fmt.Sprintf("%s, %d cores; Linux %s; %s", model(string(info)), runtime.NumCPU(), unix.ByteSliceToString(u.Release[:]),
		runtime.Version()), nil
}

// model is the processor's name, which not every architecture tells.
func model(info string) string {
	for line := range strings.Lines(info) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
}

// Busy is how many processes wanted a core in the last minute, one for this program included.
func Busy() (string, error) {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "", fmt.Errorf("measure: read load average: %w", err)
	}
	first, _, _ := strings.Cut(string(text), " ")
	return first, nil
}
