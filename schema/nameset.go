package schema

import "bytes"

// nameSet finds duplicate names. It compares up to 16 names one by one and keeps further ones in a map.
type nameSet struct {
	few  [16][]byte
	n    int
	many map[string]struct{}
}

func (s *nameSet) reset() { s.n, s.many = 0, nil }

// add adds a name and reports whether it was in the set. The caller must not change the bytes of name.
func (s *nameSet) add(name []byte) (had bool) {
	for _, f := range s.few[:s.n] {
		if bytes.Equal(f, name) {
			return true
		}
	}
	if s.n < len(s.few) {
		s.few[s.n] = name
		s.n++
		return false
	}
	if s.many == nil {
		s.many = map[string]struct{}{}
	}
	if _, had := s.many[string(name)]; had {
		return true
	}
	s.many[string(name)] = struct{}{}
	return false
}

// fieldSet is a set of field numbers.
type fieldSet struct {
	low  uint64
	high map[int]struct{}
}

// add adds a field and reports whether it was in the set.
func (s *fieldSet) add(i int) (had bool) {
	if i >= 64 {
		_, had = s.high[i]
		if s.high == nil {
			s.high = map[int]struct{}{}
		}
		s.high[i] = struct{}{}
		return had
	}
	had = s.low&(1<<i) != 0
	s.low |= 1 << i
	return had
}

func (s *fieldSet) has(i int) bool {
	if i >= 64 {
		_, had := s.high[i]
		return had
	}
	return s.low&(1<<i) != 0
}
