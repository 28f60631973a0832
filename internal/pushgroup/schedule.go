package pushgroup

import "time"

// schedule is a heap of groups by when they are due.
type schedule []*group

func (s schedule) Len() int           { return len(s) }
func (s schedule) Less(i, j int) bool { return s[i].due.Before(s[j].due) }

func (s schedule) Swap(i, j int) {
	s[i], s[j] = s[j], s[i]
	s[i].index, s[j].index = i, j
}

func (s *schedule) Push(x any) {
	g := x.(*group)
	g.index = len(*s)
	*s = append(*s, g)
}

func (s *schedule) Pop() any {
	last := len(*s) - 1
	g := (*s)[last]
	(*s)[last] = nil
	*s = (*s)[:last]
	g.index = unscheduled
	return g
}

const unscheduled = -1

// until is how long the first group has to wait yet; false without any.
func (s schedule) until(now time.Time) (time.Duration, bool) {
	if len(s) == 0 {
		return 0, false
	}
	return s[0].due.Sub(now), true
}
