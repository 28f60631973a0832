package metrics

import (
	"cmp"
	"context"
	"slices"
	"sync/atomic"
	"time"

	dto "github.com/prometheus/client_model/go"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// exemplar is a record made under a sampled span.
type exemplar[T Number] struct {
	value T
	time  time.Time
	trace trace.TraceID
	span  trace.SpanID
}

// newExemplar is nil where the context has no span that is sampled: a trace that nobody keeps explains nothing.
func newExemplar[T Number](ctx context.Context, v T) *exemplar[T] {
	span := trace.SpanContextFromContext(ctx)
	if !span.IsSampled() || !span.IsValid() {
		return nil
	}
	return &exemplar[T]{value: v, time: time.Now(), trace: span.TraceID(), span: span.SpanID()}
}

var traceLabel, spanLabel = "trace_id", "span_id"

func (e *exemplar[T]) prometheus() *dto.Exemplar {
	if e == nil {
		return nil
	}
	return &dto.Exemplar{
		Label: []*dto.LabelPair{
			{Name: &spanLabel, Value: new(e.span.String())},
			{Name: &traceLabel, Value: new(e.trace.String())},
		},
		Value:     new(float64(e.value)),
		Timestamp: timestamppb.New(e.time),
	}
}

func otelExemplars[N int64 | float64, T Number](list []*exemplar[T]) []metricdata.Exemplar[N] {
	var out []metricdata.Exemplar[N]
	for _, e := range list {
		if e != nil {
			out = append(out, metricdata.Exemplar[N]{Time: e.time, Value: N(e.value), SpanID: e.span[:], TraceID: e.trace[:]})
		}
	}
	return out
}

// exemplars keeps the newest exemplar of each slot. It takes no memory before the first.
type exemplars[T Number] struct {
	slots atomic.Pointer[[]atomic.Pointer[exemplar[T]]]
}

// put keeps e in one of so many slots.
func (x *exemplars[T]) put(e *exemplar[T], slot, slots int) {
	all := x.slots.Load()
	if all == nil {
		x.slots.CompareAndSwap(nil, new(make([]atomic.Pointer[exemplar[T]], slots)))
		all = x.slots.Load()
	}
	(*all)[slot].Store(e)
}

// list returns what each slot has, nil where it has nothing.
func (x *exemplars[T]) list() []*exemplar[T] {
	all := x.slots.Load()
	if all == nil {
		return nil
	}
	list := make([]*exemplar[T], len(*all))
	for i := range *all {
		list[i] = (*all)[i].Load()
	}
	return list
}

// oldestFirst returns those there are, which is the order that Prometheus wants of a native histogram's.
func oldestFirst[T Number](list []*exemplar[T]) []*dto.Exemplar {
	there := slices.DeleteFunc(slices.Clone(list), func(e *exemplar[T]) bool { return e == nil })
	slices.SortStableFunc(there, func(a, b *exemplar[T]) int { return cmp.Compare(a.time.UnixNano(), b.time.UnixNano()) })
	out := make([]*dto.Exemplar, len(there))
	for i, e := range there {
		out[i] = e.prometheus()
	}
	return out
}
