package chanx

import (
	"slices"
	"sync"
	"time"
)

// incidents keep what happens again and again, drops of one connection or refusals of layer data, from filling the log:
// there is a line for the first of a kind, and then no more than one a minute, with what has come since.
type incidents struct {
	mu  sync.Mutex
	all []incident
}

type incident struct {
	what string
	said time.Time
	kept int // drops since then
}

const incidentWindow = time.Minute

// add returns how many drops are to be logged now.
func (i *incidents) add(what string, n int) (say int) {
	i.mu.Lock()
	defer i.mu.Unlock()
	at := slices.IndexFunc(i.all, func(one incident) bool { return one.what == what })
	if at < 0 {
		at = len(i.all)
		i.all = append(i.all, incident{what: what})
	}
	one := &i.all[at]
	one.kept += n
	if now := time.Now(); now.Sub(one.said) >= incidentWindow {
		say, one.kept, one.said = one.kept, 0, now
	}
	return say
}

// end returns what has not been logged, and forgets it.
func (i *incidents) end() []incident {
	i.mu.Lock()
	defer i.mu.Unlock()
	rest := slices.DeleteFunc(i.all, func(one incident) bool { return one.kept == 0 })
	i.all = nil
	return rest
}
