package hub

import "slices"

// list holds members of one shard.
type list[M any] struct {
	shard   int
	members []M
}

// snapshot returns the current members of groups. It releases the lock before the lists are processed: with many
// members that takes long, and joining a group must not wait for it.
func (h *Hub[M, D]) snapshot(groups ...string) (lists []list[M], members int) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	for _, name := range groups {
		h.members(name, func(shard int, all []M) {
			lists = append(lists, list[M]{shard, all})
			members += len(all)
		})
	}
	return lists, members
}

// distinct calls f with the members of groups, each member once. It takes time linear in the number of memberships.
func (h *Hub[M, D]) distinct(groups []string, f func(shard int, members []M)) {
	lists, n := h.snapshot(groups...)
	if len(lists) == 1 {
		f(lists[0].shard, lists[0].members)
		return
	}
	seen := newSet[M](n)
	for _, l := range lists {
		if fresh := filter(l.members, seen.add); len(fresh) > 0 {
			f(l.shard, fresh)
		}
	}
}

// matchOnly calls f with the members of groups[k] that belong to none of the groups before it. It asks each member,
// because a member is in few groups, while the groups before may be many and large.
func (h *Hub[M, D]) matchOnly(groups []string, k int, f func(shard int, members []M)) {
	lists, _ := h.snapshot(groups[k])
	if k == 0 || len(lists) == 0 {
		for _, l := range lists {
			f(l.shard, l.members)
		}
		return
	}
	before := newNames(groups[:k])
	for _, l := range lists {
		if fresh := filter(l.members, func(m M) bool { return !m.InAny(before) }); len(fresh) > 0 {
			f(l.shard, fresh)
		}
	}
}

// filter returns the members for which keep returns true, or members itself if it does for all. It calls keep once for
// each.
func filter[M any](members []M, keep func(M) bool) []M {
	for i, m := range members {
		if keep(m) {
			continue
		}
		kept := slices.Clone(members[:i])
		for _, m := range members[i+1:] {
			if keep(m) {
				kept = append(kept, m)
			}
		}
		return kept
	}
	return members
}

// Names is a set of group names.
type Names struct {
	few  []string
	many map[string]struct{}
}

func newNames(names []string) Names {
	if len(names) <= fewNames {
		return Names{few: names}
	}
	n := Names{many: make(map[string]struct{}, len(names))}
	for _, name := range names {
		n.many[name] = struct{}{}
	}
	return n
}

// Has reports whether prefix+rest is in the set.
func (n Names) Has(prefix, rest string) bool {
	if n.many != nil {
		_, has := n.many[prefix+rest]
		return has
	}
	return slices.ContainsFunc(n.few, func(name string) bool {
		return len(name) == len(prefix)+len(rest) && name[:len(prefix)] == prefix && name[len(prefix):] == rest
	})
}

// fewNames and fewMembers are the sizes up to which comparing one by one is faster than a map.
const fewNames, fewMembers = 8, 32

// set is a set of members.
type set[M comparable] struct {
	few  []M
	many map[M]struct{}
}

// newSet returns a set for up to n members.
func newSet[M comparable](n int) *set[M] {
	if n > fewMembers {
		return &set[M]{many: make(map[M]struct{}, n)}
	}
	return &set[M]{few: make([]M, 0, n)}
}

// add adds m and reports whether it is new.
func (s *set[M]) add(m M) bool {
	if s.many == nil {
		if slices.Contains(s.few, m) {
			return false
		}
		s.few = append(s.few, m)
		return true
	}
	n := len(s.many)
	s.many[m] = struct{}{}
	return len(s.many) > n
}
