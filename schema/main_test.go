package schema_test

import (
	"flag"
	"testing"

	"go.uber.org/goleak"
)

var update = flag.Bool("update", false, "rewrite what is kept in testdata with what comes now")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
