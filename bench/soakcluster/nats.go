//go:build linux

package main

import (
	"bufio"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"

	"github.com/nats-io/nats-server/v2/server"
)

// brokerRole runs a server of a NATS cluster.
type brokerRole struct {
	Name        string
	Port, Route int
	Routes      []int // route ports of all servers; with one port there is no cluster
}

// brokerReport is a report of a broker: it listens, or it has all its routes.
type brokerReport struct{ Serves, Formed bool }

func (r *brokerRole) run() error {
	o := &server.Options{ServerName: r.Name, Host: "127.0.0.1", Port: r.Port, NoLog: true, NoSigs: true}
	if len(r.Routes) > 1 {
		o.Cluster = server.ClusterOpts{Name: "soak", Host: "127.0.0.1", Port: r.Route}
		for _, port := range r.Routes {
			o.Routes = append(o.Routes, &url.URL{Scheme: "nats-route", Host: address(port)})
		}
	}
	s, err := server.NewServer(o)
	if err != nil {
		return err
	}
	s.Start()
	if !s.ReadyForConnections(waitLimit) {
		return fmt.Errorf("%s is not ready after %v", r.Name, waitLimit)
	}
	report := newReporter()
	report.tell(brokerReport{Serves: true})
	// Two servers open several connections to each other. Subjects are forwarded when all are open.
	want := (len(r.Routes) - 1) * (server.DEFAULT_ROUTE_POOL_SIZE + 1)
	if err := await("the cluster has formed", func() bool { return s.NumRoutes() >= want }); err != nil {
		return err
	}
	report.tell(brokerReport{Formed: true})
	for orders := bufio.NewScanner(os.Stdin); orders.Scan(); {
	}
	s.Shutdown()
	s.WaitForShutdown()
	return nil
}

// natsBrokers are processes of brokerRole.
type natsBrokers struct {
	clients, routes []int // ports
	running         []*process
	formed          []chan struct{} // closed when the one that runs has all its routes
}

func (b *natsBrokers) start(i int) error {
	serves, formed := make(chan struct{}), make(chan struct{})
	p, err := spawn(role{Broker: &brokerRole{fmt.Sprint("broker", i), b.clients[i], b.routes[i], b.routes}}, func(r brokerReport) {
		if r.Serves {
			close(serves)
		}
		if r.Formed {
			close(formed)
		}
	})
	if err != nil {
		return err
	}
	b.running[i], b.formed[i] = p, formed
	return awaitReport(p, serves)
}

func (b *natsBrokers) form() error {
	var errs []error
	for i, p := range b.running {
		errs = append(errs, awaitReport(p, b.formed[i]))
	}
	return errors.Join(errs...)
}

func awaitReport(p *process, reported <-chan struct{}) error {
	select {
	case <-reported:
		return nil
	case <-p.ended:
		return fmt.Errorf("it has ended: %w", p.err)
	}
}

func (b *natsBrokers) kill(i int) {
	b.running[i].kill()
	b.running[i] = nil
}

func (b *natsBrokers) stop() error {
	var errs []error
	for _, p := range b.running {
		if p != nil {
			errs = append(errs, p.stop())
		}
	}
	return errors.Join(errs...)
}

func (b *natsBrokers) urls(node int) string {
	var all []string
	for i := range b.clients {
		all = append(all, "nats://"+address(b.clients[(node+i)%len(b.clients)]))
	}
	return strings.Join(all, ",")
}
