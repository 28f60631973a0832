package prometheuspullexporter

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/sluice-metrics/sluice/internal/exposition"
)

// page answers the scrapes of one path.
type page struct {
	*pullExporter
	// selection is what the page shows at most; nil means everything.
	selection *exposition.Selection
}

func (p *page) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	asked, err := askedFor(req.URL)
	if err != nil {
		p.telemetry.scraped(req.Context(), outcomeRejected, 0)
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	s := scrape{
		page:   exposition.Page{Format: exposition.Negotiate(req.Header, p.without()...), Selection: asked.Within(p.selection)},
		coding: negotiateCoding(req.Header),
	}
	s.describe(w.Header())
	if req.Method != http.MethodHead {
		p.answer(w, req, &s)
	}
}

// askedFor reads the selection of the URL.
func askedFor(u *url.URL) (*exposition.Selection, error) {
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return nil, err
	}
	return exposition.ParseSelection(query["name[]"], query["match[]"])
}

// without are the formats not on offer. OpenMetrics knows no counter whose name does not end with _total.
func (e *pullExporter) without() []exposition.Kind {
	if e.cfg.EnableOpenMetrics && e.cfg.strategy().ShouldAddSuffixes() {
		return nil
	}
	return []exposition.Kind{exposition.OpenMetrics}
}

// answer writes the page and counts what became of it. One that cannot be written to its end breaks the connection: cut
// off in silence it would pass for a whole one. It is not logged: most are scrapers that went away.
func (p *page) answer(w http.ResponseWriter, req *http.Request, s *scrape) {
	start := time.Now()
	p.scraped.Store(&start)
	timeout := scrapeTimeout(req.Header, p.cfg.ServerConfig.WriteTimeout)
	ctx, cancel := withDeadline(req.Context(), w, timeout)
	defer cancel()
	err := s.write(ctx, w, p.engine, p.hidden(req.Context()))
	took := time.Since(start)
	p.telemetry.scraped(req.Context(), outcomeOf(err, took, timeout), took)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
}

func (e *pullExporter) hidden(ctx context.Context) func(exposition.Reason, int) {
	return func(reason exposition.Reason, points int) { e.telemetry.refused(ctx, reason, points) }
}
