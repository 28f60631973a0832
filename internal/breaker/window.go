package breaker

import "time"

// windowSlots is how finely a window forgets.
const windowSlots = 10

// window counts the calls that ended in the last while, to a tenth of it.
type window struct {
	slots [windowSlots]struct{ calls, failures int }
	at    int
	began time.Time
}

// advance forgets what was before the window that ends now.
func (w *window) advance(now time.Time, length time.Duration) {
	width := max(length/windowSlots, 1)
	steps := int64(now.Sub(w.began) / width)
	switch {
	case steps <= 0:
		return
	case w.began.IsZero() || steps >= windowSlots:
		*w = window{began: now}
		return
	}
	for range steps {
		w.at = (w.at + 1) % windowSlots
		w.slots[w.at] = struct{ calls, failures int }{}
	}
	w.began = w.began.Add(time.Duration(steps) * width)
}

func (w *window) add(failures int) {
	w.slots[w.at].calls++
	w.slots[w.at].failures += failures
}

func (w *window) counts() (calls, failures int) {
	for _, s := range w.slots {
		calls += s.calls
		failures += s.failures
	}
	return calls, failures
}
