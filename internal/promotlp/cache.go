package promotlp

import (
	"reflect"

	"github.com/prometheus/prometheus/model/labels"

	"github.com/sluice-metrics/sluice/internal/series"
)

// Cache is what is known of the series of one target. For each scrape call Read or Fail, then Batch, then Delivered; one
// goroutine at a time.
type Cache struct {
	target  Target
	options Options
	sources sources
	relabel relabeler

	// series are those of the pages by their text.
	series *series.Table[entry]
	meta   metadata
	tree   tree
	report []*point
	// infos are the labels of the series that are target_info.
	infos map[uint32]labels.Labels

	// page is the number of the page under way; good says that it can be used, full that it has something, seen how many
	// series. On fresh, options have changed.
	page, fresh uint32
	good, full  bool
	seen        int
	// successful is what was held after the last good page.
	successful int
	// scratch is there between Read and Batch.
	scratch *scratch
	counts  Counts

	// live are the points expected on the next page, before those expected on this one.
	live, before []*point
	// owed are the points whose staleness markers are not delivered, dying those without series.
	owed, dying []*point

	out output
}

// entry is a series of the pages.
type entry struct {
	point *point
	// page is the last one it was on, epoch that of the metadata it was placed by.
	page, epoch uint32
	// number is the place of its bucket or quantile.
	number uint32
	role   role
}

// New returns the cache of a target.
func New(target Target, options Options) *Cache {
	c := &Cache{
		target: target, options: options, series: series.NewTable[entry](), meta: newMetadata(), infos: map[uint32]labels.Labels{},
	}
	c.tree = newTree(c.meta.metrics)
	c.relabel = newRelabeler(target.Labels, &c.options)
	c.makeReport()
	return c
}

// Reconfigure gives the cache another target, which has the same labels, and other options. It still knows what was there,
// but works out anew what becomes of it.
func (c *Cache) Reconfigure(target Target, options Options) {
	c.target = target
	for o, r := range c.tree.resources {
		r.attributes = target.attributes(o)
	}
	if reflect.DeepEqual(c.options, options) {
		return
	}
	c.options = options
	c.relabel = newRelabeler(target.Labels, &c.options)
	c.meta.epoch++
	c.fresh = c.page + 1
	c.makeReport()
}

// Cancel is called instead of Batch and Delivered: the scrape was broken off and says nothing about the target.
func (c *Cache) Cancel() {
	if c.fresh == c.page {
		c.fresh++
	}
	c.live = append(c.live[:0], c.before...)
	for _, p := range c.live {
		p.live = c.page
	}
	c.scratch.recycle()
	c.scratch = nil
}

// Collected counts data points that have come another way than by a page.
func (c *Cache) Collected(points int) {
	c.counts.Scraped += points
	c.counts.Kept += points
}

// Len returns how many series are held.
func (c *Cache) Len() int { return c.series.Len() }

// begin begins a page.
func (c *Cache) begin() {
	c.page++
	c.seen, c.good, c.full, c.counts = 0, false, false, Counts{}
	c.before, c.live = c.live, c.before[:0]
	c.scratch = scratches.Get().(*scratch)
}

// finish gives back what was needed for the page.
func (c *Cache) finish() {
	c.sweep()
	c.scratch.recycle()
	c.scratch = nil
}
