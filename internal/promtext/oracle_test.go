package promtext

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/exemplar"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/textparse"
	"github.com/stretchr/testify/require"
)

// read is what a parser makes of a page: one line of text for each entry, and whether it got to the end.
type read struct {
	entries []string
	err     error
}

func (r *read) add(format string, args ...any) {
	r.entries = append(r.entries, fmt.Sprintf(format, args...))
}

// readByUs reads a page with the parser of this package.
func readByUs(page []byte, openMetrics bool) read {
	var r read
	var p Parser
	if openMetrics {
		p.ResetOpenMetrics(page)
	} else {
		p.ResetText(page)
	}
	for {
		entry, err := p.Next()
		if err != nil {
			if !errors.Is(err, io.EOF) {
				r.err = err
			}
			return r
		}
		r.take(&p, entry)
	}
}

func (r *read) take(p *Parser, entry Entry) {
	switch entry {
	case EntryHelp:
		r.add("HELP %q", p.Name())
	case EntryType:
		r.add("TYPE %q %s", p.Name(), p.Type())
	case EntryUnit:
		r.add("UNIT %q %q", p.Name(), p.Text())
	case EntrySample:
		ts, ok := p.Timestamp()
		if !ok {
			ts = 0
		}
		r.add("%q %x %t %d %s", texts(p.AppendLabels(nil)), math.Float64bits(p.Value()), ok, ts, p.Type())
		if e, ok := p.Exemplar(nil); ok {
			r.add("# %q %x %t %d", texts(e.Labels), math.Float64bits(e.Value), e.HasTime, e.Time)
		}
	case EntryComment, EntryNone:
	}
}

func texts(ls []Label) []string {
	var out []string
	for _, l := range ls {
		out = append(out, l.Name+"="+l.Value)
	}
	slices.Sort(out)
	return out
}

// readByPrometheus reads a page with Prometheus' own parser.
func readByPrometheus(page []byte, openMetrics bool) read {
	var r read
	var p textparse.Parser
	if openMetrics {
		p = textparse.NewOpenMetricsParser(page, labels.NewSymbolTable())
	} else {
		p = textparse.NewPromParser(slices.Clone(page), labels.NewSymbolTable(), false)
	}
	typ := model.MetricType("")
	for {
		entry, err := p.Next()
		if err != nil {
			if !errors.Is(err, io.EOF) {
				r.err = err
			}
			return r
		}
		r.takeTheirs(p, entry, &typ)
	}
}

func (r *read) takeTheirs(p textparse.Parser, entry textparse.Entry, typ *model.MetricType) {
	switch entry {
	case textparse.EntryHelp:
		name, _ := p.Help()
		r.add("HELP %q", name)
	case textparse.EntryType:
		var name []byte
		name, *typ = p.Type()
		r.add("TYPE %q %s", name, *typ)
	case textparse.EntryUnit:
		name, unit := p.Unit()
		r.add("UNIT %q %q", name, unit)
	case textparse.EntrySeries:
		var ls labels.Labels
		p.Labels(&ls)
		_, ts, v := p.Series()
		if ts == nil {
			r.add("%q %x false 0 %s", theirTexts(ls), math.Float64bits(v), *typ)
		} else {
			r.add("%q %x true %d %s", theirTexts(ls), math.Float64bits(v), *ts, *typ)
		}
		var e exemplar.Exemplar
		if p.Exemplar(&e) {
			r.add("# %q %x %t %d", theirTexts(e.Labels), math.Float64bits(e.Value), e.HasTs, e.Ts)
		}
	case textparse.EntryHistogram, textparse.EntryComment, textparse.EntryInvalid:
	}
}

func theirTexts(ls labels.Labels) []string {
	var out []string
	ls.Range(func(l labels.Label) { out = append(out, l.Name+"="+l.Value) })
	slices.Sort(out)
	return out
}

// requireAgreement demands that both accept a page and read the same, or both refuse it.
func requireAgreement(t *testing.T, page []byte, openMetrics bool) {
	t.Helper()
	if bytesPrometheusReadsOddly(page) {
		return
	}
	theirs, ours := readByPrometheus(page, openMetrics), readByUs(page, openMetrics)
	if theirs.err != nil {
		require.Errorf(t, ours.err, "Prometheus refuses it: %v\npage:\n%q", theirs.err, page)
		return
	}
	require.NoErrorf(t, ours.err, "page:\n%q", page)
	require.Equalf(t, theirs.entries, ours.entries, "page:\n%q", page)
}

// bytesPrometheusReadsOddly tells the pages on which we differ on purpose. NUL: Prometheus' lexers skip it in places, and
// end the page without an error in others. Blanks before a name: Prometheus takes them for a part of it. A backslash in
// an exemplar's label: Prometheus keeps it, as we do, but in odd places.
func bytesPrometheusReadsOddly(page []byte) bool {
	if slices.Contains(page, 0) {
		return true
	}
	for line := range strings.Lines(string(page)) {
		if strings.HasPrefix(line, " ") || strings.HasPrefix(line, "\t") {
			return true
		}
	}
	return false
}

// corpus returns real and made pages, where there are any; see SLUICE_TESTDATA in CONTRIBUTING.md.
func corpus(tb testing.TB) map[string][]byte {
	tb.Helper()
	pages := map[string][]byte{}
	root := os.Getenv("SLUICE_TESTDATA")
	if root == "" {
		return pages
	}
	require.NoError(tb, filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".txt" && !strings.HasSuffix(path, ".om") {
			return err
		}
		page, err := os.ReadFile(path)
		pages[strings.TrimPrefix(path, root)] = page
		return err
	}))
	return pages
}

func TestCorpusIsReadAsByPrometheus(t *testing.T) {
	for name, page := range corpus(t) {
		for _, openMetrics := range []bool{false, true} {
			t.Run(fmt.Sprint(name, openMetrics), func(t *testing.T) { requireAgreement(t, page, openMetrics) })
		}
	}
}

var samples = []string{
	"a 1\n", "a 1", "a{b=\"c\"} 1 2\n", "a { b = \"c\" , } 1\n", "a{b=\"c\" d=\"e\"} 1\n", "{\"a.b\",c=\"d\"} 1\n", "{c=\"d\",\"a.b\"} 1\n",
	"{\"a\",\"b\"} 1\n", "a{\"b\"} 1\n", "{b=\"c\"} 1\n", "a{\"b.c\"=\"d\"} 1\n", "a{b=\"\\n\\\\\\\"\\x\"} 1\n", "a{b=\"c\nd\"} 1\n", "a{b=\"\\\n\"} 1\n", "{\"a\\\n\"} 1\n", "# HELP \"a\\\n\" b\n",
	"# HELP a b\\nc\n", "# TYPE a counter\na 1\n", "# TYPE a  counter\n", "# TYPE a summary\na{quantile=\"1\"} 1\n",
	"# TYPE a histogram\na_bucket{le=\"1e3\"} 1\na_bucket{le=\"x\"} 1\na_bucket{le=\"0x1p3\"} 1\na_bucket{le=\"-inf\"} 1\n", "#x\n", "# HELP\n", "# HELP \n", "# HELP a\n", "# TYPE a\n", "#\tHELP\ta\tb\n",
	"# HELP \"a b\" c\n", "# TYPE \"a\n", "a 0x1p3\n", "a 1_0\n", "a NaN\na +Inf\na -inf\na 1e400\n", "a 1 -2\n", "a 1 99999999999999999999\n",
	"a\n", "a{ 1\n", "a{b} 1\n", "a{b=} 1\n", "a{b=\"c} 1\n", "a{b=\"\xff\"} 1\n", "a 1 2 3\n", "\n\na 1\n", "1a 1\n", "a:b:c 1\n", "a{b:c=\"d\"} 1\n",
	"a 1\n# EOF\n", "a 1\n# EOF", "# EOF\na 1\n", "a 1 # {b=\"c\"} 2 3\n# EOF\n", "a 1 4 # {b=\"c\"} 2\n# EOF\n", "a 1 4 # {} 2\n# EOF\n", "a 1 # {\"b\"} 2\n# EOF\n",
	"# UNIT a_seconds seconds\n# EOF\n", "# UNIT a seconds\n# EOF\n", "# UNIT a \n# EOF\n", "# TYPE a info\na_info 1\n# EOF\n", "a  1\n# EOF\n", "a 1 \n# EOF\n",
	"a 1 1.5\n# EOF\n", "a 1 NaN\n# EOF\n", "# x\n# EOF\n", "a{,} 1\n# EOF\n", "a{b=\"c\",} 1\n# EOF\n", "a{b=\"c\" ,d=\"e\"} 1\n# EOF\n", "a 1\n\n# EOF\n",
}

func TestSamplesAreReadAsByPrometheus(t *testing.T) {
	for _, page := range samples {
		requireAgreement(t, []byte(page), false)
		requireAgreement(t, []byte(page), true)
	}
}

func FuzzText(f *testing.F)        { fuzz(f, false) }
func FuzzOpenMetrics(f *testing.F) { fuzz(f, true) }

func fuzz(f *testing.F, openMetrics bool) {
	f.Helper()
	for _, page := range samples {
		f.Add([]byte(page))
	}
	for _, page := range corpus(f) {
		f.Add(page[:min(len(page), 2000)])
	}
	f.Fuzz(func(t *testing.T, page []byte) { requireAgreement(t, page, openMetrics) })
}

func FuzzNumbers(f *testing.F) {
	for _, s := range []string{"1", "-0", "0.1", "123456789012345", "1.", ".5", ".", "-", "-.5", "9007199254740993", "0x1", "1e5", "+5"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		page := []byte("a " + s + "\n")
		if !strings.ContainsAny(s, " \t\n\x00{") {
			requireAgreement(t, page, false)
		}
	})
}

func TestErrorsTellTheLine(t *testing.T) {
	var p Parser
	p.ResetText([]byte("a 1\n\nb{ 2\nc 3\n"))
	_, err := p.Next()
	require.NoError(t, err)
	_, err = p.Next()
	var syntax *SyntaxError
	require.ErrorAs(t, err, &syntax)
	require.Equal(t, &SyntaxError{Line: 3, Reason: "a label name was expected", Text: "b{ 2"}, syntax)
	_, err = p.Next()
	require.ErrorIs(t, err, io.EOF, "nothing more can be read")
}

func TestReadingAllocatesNothing(t *testing.T) {
	page := []byte("# TYPE a counter\na{b=\"c\",d=\"e\"} 1.5 1700000000000\na 2\n")
	var p Parser
	read := func() {
		p.ResetText(page)
		for {
			if _, err := p.Next(); err != nil {
				return
			}
		}
	}
	read()
	require.Zero(t, testing.AllocsPerRun(100, read))
}

func BenchmarkParse(b *testing.B) {
	page := corpus(b)["/exposition/k8s_apiserver_1.34.txt"]
	if page == nil {
		b.Skip("no SLUICE_TESTDATA")
	}
	b.Run("impl=sluice", func(b *testing.B) {
		b.SetBytes(int64(len(page)))
		b.ReportAllocs()
		var p Parser
		for b.Loop() {
			p.ResetText(page)
			for {
				if _, err := p.Next(); err != nil {
					break
				}
			}
		}
	})
	b.Run("impl=prometheus", func(b *testing.B) {
		b.SetBytes(int64(len(page)))
		b.ReportAllocs()
		for b.Loop() {
			p := textparse.NewPromParser(page, labels.NewSymbolTable(), false)
			for {
				if _, err := p.Next(); err != nil {
					break
				}
			}
		}
	})
}
