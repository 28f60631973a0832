package exposition

import (
	"context"
	"errors"
	"io"
	"os"
	"testing"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/textparse"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// TestPrometheusStoresWhatItsOwnConverterMakes scrapes pages into Prometheus' storage and asks it for everything: what a
// batch becomes on the way over a page is what Prometheus makes of it when it is sent the batch.
func TestPrometheusStoresWhatItsOwnConverterMakes(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		options := drawOptions(t)
		s, f, db := NewStore(options), newFleet(t), openHead(t, dir)
		defer db.close(t)
		for range rapid.IntRange(1, 4).Draw(t, "rounds") {
			md := f.round()
			out := s.Add(md)
			require.Empty(t, out.Refused)
			require.Equal(t, md.DataPointCount(), out.Accepted)
			want := converted(t, f.state(), options)
			for _, format := range []expfmt.Format{textUTF8, omUTF8, protoUTF8} {
				body, _ := render(t, s, format)
				if format == omUTF8 {
					requireStrict(t, body)
				}
				got := db.scrape(t, body, format)
				expected := want
				if format != protoUTF8 {
					expected = want.classicLike(got)
				}
				require.Equalf(t, expected.printed(), got.printed(), "page:\n%s", body)
			}
		}
	})
}

func drawOptions(t *rapid.T) Options {
	o := Options{
		Strategy:         rapid.SampledFrom(strategies).Draw(t, "strategy"),
		WithoutScopeInfo: rapid.Bool().Draw(t, "withoutScopeInfo"),
		Namespace:        rapid.SampledFrom([]string{"", "ns"}).Draw(t, "namespace"),
	}
	o.WithoutTargetInfo = o.Namespace != ""
	if rapid.Bool().Draw(t, "constLabels") {
		o.ConstLabels = map[string]string{"cluster": "e\"u\n"}
	}
	if rapid.Bool().Draw(t, "resourceLabels") {
		o.ResourceLabels = func(key string) bool { return key == "host.name" }
	}
	return o
}

// headOfTSDB is the part of Prometheus' storage that takes samples.
type headOfTSDB struct {
	*tsdb.Head
	dir string
	now int64
}

func openHead(t tester, dir string) *headOfTSDB {
	t.Helper()
	dir, err := os.MkdirTemp(dir, "")
	require.NoError(t, err)
	opts := tsdb.DefaultHeadOptions()
	opts.ChunkDirRoot, opts.StripeSize = dir, 16
	head, err := tsdb.NewHead(nil, nil, nil, nil, opts, nil)
	require.NoError(t, err)
	require.NoError(t, head.Init(0))
	return &headOfTSDB{Head: head, dir: dir}
}

func (h *headOfTSDB) close(t tester) {
	t.Helper()
	require.NoError(t, h.Close())
	require.NoError(t, os.RemoveAll(h.dir))
}

// scrape stores a page and returns what can be found of it.
func (h *headOfTSDB) scrape(t tester, body []byte, format expfmt.Format) samples {
	t.Helper()
	h.now += 1000
	lines := h.store(t, body, format)
	found := h.query(t)
	require.Lenf(t, found, lines, "page:\n%s", body)
	return found
}

func (h *headOfTSDB) store(t tester, body []byte, format expfmt.Format) int {
	t.Helper()
	app, lines := h.Appender(context.Background()), 0
	parser, err := textparse.New(body, string(format), labels.NewSymbolTable(), textparse.ParserOptions{OpenMetricsSkipSTSeries: true})
	require.NoError(t, err)
	for {
		entry, err := parser.Next()
		if errors.Is(err, io.EOF) {
			require.NoError(t, app.Commit())
			return lines
		}
		require.NoErrorf(t, err, "page:\n%s", body)
		if entry == textparse.EntrySeries || entry == textparse.EntryHistogram {
			lines++
			require.NoErrorf(t, h.append(app, parser, entry), "page:\n%s", body)
		}
	}
}

func (h *headOfTSDB) append(app storage.Appender, parser textparse.Parser, entry textparse.Entry) error {
	var ls labels.Labels
	parser.Labels(&ls)
	if entry == textparse.EntryHistogram {
		_, _, native, float := parser.Histogram()
		_, err := app.AppendHistogram(0, ls, h.now, native, float)
		return err
	}
	_, _, value := parser.Series()
	_, err := app.Append(0, ls, h.now, value)
	return err
}

// query returns all samples of the last scrape.
func (h *headOfTSDB) query(t tester) samples {
	t.Helper()
	q, err := tsdb.NewBlockQuerier(tsdb.NewRangeHead(h.Head, h.now, h.now), h.now, h.now)
	require.NoError(t, err)
	defer func() { require.NoError(t, q.Close()) }()
	out := samples{}
	set := q.Select(context.Background(), false, nil, labels.MustNewMatcher(labels.MatchRegexp, "__name__", ".+"))
	for set.Next() {
		ls, it := set.At().Labels(), set.At().Iterator(nil)
		switch it.Next() {
		case chunkenc.ValFloat:
			_, v := it.At()
			out.put(ls, v, nil)
		case chunkenc.ValHistogram:
			_, native := it.AtHistogram(nil)
			out.put(ls, 0, native)
		case chunkenc.ValFloatHistogram:
			require.Fail(t, "a float histogram")
		case chunkenc.ValNone:
		}
	}
	require.NoError(t, set.Err())
	return out
}
