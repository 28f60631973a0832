package rules

import (
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/sluice-metrics/sluice/internal/series"
)

func numbered(n int) series.Fingerprint {
	return series.FingerprintOf(binary.AppendUvarint(nil, uint64(n)))
}

// walkAlong takes a path through points with these numbers, and returns how many outcomes the trail did not say.
func walkAlong(t *testing.T, p *path, kept map[int]*outcome, metric int, points []int) (strayed int) {
	t.Helper()
	p.enter(numbered(metric), len(points))
	for _, n := range points {
		o := p.next(numbered(n))
		if o == nil {
			strayed++
			p.stray(numbered(n), kept[n])
			continue
		}
		assert.Same(t, kept[n], o)
	}
	p.end()
	return strayed
}

func outcomes(n int) map[int]*outcome {
	kept := map[int]*outcome{}
	for i := range n {
		kept[i] = &outcome{dropped: i}
	}
	return kept
}

func count(from, to int) (list []int) {
	for n := from; n < to; n++ {
		list = append(list, n)
	}
	return list
}

func TestTrailSaysWhatComesInTheSameOrder(t *testing.T) {
	p, kept := &path{trails: &trails{most: 1000}, trail: lost}, outcomes(100)
	assert.Equal(t, 20, walkAlong(t, p, kept, 1, count(0, 20)), "the first time")
	assert.Zero(t, walkAlong(t, p, kept, 1, count(0, 20)))
	assert.Equal(t, 20, walkAlong(t, p, kept, 2, count(0, 20)), "another metric")
	assert.Zero(t, walkAlong(t, p, kept, 1, count(0, 15)), "fewer")

	one := count(0, 20)
	one[5] = 77
	assert.Equal(t, 1, walkAlong(t, p, kept, 1, one), "one is another")
	assert.Equal(t, 1, walkAlong(t, p, kept, 1, one), "the trail stays for so little")
	assert.Equal(t, 15, walkAlong(t, p, kept, 1, append([]int{0, 1, 2, 3, 4}, count(6, 21)...)), "one is missing")
	assert.Zero(t, walkAlong(t, p, kept, 1, append([]int{0, 1, 2, 3, 4}, count(6, 21)...)), "a new trail")
	p.trails.forget()
	assert.Equal(t, 20, walkAlong(t, p, kept, 1, count(0, 20)))
}

func TestTrailIsGivenUpWhereThereIsNoOrder(t *testing.T) {
	p, kept := &path{trails: &trails{most: 1000}, trail: lost}, outcomes(1000)
	for i := range 10 {
		assert.Equal(t, 20, walkAlong(t, p, kept, 1, count(20*i, 20*i+20)))
	}
	assert.Same(t, lost, p.trails.get(numbered(1)))
	assert.Zero(t, p.trails.steps)
}

func TestTrailsAreBounded(t *testing.T) {
	p, kept := &path{trails: &trails{most: 100}, trail: lost}, outcomes(longestTrail+1)
	for metric := range 20 {
		walkAlong(t, p, kept, metric, count(0, 30))
	}
	assert.Equal(t, 90, p.trails.steps)
	assert.Len(t, p.trails.of, 3)
	p.trails = &trails{most: 1 << 20}
	walkAlong(t, p, kept, 1, count(0, longestTrail+1))
	walkAlong(t, p, kept, 2, count(0, shortestTrail-1))
	assert.Empty(t, p.trails.of, "too long, too short")
}

// What is good for one point only is no step.
func TestTrailDoesNotRepeatWhatWasLearntForOnePoint(t *testing.T) {
	p, kept := &path{trails: &trails{most: 100}, trail: lost}, outcomes(20)
	kept[3] = nil
	assert.Equal(t, 20, walkAlong(t, p, kept, 1, count(0, 20)))
	assert.Equal(t, 1, walkAlong(t, p, kept, 1, count(0, 20)))
}
