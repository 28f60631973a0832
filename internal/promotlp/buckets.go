package promotlp

import "slices"

// buckets are the buckets of a histogram or the quantiles of a summary, with sum and count.
type buckets struct {
	// numbers are bounds or ranks, in the order in which they were first seen.
	numbers []float64
	values  []float64
	// pages are those that have set the values last.
	pages []uint32
	// places finds numbers where there are many.
	places map[float64]uint32

	sum, count float64
	// summed says that there was a sum.
	summed bool
	// gone is how many numbers no series has any more.
	gone int
	// custom are the bounds if they come from native histograms, or from before the numbers were begun anew.
	custom []float64
}

// few is how many numbers are searched one by one.
const few = 32

// place finds the place of a number, or adds it.
func (b *buckets) place(number float64) uint32 {
	if i, ok := b.find(number); ok {
		return i
	}
	i := uint32(len(b.numbers))
	b.numbers, b.values, b.pages = append(b.numbers, number), append(b.values, 0), append(b.pages, 0)
	if b.places != nil {
		b.places[number] = i
	} else if len(b.numbers) > few {
		b.places = make(map[float64]uint32, 2*few)
		for i, n := range b.numbers {
			b.places[n] = uint32(i)
		}
	}
	return i
}

func (b *buckets) find(number float64) (uint32, bool) {
	if b.places != nil {
		i, ok := b.places[number]
		return i, ok
	}
	i := slices.Index(b.numbers, number)
	return uint32(i), i >= 0
}

// set reports whether the page has not set it before.
func (b *buckets) set(i, page uint32, v float64) bool {
	if b.pages[i] == page {
		return false
	}
	b.values[i], b.pages[i] = v, page
	return true
}

// worn reports whether most numbers are of no use.
func (b *buckets) worn() bool { return b.gone > few && b.gone > len(b.numbers)/2 }

// renew begins the numbers anew. Those of the last page are remembered for a staleness marker.
func (b *buckets) renew(page uint32) *buckets {
	fresh := &buckets{summed: b.summed}
	for _, i := range b.appendOrder(nil, page, false) {
		fresh.custom = append(fresh.custom, b.numbers[i])
	}
	return fresh
}

// appendOrder appends the places of the numbers that a page has set, or of all, in the order of the numbers.
func (b *buckets) appendOrder(dst []uint32, page uint32, all bool) []uint32 {
	sorted := true
	for i := range b.numbers {
		if all || b.pages[i] == page {
			sorted = sorted && (len(dst) == 0 || b.numbers[dst[len(dst)-1]] <= b.numbers[i])
			dst = append(dst, uint32(i))
		}
	}
	if !sorted {
		slices.SortFunc(dst, func(x, y uint32) int {
			if b.numbers[x] < b.numbers[y] {
				return -1
			}
			return 1
		})
	}
	return dst
}
