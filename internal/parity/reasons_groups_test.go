package parity_test

import (
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// groupReasons are about which clients receive a group message.
var groupReasons = []reason{
	{
		"groups belong to one connection", "",
		func(x *comparison) {
			if x.step.verb == ">" && strings.HasPrefix(x.c.name, "static-groups") {
				for client := range x.want { // in the original, a group that one client joins is joined by all later clients
					x.limitCopies(client, x.copies(client, false))
				}
			}
		},
	},
	{
		"a connection that matches several targets gets one copy", "Whoever matches several targets gets one copy",
		func(x *comparison) {
			for client := range x.want {
				if count(x.want[client], isGroupFrame) == x.copies(client, true) {
					x.limitCopies(client, x.copies(client, false))
				}
			}
		},
	},
	{
		"a client that is not disconnected receives later messages", badInputAnswered,
		func(x *comparison) {
			for _, client := range x.clients() {
				if len(x.want[client]) == 0 && x.originalLost(client) && x.copies(client, false) == 1 {
					x.want[client] = x.copyForOthers()
				}
			}
		},
	},
}

// broadcast is one broadcast of a handler.
type broadcast struct {
	targets    []string
	exceptSelf bool
}

// broadcasts returns the broadcasts that the message of the step causes.
func (x *comparison) broadcasts() []broadcast {
	in, ok := x.input()
	if !ok {
		return nil
	}
	own := x.groups(x.step.client)
	switch strings.TrimPrefix(x.path(x.step.client), "c/") {
	case "seed/relay":
		if !in.is("chat") {
			return nil
		}
		_, query, _ := strings.Cut(x.lastDial(x.step.client).args, "?")
		b := broadcast{targets: own, exceptSelf: !strings.Contains(query, "exclude=0")}
		if _, to, ok := strings.Cut(query, "to="); ok {
			to, _, _ = strings.Cut(to, "&")
			b.targets = strings.Split(to, ",")
		}
		return []broadcast{b}
	case "seed/group":
		if in.is("chat") {
			return []broadcast{{own, false}, {[]string{"room_123", "announcements"}, true}}
		}
	case "order", "order-static":
		if in.is("do") {
			return []broadcast{{own, false}}
		}
	}
	return nil
}

// copies returns how many copies a client receives: one of each broadcast or, with perGroup, one for each group that
// matches, like in the original.
func (x *comparison) copies(client string, perGroup bool) (n int) {
	own := x.groups(client)
	for _, b := range x.broadcasts() {
		if b.exceptSelf && client == x.step.client {
			continue
		}
		matches := 0
		for _, target := range b.targets {
			if slices.Contains(own, target) {
				matches++
			}
		}
		if !perGroup {
			matches = min(matches, 1)
		}
		n += matches
	}
	return n
}

func isGroupFrame(want any) bool {
	f, ok := want.(map[string]any)
	_, mine := f["is_mine"]
	return ok && mine
}

// framesPerCopy is 2 if a group_complete follows each copy.
func (x *comparison) framesPerCopy() int {
	if x.completes {
		return 2
	}
	return 1
}

// copyForOthers returns what another user receives for the copy that the sender receives.
func (x *comparison) copyForOthers() (want []any) {
	for _, v := range x.want[x.step.client] {
		if f, ok := v.(map[string]any); ok && isGroupFrame(v) {
			want = append(want, map[string]any{"action": f["action"], "payload": f["payload"], "is_mine": false, "is_current": false})
		}
	}
	if x.completes {
		want = append(want, bareFrame("group_complete"))
	}
	return want
}

// limitCopies removes group messages, the last first, until n are left.
func (x *comparison) limitCopies(client string, n int) {
	want := x.want[client]
	for i := len(want) - 1; i >= 0 && count(want, isGroupFrame) > n; i-- {
		if isGroupFrame(want[i]) {
			want = slices.Delete(want, i, i+x.framesPerCopy())
		}
	}
	x.want[client] = want
}

func count(all []any, is func(any) bool) (n int) {
	for _, v := range all {
		if is(v) {
			n++
		}
	}
	return n
}

// originalLost reports whether the original dropped this client in an earlier step.
func (x *comparison) originalLost(client string) bool {
	lost := false
	for _, s := range x.c.steps {
		if s == x.step {
			break
		}
		for _, n := range s.recorded {
			lost = lost || n == received{client, "closed 1006"}
		}
	}
	return lost
}

// orderReasons are about the order of frames.
var orderReasons = []reason{
	{
		"the order between senders is not defined", "Order between senders is not defined",
		func(x *comparison) {
			senders := map[string]bool{}
			for _, s := range x.steps {
				senders[s.client] = true
			}
			if len(senders) < 2 {
				return
			}
			for client, want := range x.want {
				if sameInAnyOrder(want, x.got[client]) && risesPerSender(want) && risesPerSender(x.got[client]) {
					x.want[client] = x.got[client]
				}
			}
		},
	},
	{
		"complete comes after the sender's own copies", "`complete` comes after the sender's own copy of what its handler broadcast",
		func(x *comparison) {
			for client := range x.want {
				x.completeLast(client)
			}
		},
	},
}

// risesPerSender reports whether the numbers from each sender rise. The client cannot distinguish two other senders, which
// both count from 0: their numbers rise if no number has come more often than the number before it.
func risesPerSender(want []any) bool {
	seen := map[string]map[int]int{} // how often a number has come, by is_mine and is_current
	for _, v := range want {
		f, _ := v.(map[string]any)
		n, isNumber := f["payload"].(float64)
		if !isNumber {
			continue
		}
		key := mustMarshal([]any{f["is_mine"], f["is_current"]})
		if seen[key] == nil {
			seen[key] = map[int]int{}
		}
		seen[key][int(n)]++
		if n > 0 && seen[key][int(n)] > seen[key][int(n)-1] {
			return false
		}
	}
	return true
}

// completeLast moves each complete of a sender behind the copies of what its message broadcast.
func (x *comparison) completeLast(client string) {
	complete := bareFrame("complete")
	isComplete := func(v any) bool { return reflect.DeepEqual(v, complete) }
	var sent []int // how many own copies each message causes
	for _, s := range x.steps {
		if s.client == client && s.verb == ">" {
			sent = append(sent, numbersSent(s.input()))
		}
	}
	want := slices.DeleteFunc(slices.Clone(x.want[client]), isComplete)
	own := count(want, isOwnCopy)
	if len(sent) == 1 {
		sent[0] = own
	}
	if own == 0 || len(want)+len(sent) != len(x.want[client]) {
		return
	}
	var all []any
	for _, v := range want {
		all = append(all, v)
		if isOwnCopy(v) && len(sent) > 0 {
			sent[0]--
		}
		isEnd := !x.completes || reflect.DeepEqual(v, bareFrame("group_complete"))
		if len(sent) > 0 && sent[0] == 0 && isEnd {
			all, sent = append(all, complete), sent[1:]
		}
	}
	x.want[client] = all
}

func isOwnCopy(v any) bool {
	f, _ := v.(map[string]any)
	return f["is_current"] == true || f["isCurrent"] == true
}

// numbersSent returns how many numbers a message broadcasts.
func numbersSent(in input) int {
	text, _ := in.payload.(string)
	if n, ok := strings.CutPrefix(text, "burst:"); ok {
		if n, err := strconv.Atoi(n); err == nil {
			return n
		}
	}
	return 1
}
