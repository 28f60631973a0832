// Package target simulates what a collector scrapes: pages in Prometheus' text format with names, labels and a mix of
// types as node_exporter, kube-state-metrics and cAdvisor have them.
package target

import (
	"strconv"
	"strings"
)

// Options say what a target exposes.
type Options struct {
	Number       int // tells targets apart
	Series       int
	ChurnPercent int // share of the series whose labels are new in every page; histograms stay
}

// Target renders one page after the other. One goroutine may use it at a time.
type Target struct {
	lines []line
	round int
}

// line is one sample: all but its number is rendered once.
type line struct {
	header     string // HELP and TYPE, before the first sample of a family
	prefix     []byte // name and labels and a space
	generation int    // where the digits of a churning label stand in prefix, or 0
	counter    bool
	base, step float64
}

const generationDigits = 8

// New makes a target. 40 % of its series are gauges, 30 % counters, 20 % belong to histograms, the rest is untyped.
func New(o Options) *Target {
	b := pageBuilder{Options: o}
	b.family("gauge", o.Series*40/100, "node_memory", "kube_pod_status", "container_fs")
	b.family("counter", o.Series*30/100, "node_network", "kube_state", "container_cpu")
	b.histograms(o.Series * 20 / 100)
	b.family("untyped", o.Series-len(b.lines), "process_misc")
	return &Target{lines: b.lines}
}

// Series returns the samples of a page.
func (t *Target) Series() int { return len(t.lines) }

// AppendPage appends the next page to dst.
func (t *Target) AppendPage(dst []byte) []byte {
	t.round++
	for i := range t.lines {
		l := &t.lines[i]
		dst = append(dst, l.header...)
		at := len(dst)
		dst = append(dst, l.prefix...)
		if l.generation > 0 {
			putDigits(dst[at+l.generation:at+l.generation+generationDigits], t.round)
		}
		dst = strconv.AppendFloat(dst, l.value(i, t.round), 'g', -1, 64)
		dst = append(dst, '\n')
	}
	return dst
}

// value grows for counters and wanders for all else.
func (l *line) value(i, round int) float64 {
	if l.counter {
		return l.base + l.step*float64(round)
	}
	return l.base + l.step*float64((i*7+round*13)%101)
}

func putDigits(dst []byte, n int) {
	for k := len(dst) - 1; k >= 0; k-- {
		dst[k] = byte('0' + n%10)
		n /= 10
	}
}

type pageBuilder struct {
	Options
	lines []line
}

const seriesPerFamily = 50

// family adds n series, in families named for each of the prefixes in turn.
func (b *pageBuilder) family(kind string, n int, prefixes ...string) {
	suffix := map[string]string{"gauge": "bytes", "counter": "total", "untyped": "value"}[kind]
	for i := range n {
		number := i / seriesPerFamily
		name := prefixes[number%len(prefixes)] + "_" + strconv.Itoa(number) + "_" + suffix
		header := ""
		if i%seriesPerFamily == 0 {
			header = describe(name, kind)
		}
		labels := labelSet(b.noise(i), i, labelCount(b.noise(i)>>32))
		b.add(header, name, labels, kind == "counter", true)
	}
}

var bounds = []string{"0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1", "2.5", "5", "10", "+Inf"}

// histograms adds whole histograms, as many as fit into n series.
func (b *pageBuilder) histograms(n int) {
	for i := range n / (len(bounds) + 2) {
		name := "http_request_" + strconv.Itoa(i/20) + "_duration_seconds"
		header := ""
		if i%20 == 0 {
			header = describe(name, "histogram")
		}
		labels := labelSet(b.noise(i), i, 3+i%4)
		for _, le := range bounds {
			b.add(header, name+"_bucket", labels+`,le="`+le+`"`, true, false)
			header = ""
		}
		b.add("", name+"_sum", labels, true, false)
		b.add("", name+"_count", labels, true, false)
	}
}

func (b *pageBuilder) add(header, name, labels string, counter, mayChurn bool) {
	l := line{header: header, counter: counter, base: float64(b.noise(len(b.lines))%1e6) / 8, step: float64(1 + len(b.lines)%500)}
	text := name + "{" + labels
	if mayChurn && len(b.lines)%100 < b.ChurnPercent {
		text += `,generation="`
		l.generation = len(text)
		text += strings.Repeat("0", generationDigits) + `"`
	}
	l.prefix = []byte(text + "} ")
	b.lines = append(b.lines, l)
}

// noise is a number that looks random and is the same in every run (splitmix64).
func (b *pageBuilder) noise(i int) uint64 {
	z := uint64(b.Number)<<32 + uint64(i)*0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

func describe(name, kind string) string {
	return "# HELP " + name + " Simulated " + kind + " of the bench.\n# TYPE " + name + " " + kind + "\n"
}
