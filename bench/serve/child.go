package serve

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"time"
)

const collectOrder = "collect"

// RunIfServer runs the server or broker and exits if this process was started by Start or StartBroker; otherwise it does
// nothing.
func RunIfServer() {
	text, ok := os.LookupEnv(roleEnv)
	if !ok {
		return
	}
	if err := run(text); err != nil {
		complain(err)
		os.Exit(1)
	}
	os.Exit(0)
}

// complain prints an unexpected problem above the table.
func complain(err error) { fmt.Fprintln(os.Stderr, "server:", err) }

// run serves until the orders end, as when the parent has ended.
func run(text string) error {
	var r role
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		return err
	}
	if r.Broker != "" {
		return runBroker(r.Broker)
	}
	s, err := Named(r.Server)
	if err != nil {
		return err
	}
	h, err := s.handler(r.Options)
	if err != nil {
		return err
	}
	finish, err := profile(r.Options.Profile)
	if err != nil {
		return err
	}
	return errors.Join(serve(h), finish())
}

func serve(h http.Handler) error {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return err
	}
	failed := make(chan error, 1)
	go func() { failed <- (&http.Server{Handler: h, ReadHeaderTimeout: time.Minute}).Serve(l) }()
	go func() { failed <- obey() }()
	fmt.Println(l.Addr())
	return <-failed
}

// profile starts a profile of this process, and finish writes it to the file; without a file both do nothing.
func profile(file string) (finish func() error, err error) {
	if file == "" {
		return func() error { return nil }, nil
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return nil, err
	}
	f, err := os.Create(file)
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return func() error {
		pprof.StopCPUProfile()
		return f.Close()
	}, nil
}

func obey() error {
	orders := bufio.NewScanner(os.Stdin)
	for orders.Scan() {
		if orders.Text() != collectOrder {
			return fmt.Errorf("unknown order %q", orders.Text())
		}
		runtime.GC()
		runtime.GC() // the first collection only emptied the pools
		debug.FreeOSMemory()
		fmt.Println("collected")
	}
	return orders.Err()
}
