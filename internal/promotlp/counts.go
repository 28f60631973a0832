package promotlp

// Counts are what became of the samples of a page.
type Counts struct {
	// Scraped is how many samples the page has, Kept how many relabelling leaves, Added how many series are new.
	Scraped, Kept, Added int
	// Dropped are the samples that are not passed on, Repaired the histograms that are not passed on as they are.
	Dropped  [reasons]int
	Repaired int
}

// Reason is why a sample is not passed on.
type Reason int

// The reasons.
const (
	// Duplicate: the page has the series twice, or relabelling has made two the same.
	Duplicate Reason = iota
	// OutOfBounds: the timestamp is more than ten minutes ahead, or before 1970, which OTLP cannot tell.
	OutOfBounds
	// GaugeHistogram: OTLP has no such thing.
	GaugeHistogram
	// FloatHistogram: a native histogram counts with fractions, which OTLP cannot.
	FloatHistogram
	// NoCount: a histogram or a summary has no count.
	NoCount
	// BadHistogram: the numbers of a histogram contradict each other.
	BadHistogram
	// LostMarkers: staleness markers that no batch could deliver, beyond what is remembered.
	LostMarkers

	reasons
)

var reasonNames = [reasons]string{
	"duplicate", "out_of_bounds", "gauge_histogram", "float_histogram", "no_count", "bad_histogram", "lost_staleness_markers",
}

func (r Reason) String() string { return reasonNames[r] }
