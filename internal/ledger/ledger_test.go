package ledger

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var errFull = errors.New("full")

func newLedger() *Ledger {
	l := &Ledger{}
	l.Count(true)
	return l
}

func TestCount(t *testing.T) {
	unknown := Count{}
	assert.Equal(t, "3", Known(1).Plus(Known(2)).String())
	assert.Equal(t, "-1", Known(1).Minus(Known(2)).String())
	assert.Equal(t, "0", Known(1).Minus(Known(2)).NotBelowZero().String())
	for _, c := range []Count{unknown, Known(1).Plus(unknown), unknown.Plus(Known(1)), Known(1).Minus(unknown), unknown.NotBelowZero()} {
		assert.Equal(t, "unknown", c.String())
		_, known := c.Value()
		assert.False(t, known)
	}
	for _, c := range []Count{unknown, Known(0), Known(-5), Known(1 << 60)} {
		text, err := json.Marshal(c)
		require.NoError(t, err)
		var read Count
		require.NoError(t, json.Unmarshal(text, &read))
		assert.Equal(t, c, read, string(text))
	}
	var c Count
	assert.Error(t, json.Unmarshal([]byte(`"0"`), &c))
}

func TestNobodyCountsIsUnknown(t *testing.T) {
	var none *Ledger
	off := &Ledger{}
	off.Receiver("otlp").Passed(3, nil)
	for _, b := range []Books{none.Books(), off.Books()} {
		assert.Equal(t, Books{}, b)
		assert.Equal(t, "unknown", b.Lost.String())
		assert.Equal(t, "unknown", b.Doomed().String())
	}
}

func TestReceiver(t *testing.T) {
	l := newLedger()
	l.Receiver("b").Passed(3, nil)
	l.Receiver("a").Passed(4, nil)
	l.Receiver("a").Passed(5, errFull)
	b := l.Books()
	assert.Equal(t, []ReceiverLine{{"a", Known(4), Known(5)}, {"b", Known(3), Known(0)}}, b.Receivers)
	assert.Equal(t, Known(7), b.Accepted)
	assert.Equal(t, Known(5), b.Refused)
	assert.Equal(t, Known(-7), b.Copied, "nothing behind it has an account")
}

func TestProcessor(t *testing.T) {
	type books struct{ taken, removed, lost Count }
	for name, tc := range map[string]struct {
		do       func(p *Processor)
		cut, ran books // cut off before it stopped, and stopped
	}{
		"passes on": {func(p *Processor) {
			c := &Call{}
			p.Passed(c, 5, nil)
			p.Returned(c, 5, nil)
		}, books{Known(5), Known(0), Known(0)}, books{Known(5), Known(0), Known(0)}},
		"removes some": {func(p *Processor) {
			c := &Call{}
			p.Passed(c, 3, nil)
			p.Returned(c, 5, nil)
		}, books{Known(5), Known(2), Known(0)}, books{Known(5), Known(2), Known(0)}},
		"adds some": {func(p *Processor) {
			c := &Call{}
			p.Passed(c, 7, nil)
			p.Returned(c, 5, nil)
		}, books{Known(5), Known(-2), Known(0)}, books{Known(5), Known(-2), Known(0)}},
		"gives a refusal back": {func(p *Processor) {
			c := &Call{}
			p.Passed(c, 5, errFull)
			p.Returned(c, 5, errFull)
		}, books{Known(0), Known(0), Known(0)}, books{Known(0), Known(0), Known(0)}},
		"hides a refusal": {func(p *Processor) {
			c := &Call{}
			p.Passed(c, 3, nil)
			p.Passed(c, 2, errFull)
			p.Returned(c, 5, nil)
		}, books{Known(5), Known(0), Known(2)}, books{Known(5), Known(0), Known(2)}},
		"is refused when nobody waits": {func(p *Processor) {
			p.Returned(&Call{}, 5, nil)
			p.Passed(nil, 5, errFull)
		}, books{Known(5), Known(0), Known(5)}, books{Known(5), Known(0), Known(5)}},
		"is refused with a call that is over": {func(p *Processor) {
			c := &Call{}
			p.Returned(c, 5, nil)
			p.Passed(c, 5, errFull)
		}, books{Known(5), Known(0), Known(5)}, books{Known(5), Known(0), Known(5)}},
		"holds some": {func(p *Processor) {
			p.Returned(&Call{}, 5, nil)
			p.Passed(nil, 2, nil)
		}, books{Known(5), Known(0), Known(3)}, books{Known(5), Known(3), Known(0)}},
		"holds or removed all": {func(p *Processor) {
			p.Returned(&Call{}, 5, nil)
		}, books{Known(5), Count{}, Count{}}, books{Known(5), Known(5), Known(0)}},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLedger()
			p := l.Processor("p")
			tc.do(p)
			read := func() books {
				b := l.Books()
				require.Len(t, b.Processors, 1)
				line := b.Processors[0]
				return books{line.Taken, line.Removed, line.Lost}
			}
			assert.Equal(t, tc.cut, read())
			p.Settle()
			assert.Equal(t, tc.ran, read())
		})
	}
}

// confirm books as exporterhelper's counters do.
func (e *Exporter) confirm(sent, failed int64) {
	e.helped.Store(true)
	e.sent.Add(sent)
	e.failed.Add(failed)
}

func TestExporter(t *testing.T) {
	memory, disk := ExporterKind{}, ExporterKind{Persistent: true}
	for name, tc := range map[string]struct {
		kind ExporterKind
		do   func(e *Exporter)
		want ExporterLine
	}{
		"that confirms nothing": {memory, func(e *Exporter) { e.Passed(5, nil) }, ExporterLine{Taken: Known(5), Delivered: Known(5)}},
		"that removes some": {memory, func(e *Exporter) {
			e.Passed(5, nil)
			e.removed.Add(2)
		}, ExporterLine{Taken: Known(5), Delivered: Known(3), Removed: Known(2)}},
		"with a queue": {memory, func(e *Exporter) { e.Passed(9, nil); e.confirm(4, 2) }, ExporterLine{Taken: Known(9), Delivered: Known(4), Lost: Known(5), GaveUp: Known(2)}},
		"without a queue": {memory, func(e *Exporter) {
			e.Passed(4, nil)
			e.Passed(2, errFull)
			e.confirm(4, 2)
		}, ExporterLine{Taken: Known(4), Refused: Known(2), Delivered: Known(4)}},
		"that is ahead of its sender": {memory, func(e *Exporter) { e.confirm(4, 0) }, ExporterLine{Delivered: Known(4)}},
		"with a storage": {disk, func(e *Exporter) {
			e.Opened(Known(3))
			e.Passed(9, nil)
			e.confirm(4, 2)
		}, ExporterLine{Carried: Known(3), Taken: Known(9), Delivered: Known(4), Stored: Known(6), Lost: Known(2), GaveUp: Known(2)}},
		"with a storage that is looked into": {disk, func(e *Exporter) {
			e.Opened(Known(3))
			e.Passed(9, nil)
			e.confirm(4, 2)
			e.Settle(Known(5))
		}, ExporterLine{Carried: Known(3), Taken: Known(9), Delivered: Known(4), Stored: Known(5), Lost: Known(3), GaveUp: Known(2)}},
		"with a storage that nobody could look into": {disk, func(e *Exporter) {
			e.Passed(9, nil)
			e.confirm(4, 2)
			e.Settle(Count{})
		}, ExporterLine{Carried: Count{n: -1}, Taken: Known(9), Delivered: Known(4), Stored: Count{n: -1}, Lost: Known(2), GaveUp: Known(2)}},
		"of exporters": {ExporterKind{Opaque: true}, func(e *Exporter) {
			e.Passed(9, nil)
			e.confirm(9, 0)
		}, ExporterLine{Taken: Known(9), Delivered: Count{n: -1}, Lost: Count{n: -1}, GaveUp: Count{n: -1}}},
		"of exporters, with a storage": {ExporterKind{Opaque: true, Persistent: true}, func(e *Exporter) {
			e.Opened(Known(1))
			e.Passed(9, nil)
			e.confirm(9, 0)
			e.Settle(Known(2))
		}, ExporterLine{Carried: Known(1), Taken: Known(9), Delivered: Count{n: -1}, Stored: Known(2), Lost: Count{n: -1}, GaveUp: Count{n: -1}}},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLedger()
			tc.do(l.Exporter("e", tc.kind))
			tc.want.ID = "e"
			for _, c := range []*Count{&tc.want.Carried, &tc.want.Taken, &tc.want.Refused, &tc.want.Delivered, &tc.want.Removed, &tc.want.Stored, &tc.want.Lost, &tc.want.GaveUp} {
				switch *c {
				case Count{}:
					*c = Known(0)
				case Count{n: -1}:
					*c = Count{}
				}
			}
			assert.Equal(t, []ExporterLine{tc.want}, l.Books().Exporters)
		})
	}
}

// A reload stops a component and starts it again, maybe with other settings. Its account goes on.
func TestAccountsOutliveReloads(t *testing.T) {
	l := newLedger()
	stock := Known(7)
	for range 5 {
		l.Receiver("r").Passed(10, nil)
		p := l.Processor("p")
		p.Returned(&Call{}, 10, nil)
		p.Passed(nil, 8, nil)
		p.Settle()
		e := l.Exporter("e", ExporterKind{Persistent: true})
		e.Opened(stock)
		e.Passed(8, nil)
		e.confirm(6, 1)
		stock = stock.Plus(Known(1))
		e.Settle(stock)
	}
	b := l.Books()
	assert.Len(t, l.exporters.live, 1, "accounts of the past are one line")
	assert.Equal(t, ExporterLine{"e", Known(7), Known(40), Known(0), Known(30), Known(0), Known(12), Known(5), Known(5)}, b.Exporters[0])
	assert.Equal(t, ProcessorLine{"p", Known(0), Known(50), Known(10), Known(0), Known(0), Known(0)}, b.Processors[0])
	assert.Equal(t, Known(0), b.Copied)
	assert.Equal(t, Known(5), b.Doomed())
}

func TestForksShowAsCopies(t *testing.T) {
	l := newLedger()
	l.Receiver("r").Passed(10, nil)
	l.Exporter("a", ExporterKind{}).Passed(10, nil)
	l.Exporter("b", ExporterKind{}).Passed(10, nil)
	assert.Equal(t, Known(10), l.Books().Copied)
}
