package pace

import (
	"math"
	"sync"
	"time"
)

const (
	// period is how long answers are gathered before the pace is changed: single ones say little.
	period = 5 * time.Second
	// tolerated is the share of refusals that is no reason to go slower: at a pace that is just right there are some.
	tolerated = 0.05
	// step bounds how much slower one period makes the pace when all is refused, slowly when it is only late.
	step, slowly = 2.0, 1.25
	// Max is the most that intervals are stretched by.
	Max = 16.0
	// caution is how long recovery gets faster after the last trouble, gain how long it then takes to become e times as
	// fast.
	caution, gain = 60 * time.Second, 30 * time.Second
)

// Pacer tells by how much intervals are to be stretched. It is safe for concurrent use, and has neither goroutine nor
// timer: time comes from its callers. The nil Pacer never stretches.
type Pacer struct {
	mu sync.Mutex
	// stretch was right at since, when there was trouble for the last time.
	stretch float64
	since   time.Time
	// paused is until when nothing is to be sent at all.
	paused time.Time
	// begun is when the present period began.
	begun          time.Time
	refused, taken int
	// late adds up how long answers took, as multiples of what they may take.
	late float64
}

// New returns a pacer that does not stretch.
func New() *Pacer { return &Pacer{stretch: 1} }

// Refused tells that something was refused, and shall not be sent again within wait.
func (p *Pacer) Refused(now time.Time, wait time.Duration) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refused++
	if until := now.Add(wait); wait > 0 && until.After(p.paused) {
		p.paused = until
	}
	p.judge(now)
}

// Taken tells that something was taken, after a time that is pressure times as long as it may be.
func (p *Pacer) Taken(now time.Time, pressure float64) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.taken++
	p.late += pressure
	p.judge(now)
}

// judge ends a period.
func (p *Pacer) judge(now time.Time) {
	if p.begun.IsZero() {
		p.begun = now
	}
	if now.Sub(p.begun) < period {
		return
	}
	if factor := p.factor(); factor > 0 {
		p.stretch = min(p.at(now)*factor, Max)
		p.since = now
		if p.paused.After(now) {
			p.since = p.paused
		}
	}
	p.begun, p.refused, p.taken, p.late = now, 0, 0, 0
}

// factor is what the period says: 1 to stay, more to go slower, 0 to recover.
func (p *Pacer) factor() float64 {
	share := float64(p.refused) / float64(p.refused+p.taken)
	pressure := p.late / float64(max(p.taken, 1))
	switch {
	case share >= tolerated:
		return min(1/(1-share), step) // what was taken is what can be taken
	case pressure > 1:
		return min(pressure, slowly)
	case pressure > 0.5:
		return 1
	default:
		return 0
	}
}

// at is the stretch now: from the last trouble on it sinks, at first slowly.
func (p *Pacer) at(now time.Time) float64 {
	t := max(0, now.Sub(p.since))
	recovered := float64(t) * float64(t) / (2 * float64(caution) * float64(gain))
	if t > caution {
		recovered = float64(caution)/(2*float64(gain)) + float64(t-caution)/float64(gain)
	}
	return max(1, p.stretch*math.Exp(-recovered))
}

// Stretch is what intervals are to be multiplied by, at least 1.
func (p *Pacer) Stretch(now time.Time) float64 {
	if p == nil {
		return 1
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.at(now)
}

// Paused is for how long nothing is to be sent from now on.
func (p *Pacer) Paused(now time.Time) time.Duration {
	if p == nil {
		return 0
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return max(0, p.paused.Sub(now))
}
