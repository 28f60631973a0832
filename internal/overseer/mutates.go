package overseer

import (
	"sync"

	"go.opentelemetry.io/collector/consumer"
)

// PipelineMutates tells whether anything behind the processor may change what it is given, up to the fan-out to
// exporters and connectors, which copies for those that do where somebody else reads the same. A processor's Capabilities
// speak for itself only, and the collector's wrappers hide who it is.
func (n *processorNext) PipelineMutates() bool { return n.mutates }

// enquiry finds the processor behind a consumer. Of all that the collector's wrappers pass on, there is one call that
// means nothing else: they ask whom they wrap for its capabilities. So while one enquires, processors note that they were
// asked.
type enquiry struct {
	mu    sync.Mutex // one at a time
	notes struct {
		sync.Mutex
		open  bool
		asked []*countedProcessor
	}
}

// mutates tells whether next or a processor behind it changes what it gets.
func (e *enquiry) mutates(next consumer.Metrics) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.begin()
	itself := next.Capabilities().MutatesData
	switch asked := e.end(); len(asked) {
	case 0: // the fan-out
		return itself
	case 1:
		return itself || asked[0].behind.mutates
	default: // somebody else asked, at the same moment: nobody knows
		return true
	}
}

func (e *enquiry) begin() {
	e.notes.Lock()
	defer e.notes.Unlock()
	e.notes.open = true
}

func (e *enquiry) end() []*countedProcessor {
	e.notes.Lock()
	defer e.notes.Unlock()
	asked := e.notes.asked
	e.notes.open, e.notes.asked = false, nil
	return asked
}

func (e *enquiry) note(p *countedProcessor) {
	e.notes.Lock()
	defer e.notes.Unlock()
	if e.notes.open {
		e.notes.asked = append(e.notes.asked, p)
	}
}

// Capabilities are the processor's own.
func (p *countedProcessor) Capabilities() consumer.Capabilities {
	p.overseer.enquiry.note(p)
	return p.Metrics.Capabilities()
}
