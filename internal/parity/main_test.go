package parity_test

import (
	"testing"

	"go.uber.org/goleak"
)

// TestMain fails the run if a goroutine is left.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
