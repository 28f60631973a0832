package drain

import (
	"errors"
	"os"
	"runtime"
	"slices"
	"time"

	"github.com/sluice-metrics/sluice/internal/ledger"
)

// Stats are what is known of a stop: all of it once it is over, so far before.
type Stats struct {
	Seconds    float64     `json:"seconds"`
	Phases     []Phase     `json:"phases"`
	Components []Component `json:"components"`
	Errors     []string    `json:"errors"`
	// Goroutines and OpenFiles are those that are left.
	Goroutines int          `json:"goroutines"`
	OpenFiles  ledger.Count `json:"open_files"`
}

// Phase is a part of the stop. Phases of kinds of components overlap where pipelines do not wait for each other.
type Phase struct {
	Name string `json:"name"`
	// After is how many seconds after the beginning it began.
	After   float64 `json:"after"`
	Seconds float64 `json:"seconds"`

	began time.Time
}

// Report is what is said of the end of a process.
type Report struct {
	// Outcome is clean, lost, failed or forced; what it means for the exit code is the entry point's to say.
	Outcome  string       `json:"outcome"`
	ExitCode ledger.Count `json:"exit_code"`
	// Reason is the signal, or why the process ends without one.
	Reason string `json:"reason"`
	// Began is when the process was told to stop, in RFC 3339; nothing if it was not.
	Began string `json:"began"`
	Stats
	Points ledger.Books `json:"points"`
	// LostBefore is the part of the lost points that were lost when the stop began.
	LostBefore ledger.Count `json:"lost_before"`
}

// The outcomes; Failed is one too.
const (
	Clean  = "clean"
	Lost   = "lost"
	Forced = "forced"
)

const unprompted = "no signal: a component failed, or the configuration was replaced"

// Hung are the names of the components that did not stop in time.
func (r *Report) Hung() []string {
	var names []string
	for i := range r.Components {
		if c := &r.Components[i]; c.State == Hung {
			names = append(names, c.Name())
		}
	}
	return names
}

// Stats are what is known of this stop.
func (r *Run) Stats() Stats {
	now := time.Now()
	began := r.beginning()
	r.mu.Lock()
	phases, problems := slices.Clone(r.mu.phases), append([]string{}, r.mu.errors...)
	r.mu.Unlock()
	s := Stats{
		Components: r.tracker.components(now), Errors: problems,
		Goroutines: runtime.NumGoroutine(), OpenFiles: openFiles(),
	}
	s.Phases = slices.Concat(phases, phasesOf(s.Components))
	for i := range s.Phases {
		s.Phases[i].After = max(0, s.Phases[i].began.Sub(began).Seconds())
	}
	for i := range s.Components {
		if c := &s.Components[i]; c.Error != "" {
			s.Errors = append(s.Errors, c.Name()+": "+c.Error)
		}
	}
	if !began.IsZero() {
		s.Seconds = now.Sub(began).Seconds()
	}
	return s
}

// beginning is when this stop began, the zero time if it did not.
func (r *Run) beginning() time.Time {
	if began, begun := r.process.Begun(); begun {
		return began
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.mu.stoppedAt
}

// report is the report without its verdict.
func (r *Run) report() Report {
	p := r.process
	p.mu.Lock()
	reason, doomed := p.mu.reason, p.mu.doomed
	p.mu.Unlock()
	if reason == "" {
		reason = unprompted
	}
	out := Report{Reason: reason, Stats: r.Stats(), Points: p.Books(), LostBefore: doomed}
	if began := r.beginning(); !began.IsZero() {
		out.Began = began.UTC().Format(time.RFC3339Nano)
	}
	return out
}

// phasesOf sums up the components of each kind, from the first that began to stop to the last that had.
func phasesOf(components []Component) []Phase {
	var out []Phase
	for i := range components {
		c := &components[i]
		if c.began.IsZero() {
			continue
		}
		p := find(&out, c.Kind+"s", c.began)
		if end := c.began.Sub(p.began).Seconds() + c.Seconds; end > p.Seconds {
			p.Seconds = end
		}
	}
	return out
}

func find(phases *[]Phase, name string, began time.Time) *Phase {
	for i := range *phases {
		if (*phases)[i].Name == name {
			return &(*phases)[i]
		}
	}
	*phases = append(*phases, Phase{Name: name, began: began})
	return &(*phases)[len(*phases)-1]
}

// openFiles counts the descriptors of this process where the system lists them.
func openFiles() ledger.Count {
	for _, dir := range []string{"/proc/self/fd", "/dev/fd"} {
		if entries, err := os.ReadDir(dir); err == nil {
			return ledger.Known(int64(len(entries)) - 1) // without the one that lists them
		}
	}
	return ledger.Count{}
}

// errHung is the error of a component that was left behind; it is known by what it can say of itself.
type errHung interface {
	error
	LeftBehind() bool
}

func stateOf(err error) string {
	var hung errHung
	if errors.As(err, &hung) && hung.LeftBehind() {
		return Hung
	}
	return Failed
}
