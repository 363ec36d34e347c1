package chanx_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/chanx-go/chanx/chanxtest"
)

// dial connects a client of package chanxtest in memory. A test calls chanxtest.Dial(t, srv, path, nil) instead.
func dial(srv http.Handler, path string) *chanxtest.Conn {
	return chanxtest.Dial(exampleT{}, srv, path, nil)
}

// exampleT stands for the *testing.T that an example does not have.
type exampleT struct{ testing.TB }

func (exampleT) Helper()                           {}
func (exampleT) Cleanup(func())                    {} // examples close their connections
func (exampleT) Errorf(format string, args ...any) { fmt.Printf(format+"\n", args...) }
func (exampleT) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }
