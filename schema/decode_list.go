package schema

import "reflect"

// list reads a slice or an array. It only counts the elements of one that is too long.
func (d *Decoder) list(t *Type, r *rules, v reflect.Value) error {
	if d.peek() != '[' {
		return d.refuse("list_type", "Input should be a valid list")
	}
	least, most := listLimits(t, r)
	if most >= 0 && (len(d.data)-d.pos)/2 > most { // an element takes two bytes at least
		if long, err := d.tooLong(most); err != nil || long {
			return err
		}
	}
	var set valueSet
	n, err := d.elements(t, r, v, &set)
	switch {
	case err != nil:
		return err
	case n < least:
		d.failLast("too_short", countMessage("List", least, false, n))
	case set.twice:
		d.failLast("unique_items", "Items should be unique")
	}
	return nil
}

// tooLong counts the elements of the list at the cursor. If the list is not too long, the cursor returns to its start.
func (d *Decoder) tooLong(most int) (bool, error) {
	start, n := d.pos, 0
	if err := d.enter(); err != nil {
		return false, err
	}
	for ; ; n++ {
		if more, err := d.more(']', n == 0); err != nil {
			return false, err
		} else if !more {
			break
		}
		if err := d.Skip(); err != nil {
			return false, err
		}
	}
	if n <= most {
		d.pos = start
		return false, nil
	}
	d.failLast("too_long", countMessage("List", most, true, n))
	return true, nil
}

// elements reads the list at the cursor. If its elements must be unique, it adds them to set. Once an element has
// failed, the list is discarded anyway, so all later elements are read into the same slot.
func (d *Decoder) elements(t *Type, r *rules, v reflect.Value, set *valueSet) (n int, err error) {
	elem, unique := r.ofElements()
	if err := d.enter(); err != nil {
		return 0, err
	}
	if t.kind == kindSlice {
		v.Set(reflect.MakeSlice(t.goType, 0, 0))
	}
	before, place, skipping := d.failed, 0, false
	for ; ; n++ {
		if more, err := d.more(']', n == 0); err != nil || !more {
			return n, err
		}
		if skipping = skipping || d.pastCutoff(n); skipping {
			if err := d.skipUnreported(); err != nil {
				return n, err
			}
			continue
		}
		d.peek()
		start := d.pos
		d.pushIndex(n)
		at := element(t, v, place)
		err := d.value(t.elem.Type, elem, at)
		d.pop()
		if err != nil {
			return n, err
		}
		if d.failed == before {
			place++
		} else {
			at.SetZero()
		}
		if unique {
			if err := set.add(d.data[start:d.pos]); err != nil {
				return n, err
			}
		}
	}
}

// element returns the nth element of v so that it can be set. v has n elements or n+1.
func element(t *Type, v reflect.Value, n int) reflect.Value {
	if t.kind == kindArray {
		return v.Index(n)
	}
	if n == v.Cap() {
		v.Grow(1)
	}
	if n == v.Len() {
		v.SetLen(n + 1)
	}
	return v.Index(n)
}

// listLimits returns how many elements are allowed; most is -1 without a limit.
func listLimits(t *Type, r *rules) (least, most int) {
	least, most = 0, -1
	if t.kind == kindArray {
		least = t.goType.Len()
		most = least
	}
	if r != nil && r.minItems != nil {
		least = max(least, *r.minItems)
	}
	if r != nil && r.maxItems != nil && (most < 0 || *r.maxItems < most) {
		most = *r.maxItems
	}
	return least, most
}
