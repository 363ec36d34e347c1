//go:build linux

package measure

import (
	"fmt"
	"os"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

// Machine describes the machine and the Go version.
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

// model returns the processor's name, which not every architecture provides.
func model(info string) string {
	for line := range strings.Lines(info) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
}

// Busy returns the load average of the last minute, this program included.
func Busy() (string, error) {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "", fmt.Errorf("measure: read load average: %w", err)
	}
	first, _, _ := strings.Cut(string(text), " ")
	return first, nil
}
