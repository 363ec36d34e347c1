//go:build linux

package load

import "time"

// Delays counts how long deliveries took, to the microsecond. The zero value is empty.
type Delays struct {
	counts []int // by microseconds, rounded down
	all    int
}

func (d *Delays) add(delay time.Duration, n int) {
	i := int(delay / time.Microsecond)
	if i >= len(d.counts) {
		d.counts = append(d.counts, make([]int, i+1-len(d.counts))...)
	}
	d.counts[i] += n
	d.all += n
}

// Quantile returns the time within which the given part of all deliveries, from 0 to 1, arrived. It is zero without
// deliveries.
func (d *Delays) Quantile(part float64) time.Duration {
	sum := 0
	for i, n := range d.counts {
		if sum += n; n > 0 && float64(sum) >= part*float64(d.all) {
			return time.Duration(i) * time.Microsecond
		}
	}
	return 0
}
