package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"sync"
	"testing"

	"go.uber.org/goleak"
)

// asProgram is the environment variable that makes the test binary run the program.
const asProgram = "CLUSTER_TEST_RUNS_MAIN"

// built is the path of the chat program.
var built string

// TestMain fails the run if a goroutine is left.
func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
		return
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		if err := os.RemoveAll(built); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
		os.Exit(code)
	}))
}

// buildChat builds the chat once, with the race detector if the tests run with it.
var buildChat = sync.OnceValues(func() (string, error) {
	var err error
	if built, err = os.MkdirTemp("", "chat"); err != nil {
		return "", err
	}
	program := filepath.Join(built, "chat")
	args := []string{"build", "-o", program}
	info, _ := debug.ReadBuildInfo()
	if slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"}) {
		args = append(args, "-race")
	}
	out, err := exec.Command("go", append(args, "../chat")...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build the chat: %w: %s", err, out)
	}
	return program, nil
})

func chatProgram(t *testing.T) string {
	t.Helper()
	program, err := buildChat()
	if err != nil {
		t.Fatal(err)
	}
	return program
}
