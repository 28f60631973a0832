package proc

import (
	"sync"
	"time"
)

// Sampler watches the memory of a process from its making until Stop.
type Sampler struct {
	stop chan struct{}
	wg   sync.WaitGroup
	once sync.Once
	sum  float64
	n    float64
}

// Watch samples the process's memory every period.
func (p *Process) Watch(period time.Duration) *Sampler {
	s := &Sampler{stop: make(chan struct{})}
	s.wg.Go(func() { s.run(p, period) })
	return s
}

// Stop ends the sampling and returns the mean in bytes. It may be called again.
func (s *Sampler) Stop() float64 {
	s.once.Do(func() { close(s.stop) })
	s.wg.Wait()
	return s.sum / max(s.n, 1)
}

func (s *Sampler) run(p *Process, period time.Duration) {
	every := time.NewTicker(period)
	defer every.Stop()
	for {
		if u, err := p.Usage(); err == nil {
			s.sum += float64(u.RSS)
			s.n++
		}
		select {
		case <-s.stop:
			return
		case <-every.C:
		}
	}
}
