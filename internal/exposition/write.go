package exposition

import (
	"context"
	"io"
	"slices"
	"sync"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/sluice-metrics/sluice/internal/series"
)

// pieceSize is about how much of a page is written at once. A page takes no more memory than that, but in protobuf,
// where the length of a family precedes it.
const pieceSize = 128 << 10

// Page says what one scrape asks for.
type Page struct {
	Format Format
	// Selection is what to show; nil shows everything.
	Selection *Selection
}

// Write writes a page. It holds no lock while it writes, and that of a family only while it renders a piece of it. It
// ends at the first error of w or when ctx is done. What the page cannot show is passed to hidden, as Store.Page does.
func (s *Store) Write(ctx context.Context, w io.Writer, p Page, hidden func(Reason, int)) error {
	if !s.names.legacy && p.Format.Escaping != model.NoEscaping {
		return s.writeEscaped(ctx, w, p, hidden)
	}
	pw := pageWriters.Get().(*pageWriter)
	defer pw.recycle()
	pw.start(ctx, s, w, p)
	return pw.write(s.currentCatalog())
}

// writeEscaped is the slow way, for names that must be escaped: different ones may become the same.
func (s *Store) writeEscaped(ctx context.Context, w io.Writer, p Page, hidden func(Reason, int)) error {
	format := p.Format.expfmt()
	mfs, err := s.Page(format, hidden).Gather()
	if err != nil {
		return err
	}
	enc := expfmt.NewEncoder(w, format, expfmt.WithCreatedLines())
	for _, mf := range mfs {
		if err := ctx.Err(); err != nil {
			return err
		}
		if mf = selected(mf, p.Selection); mf == nil {
			continue
		}
		if err := enc.Encode(mf); err != nil {
			return err
		}
	}
	if closer, ok := enc.(expfmt.Closer); ok {
		return closer.Close()
	}
	return nil
}

// selected returns nil when nothing of a family is.
func selected(mf *dto.MetricFamily, selection *Selection) *dto.MetricFamily {
	if selection == nil {
		return mf
	}
	samples := sampleNames(mf.GetName(), mf.GetType())
	switch selection.Family(mf.GetName(), samples) {
	case All:
		return mf
	case None:
		return nil
	case Some:
	}
	mf.Metric = slices.DeleteFunc(mf.Metric, func(m *dto.Metric) bool {
		return !selection.Series(mf.GetName(), samples, func(name string) string {
			for _, pair := range m.Label {
				if pair.GetName() == name {
					return pair.GetValue()
				}
			}
			return ""
		})
	})
	if len(mf.Metric) == 0 {
		return nil
	}
	return mf
}

var pageWriters = sync.Pool{New: func() any { return new(pageWriter) }}

// pageWriter writes one page. Its buffers serve the next one.
type pageWriter struct {
	ctx   context.Context
	store *Store
	w     io.Writer
	page  Page
	now   int64

	lines    lines
	messages messages
	walk     series.Walk
	// buf is the piece under way, out what waits to be written in protobuf.
	buf, out []byte
	// full holds the pieces of the family under way in protobuf, spare those to use again.
	full, spare [][]byte
}

func (p *pageWriter) start(ctx context.Context, s *Store, w io.Writer, page Page) {
	p.ctx, p.store, p.w, p.page, p.now = ctx, s, w, page, s.now()
	p.lines.store, p.lines.openMetrics = s, page.Format.Kind == OpenMetrics
	p.messages.store = s
	p.buf, p.out = slices.Grow(p.buf[:0], pieceSize+pieceSize/8), p.out[:0]
}

// maxSpare bounds the pieces that wait for the next page.
const maxSpare = 8

// recycle forgets everything but buffers: IDs of scopes mean something else in another store, and later in this one.
func (p *pageWriter) recycle() {
	p.setFree()
	if len(p.spare) > maxSpare {
		clear(p.spare[maxSpare:])
		p.spare = p.spare[:maxSpare]
	}
	p.ctx, p.store, p.w, p.page = nil, nil, nil, Page{}
	p.lines.forget()
	p.messages.forget()
	pageWriters.Put(p)
}

func (p *pageWriter) write(c *catalog) error {
	for i, f := range c.families {
		if err := p.ctx.Err(); err != nil {
			return err
		}
		if err := p.family(f, c.openMetrics[i]); err != nil {
			return err
		}
	}
	if p.page.Format.Kind == OpenMetrics {
		p.buf = append(p.buf, "# EOF\n"...)
	}
	return p.flush()
}

// family writes one family, piece by piece.
func (p *pageWriter) family(f *family, called openMetricsFamily) error {
	w := familyWriter{pageWriter: p, family: f}
	if p.page.Selection != nil {
		w.samples = sampleNames(f.name, f.typ)
		switch p.page.Selection.Family(f.name, w.samples) {
		case None:
			return nil
		case Some:
			w.choosy = true
		case All:
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.mu.series.BeginWalk(&p.walk)
	defer f.mu.series.EndWalk(&p.walk)
	p.forgetScopes()
	p.lines.begin(f, called)
	p.messages.begin(f)
	return w.write()
}

// patience is how many series a selection is asked about before others are let at the family: it may choose few, and
// take long for each.
const patience = 256

// familyWriter writes the series of one family, whose lock it holds but while it writes.
type familyWriter struct {
	*pageWriter
	family  *family
	samples []string
	asked   int
	// choosy means that only some series are to be shown, headed that one was.
	choosy, headed bool
}

// write gives the lock up between series only: what it knows of one does not hold afterwards.
func (w *familyWriter) write() error {
	for slot, r := range w.family.mu.series.Walk(&w.walk) {
		if !w.store.expired(r, w.now) && (!w.choosy || w.chooses(slot)) {
			w.series(slot, r)
		}
		if err := w.pause(); err != nil {
			return err
		}
	}
	if w.page.Format.Kind == Protobuf {
		return w.endMessage()
	}
	return nil
}

func (w *familyWriter) series(slot uint32, r *record) {
	if w.page.Format.Kind == Protobuf {
		w.buf = w.messages.series(w.buf, slot, r)
	} else {
		w.line(slot, r)
	}
}

// line writes a series, and before the first one what the page says of the family.
func (w *familyWriter) line(slot uint32, r *record) {
	mark := len(w.buf)
	if !w.headed {
		w.buf = w.lines.heading(w.buf)
	}
	headed := len(w.buf)
	w.buf = w.lines.series(w.buf, slot, r)
	if len(w.buf) == headed {
		w.buf = w.buf[:mark]
		return
	}
	w.headed = true
}

func (w *familyWriter) chooses(slot uint32) bool {
	w.asked++
	labels := w.store.labelsOf(w.family, slot)
	return w.page.Selection.Series(w.family.name, w.samples, func(name string) string {
		for _, l := range labels {
			if l.name == name {
				return l.value
			}
		}
		return ""
	})
}

// pause lets others at the family when a piece is full, which is then written or in protobuf set aside, and when a
// selection has taken long.
func (w *familyWriter) pause() error {
	full := len(w.buf) >= pieceSize
	if !full && w.asked < patience {
		return nil
	}
	w.asked = 0
	w.family.mu.Unlock()
	defer w.family.mu.Lock()
	defer w.forgetScopes()
	switch {
	case full && w.page.Format.Kind == Protobuf:
		w.full = append(w.full, w.buf)
		w.buf = w.piece()
		return w.ctx.Err()
	case full:
		return w.flush()
	default:
		return w.ctx.Err()
	}
}

// forgetScopes is for when the lock was given up: a scope may be gone then, and another have its ID.
func (p *pageWriter) forgetScopes() { p.lines.scope, p.messages.scope = 0, 0 }

func (p *pageWriter) piece() []byte {
	if last := len(p.spare) - 1; last >= 0 {
		piece := p.spare[last][:0]
		p.spare[last] = nil
		p.spare = p.spare[:last]
		return piece
	}
	return make([]byte, 0, pieceSize+pieceSize/8)
}

// endMessage writes the family's message: its length, its heading and the pieces with its series.
func (w *familyWriter) endMessage() error {
	size := len(w.buf)
	for _, piece := range w.full {
		size += len(piece)
	}
	if size == 0 {
		return nil
	}
	begin := w.messages.begins(size)
	w.family.mu.Unlock()
	defer w.family.mu.Lock()
	return w.writeMessage(begin)
}

func (p *pageWriter) writeMessage(begin []byte) error {
	p.out = append(p.out, begin...)
	for _, piece := range p.full {
		p.out = append(p.out, piece...)
		if err := p.flushOut(pieceSize); err != nil {
			return err
		}
	}
	p.setFree()
	p.out = append(p.out, p.buf...)
	p.buf = p.buf[:0]
	return p.flushOut(pieceSize)
}

// setFree makes the pieces of a family that is written ones to use again.
func (p *pageWriter) setFree() {
	p.spare = append(p.spare, p.full...)
	clear(p.full)
	p.full = p.full[:0]
}

// flush writes all there is; in the text formats out is empty, and changes places with buf.
func (p *pageWriter) flush() error {
	if len(p.out) == 0 {
		p.out, p.buf = p.buf, p.out
	}
	p.out = append(p.out, p.buf...)
	p.buf = p.buf[:0]
	return p.flushOut(1)
}

// flushOut writes what waits, if it is enough.
func (p *pageWriter) flushOut(enough int) error {
	if err := p.ctx.Err(); err != nil || len(p.out) < enough {
		return err
	}
	_, err := p.w.Write(p.out)
	p.out = p.out[:0]
	return err
}
