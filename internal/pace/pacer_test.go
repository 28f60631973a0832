package pace

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"
)

var start = time.Unix(1_000_000, 0)

// pipeline takes so many batches a second and refuses the rest.
type pipeline struct {
	capacity float64
	tokens   float64
}

func (l *pipeline) take(dt time.Duration, offered int) (taken, refused int) {
	l.tokens = min(l.tokens+l.capacity*dt.Seconds(), l.capacity)
	taken = min(offered, int(l.tokens))
	l.tokens -= float64(taken)
	return taken, offered - taken
}

// drive offers load batches a second at most, for a time, and returns the stretch of each second.
func drive(p *Pacer, now *time.Time, seconds int, load float64, l *pipeline) (stretches []float64, refusedShare float64) {
	var owed float64
	var all, refused int
	for range seconds {
		*now = now.Add(time.Second)
		owed += load / p.Stretch(*now)
		n := int(owed)
		owed -= float64(n)
		ok, no := l.take(time.Second, n)
		for range ok {
			p.Taken(*now, 0)
		}
		for range no {
			p.Refused(*now, 0)
		}
		all += n
		refused += no
		stretches = append(stretches, p.Stretch(*now))
	}
	return stretches, float64(refused) / float64(max(all, 1))
}

func TestItFindsWhatThePipelineTakes(t *testing.T) {
	for _, overload := range []float64{1.2, 2, 4, 8} {
		p, now := New(), start
		l := &pipeline{capacity: 100}
		drive(p, &now, 120, 100*overload, l)
		steady, refused := drive(p, &now, 600, 100*overload, l)
		for _, s := range steady {
			assert.InEpsilon(t, overload, s, 0.2, "it stays near what is right")
		}
		assert.Less(t, refused, 0.1)
	}
}

func TestItRecovers(t *testing.T) {
	p, now := New(), start
	drive(p, &now, 60, 1000, &pipeline{})
	assert.InEpsilon(t, Max, p.Stretch(now), 0.01)
	stretches, _ := drive(p, &now, 180, 1000, &pipeline{capacity: 1e6})
	for i := 1; i < len(stretches); i++ {
		assert.LessOrEqual(t, stretches[i], stretches[i-1], "never back and forth")
	}
	assert.InDelta(t, 1, stretches[len(stretches)-1], 0, "within three minutes")
}

func TestItIsNotUpsetByAFewRefusals(t *testing.T) {
	p, now := New(), start
	for range 1000 {
		now = now.Add(100 * time.Millisecond)
		for range 50 {
			p.Taken(now, 0.1)
		}
		p.Refused(now, 0)
	}
	assert.InDelta(t, 1, p.Stretch(now), 0)
}

func TestItYieldsToSlowness(t *testing.T) {
	p, now := New(), start
	slow := func(seconds int, pressure float64) float64 {
		for range seconds {
			now = now.Add(time.Second)
			p.Taken(now, pressure)
		}
		return p.Stretch(now)
	}
	assert.InDelta(t, 1, slow(60, 0.4), 0)
	assert.Greater(t, slow(60, 3), 4.0)
	high := slow(10, 0.7) // the period that was slow ends first
	for range 12 {
		assert.InEpsilon(t, high, slow(5, 0.7), 0.15, "in between it stays")
	}
	assert.GreaterOrEqual(t, high, slow(5, 0.7))
	assert.InDelta(t, 1, slow(240, 0.1), 0)
}

func TestAPause(t *testing.T) {
	p := New()
	p.Refused(start, 20*time.Second)
	p.Refused(start, 10*time.Second)
	assert.Equal(t, time.Second, p.Paused(start.Add(19*time.Second)))
	assert.Zero(t, p.Paused(start.Add(20*time.Second)))
	assert.Zero(t, p.Paused(start.Add(time.Hour)))
}

func TestTheNilPacer(t *testing.T) {
	var p *Pacer
	p.Refused(start, time.Second)
	p.Taken(start, 9)
	assert.Zero(t, p.Paused(start))
	assert.InDelta(t, 1, p.Stretch(start), 0)
}

func TestItStaysWithinBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, now := New(), start
		for range rapid.IntRange(1, 200).Draw(t, "answers") {
			now = now.Add(time.Duration(rapid.Int64Range(0, int64(time.Minute)).Draw(t, "later")))
			if rapid.Bool().Draw(t, "taken") {
				p.Taken(now, rapid.Float64Range(0, 100).Draw(t, "pressure"))
			} else {
				p.Refused(now, time.Duration(rapid.Int64Range(0, int64(time.Minute)).Draw(t, "wait")))
			}
			if s := p.Stretch(now); !(s >= 1 && s <= Max) {
				t.Fatalf("stretch %v", s)
			}
		}
	})
}
