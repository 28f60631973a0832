package prometheuspullexporter

import (
	"context"
	"io"
	"net/http"

	"github.com/sluice-metrics/sluice/internal/exposition"
)

// scrape is one page to be written.
type scrape struct {
	page   exposition.Page
	coding *coding
}

// describe sets the headers of the answer.
func (s *scrape) describe(h http.Header) {
	h.Set("Content-Type", s.page.Format.ContentType())
	h.Add("Vary", "Accept, Accept-Encoding")
	if s.coding != nil {
		h.Set("Content-Encoding", s.coding.name)
	}
}

func (s *scrape) write(ctx context.Context, w io.Writer, from engine, hidden func(exposition.Reason, int)) error {
	if s.coding == nil {
		return from.Write(ctx, w, s.page, hidden)
	}
	return s.coding.encode(w, func(w io.Writer) error { return from.Write(ctx, w, s.page, hidden) })
}
