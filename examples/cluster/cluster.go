package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"text/tabwriter"
)

const nodes = 3

// run starts and stops all parts in order: the broker starts before the nodes and stops after them, and the proxy forwards
// until the last node has ended.
func (c config) run(ctx context.Context, s *screen) (err error) {
	l, err := net.Listen("tcp", c.addr)
	if err != nil {
		return fmt.Errorf("%w (-addr chooses another address)", err)
	}
	defer l.Close() // it is already closed, unless the nodes have failed
	dir, err := os.MkdirTemp("", "chanx-cluster-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	b, err := brokers[c.broker](newKeeper(context.WithoutCancel(ctx), s, c.wait), dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.stop()) }()

	p := newProxy(s)
	defer p.close()
	k := newKeeper(ctx, s, c.wait)
	defer func() { err = errors.Join(err, k.stop()) }()
	lives, err := c.startNodes(k, dir, b.url, p)
	if ctx.Err() != nil {
		return nil // then it is no failure if the nodes did not start
	}
	if err != nil {
		return err
	}
	if b.life != nil {
		lives = append(lives, b.life)
	}
	s.say("%s", welcome(l.Addr().String(), b.url, lives))
	p.serve(ctx, l)
	return nil
}

// startNodes starts one node after the other: the first creates the database and the keys.
func (c config) startNodes(k *keeper, dir, broker string, p *proxy) (lives []*life, err error) {
	for i := range nodes {
		l, err := k.start(c.node(fmt.Sprintf("node-%d", i+1), dir, broker, p))
		if err != nil {
			return nil, err
		}
		lives = append(lives, l)
	}
	return lives, nil
}

var listening = regexp.MustCompile(` msg=listening url=http://(\S+)`)

// node is a process of the chat. The proxy uses it while it listens. All nodes share the history and the keys.
func (c config) node(name, dir, broker string, p *proxy) *process {
	return &process{
		name: name,
		path: c.chat,
		args: []string{
			"-addr", "127.0.0.1:0", "-node", name,
			"-layer", broker, "-layer-key", filepath.Join(dir, "layer.key"),
			"-db", filepath.Join(dir, "chat.db"), // the key for logins is beside it
		},
		talks: true,
		ready: func(line string) (address string, ok bool) {
			if m := listening.FindStringSubmatch(line); m != nil {
				return m[1], true
			}
			return "", false
		},
		up:   p.add,
		down: p.remove,
	}
}

// welcome prints the addresses and processes, and what to try.
func welcome(address, broker string, lives []*life) string {
	var b strings.Builder
	fmt.Fprintf(&b, "\nThe chat is at http://%s. Open it in several tabs: each shows which node it is on.\nThe nodes are connected by %s.\n\n", address, broker)
	w := tabwriter.NewWriter(&b, 0, 0, 3, ' ', 0)
	fmt.Fprintln(w, "PROCESS\tADDRESS\tPID\tEND IT\tOR KILL IT")
	for _, l := range lives {
		fmt.Fprintf(w, "%s\t%s\t%d\tkill %[3]d\tkill -9 %[3]d\n", l.name, l.address, l.pid())
	}
	w.Flush() // into memory, which does not fail
	return b.String() + "\nThe tabs of a node that has ended go to another one, and nobody else notices. Whatever ends is started again a moment later.\n"
}
