package inprocess

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

// difference is something that contrib's exporter and ours serve differently on purpose. A row fails when either side
// comes to serve something else.
type difference struct {
	name string
	// why says what makes ours right.
	why   string
	conf  map[string]any
	input []pmetric.Metrics
	// format is text if it has no name.
	format format
	// show picks what to compare of a page, its samples if nil.
	show            func(page) []string
	contrib, sluice []string
}

// requireDifferences compares contrib's exporter with ours under its name, so that both get the same configuration.
func requireDifferences(t *testing.T, rows []difference) {
	t.Helper()
	for _, d := range rows {
		t.Run(d.name, func(t *testing.T) {
			assert.Equal(t, d.contrib, d.shown(t, pullImpls[1]), "contrib")
			assert.Equal(t, d.sluice, d.shown(t, aliasImpl), "sluice; right because %s", d.why)
			assert.NotEqual(t, d.contrib, d.sluice)
		})
	}
}

// shown is what one side shows, or what Prometheus says of a page that it refuses; nil is nothing.
func (d *difference) shown(t *testing.T, impl pullImpl) []string {
	t.Helper()
	f, show := d.format, d.show
	if f.name == "" {
		f = text
	}
	if show == nil {
		show = page.values
	}
	p := impl.with(d.conf).start(t)
	defer p.stop()
	for _, md := range d.input {
		p.add(t, clone(md))
	}
	client := newScraper(t, p, f)
	body := client.scrape(t)
	f.contentType = client.contentType
	out, err := parse(body, f)
	if err != nil {
		return []string{err.Error()}
	}
	return show(out)
}

// of1 is the input of one batch of one metric without resource.
func of1(fill func(pmetric.Metric)) []pmetric.Metrics { return []pmetric.Metrics{of(nil, fill)} }

// of2 is the input of two such batches.
func of2(first, second func(pmetric.Metric)) []pmetric.Metrics {
	return []pmetric.Metrics{of(nil, first), of(nil, second)}
}
