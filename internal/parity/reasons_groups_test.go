package parity_test

import (
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// tapeGroupReasons are about who gets a group message.
var tapeGroupReasons = []tapeReason{
	{
		"a connection's groups are its own", "",
		func(x *tapeChange) {
			if x.turn.verb == ">" && strings.HasPrefix(x.c.name, "static-groups") {
				for who := range x.told { // there, what one joins is joined by all who come later
					x.limit(who, x.copies(who, false))
				}
			}
		},
	},
	{
		"who matches several targets gets one copy", "Whoever matches several targets gets one copy",
		func(x *tapeChange) {
			for who := range x.told {
				if count(x.told[who], isGroupFrame) == x.copies(who, true) {
					x.limit(who, x.copies(who, false))
				}
			}
		},
	},
	{
		"who was not lost gets what comes", toldBadInput,
		func(x *tapeChange) {
			for _, who := range x.clients() {
				if len(x.told[who]) == 0 && x.wasLost(who) && x.copies(who, false) == 1 {
					x.told[who] = x.copyFor()
				}
			}
		},
	},
}

// cast is one broadcast of a handler.
type cast struct {
	targets    []string
	exceptSelf bool
}

// casts are the broadcasts that the turn's message causes.
func (x *tapeChange) casts() []cast {
	in, ok := x.input()
	if !ok {
		return nil
	}
	own := x.groups(x.turn.who)
	switch strings.TrimPrefix(x.path(x.turn.who), "c/") {
	case "seed/relay":
		if !in.is("chat") {
			return nil
		}
		_, query, _ := strings.Cut(x.dialled(x.turn.who).rest, "?")
		c := cast{targets: own, exceptSelf: !strings.Contains(query, "exclude=0")}
		if _, to, ok := strings.Cut(query, "to="); ok {
			to, _, _ = strings.Cut(to, "&")
			c.targets = strings.Split(to, ",")
		}
		return []cast{c}
	case "seed/group":
		if in.is("chat") {
			return []cast{{own, false}, {[]string{"room_123", "announcements"}, true}}
		}
	case "order", "order-static":
		if in.is("do") {
			return []cast{{own, false}}
		}
	}
	return nil
}

// copies is how many copies a client gets: one of each broadcast, or, as the original, one for each group that matches.
func (x *tapeChange) copies(who string, each bool) (n int) {
	own := x.groups(who)
	for _, c := range x.casts() {
		if c.exceptSelf && who == x.turn.who {
			continue
		}
		matches := 0
		for _, target := range c.targets {
			if slices.Contains(own, target) {
				matches++
			}
		}
		if !each {
			matches = min(matches, 1)
		}
		n += matches
	}
	return n
}

func isGroupFrame(told any) bool {
	f, ok := told.(map[string]any)
	_, mine := f["is_mine"]
	return ok && mine
}

// unit is how many frames a group message comes to.
func (x *tapeChange) unit() int {
	if x.completes {
		return 2
	}
	return 1
}

// copyFor is what another user gets where the sender is told of a message of its own.
func (x *tapeChange) copyFor() (told []any) {
	for _, v := range x.told[x.turn.who] {
		if f, ok := v.(map[string]any); ok && isGroupFrame(v) {
			told = append(told, map[string]any{"action": f["action"], "payload": f["payload"], "is_mine": false, "is_current": false})
		}
	}
	if x.completes {
		told = append(told, tapeFrame("group_complete"))
	}
	return told
}

// limit takes group messages away, the last first, until there are n.
func (x *tapeChange) limit(who string, n int) {
	told := x.told[who]
	for i := len(told) - 1; i >= 0 && count(told, isGroupFrame) > n; i-- {
		if isGroupFrame(told[i]) {
			told = slices.Delete(told, i, i+x.unit())
		}
	}
	x.told[who] = told
}

func count(all []any, is func(any) bool) (n int) {
	for _, v := range all {
		if is(v) {
			n++
		}
	}
	return n
}

// wasLost reports whether the original had lost the connection of a client that is still there.
func (x *tapeChange) wasLost(who string) bool {
	lost := false
	for _, u := range x.c.turns {
		if u == x.turn {
			break
		}
		for _, n := range u.recorded {
			lost = lost || n == tapeNews{who, "closed 1006"}
		}
	}
	return lost
}

// tapeOrderReasons are about the order in which a client is told.
var tapeOrderReasons = []tapeReason{
	{
		"the order between senders is not defined", "Order between senders is not defined",
		func(x *tapeChange) {
			senders := map[string]bool{}
			for _, u := range x.steps {
				senders[u.who] = true
			}
			if len(senders) < 2 {
				return
			}
			for who, told := range x.told {
				if sameInAnyOrder(told, x.ours[who]) && inOrderOfEach(told) && inOrderOfEach(x.ours[who]) {
					x.told[who] = x.ours[who]
				}
			}
		},
	},
	{
		"complete comes after the sender's own copies", "`complete` comes after the sender's own copy of what its handler broadcast",
		func(x *tapeChange) {
			for who := range x.told {
				x.completeLast(who)
			}
		},
	},
}

// inOrderOfEach reports whether the numbers that are told rise for each sender. Those of two whom the client cannot tell
// apart, which count alike, rise if neither is a step ahead of itself.
func inOrderOfEach(told []any) bool {
	seen := map[string]map[int]int{} // how often a number has come, by what is said of its sender
	for _, v := range told {
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

// completeLast puts each complete of a sender behind the copies of what its own message broadcast.
func (x *tapeChange) completeLast(who string) {
	complete := tapeFrame("complete")
	isComplete := func(v any) bool { return reflect.DeepEqual(v, complete) }
	var sent []int // own copies of each message
	for _, u := range x.steps {
		if u.who == who && u.verb == ">" {
			sent = append(sent, numbersOf(u.input()))
		}
	}
	told := slices.DeleteFunc(slices.Clone(x.told[who]), isComplete)
	own := count(told, isOwnCopy)
	if len(sent) == 1 {
		sent[0] = own
	}
	if own == 0 || len(told)+len(sent) != len(x.told[who]) {
		return
	}
	var all []any
	for _, v := range told {
		all = append(all, v)
		if isOwnCopy(v) && len(sent) > 0 {
			sent[0]--
		}
		isEnd := !x.completes || reflect.DeepEqual(v, tapeFrame("group_complete"))
		if len(sent) > 0 && sent[0] == 0 && isEnd {
			all, sent = append(all, complete), sent[1:]
		}
	}
	x.told[who] = all
}

func isOwnCopy(v any) bool {
	f, _ := v.(map[string]any)
	return f["is_current"] == true || f["isCurrent"] == true
}

// numbersOf is how many numbers a message broadcasts.
func numbersOf(in tapeInput) int {
	text, _ := in.payload.(string)
	if n, ok := strings.CutPrefix(text, "burst:"); ok {
		if n, err := strconv.Atoi(n); err == nil {
			return n
		}
	}
	return 1
}
