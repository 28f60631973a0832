package main

import (
	"errors"
	"fmt"
	"log"
	"net/http"
	"strconv"
	"time"

	"github.com/sluice-metrics/sluice/metrics"
)

// order is what orders are counted by.
type order struct {
	Item    string `label:"item"`
	Outcome string `label:"outcome"`
}

// shop sells, and measures that.
type shop struct {
	registry *metrics.Registry
	orders   *metrics.CounterVec[int64, order]
	revenue  *metrics.Counter[int64]
	till     *metrics.Gauge[int64]
	prices   *metrics.Histogram[int64]
	duration *metrics.Histogram[float64]
	wait     *metrics.Summary[float64]
}

func newShop() *shop {
	none, none64 := metrics.Constraints[float64]{}, metrics.Constraints[int64]{}
	// No order is for nothing, and none for more than 1,000: such a price is a fault, and must not spoil the sum.
	price := metrics.Constraints[int64]{Min: new(int64(1)), Max: new(int64(100_000)), Validate: wholeCoins}
	s := &shop{
		registry: metrics.NewRegistry(metrics.WithScope("shop", "1.0")),
		orders:   metrics.Must(metrics.NewCounterVec[int64, order]("shop.orders", "Orders taken.", nil, none64, metrics.WithUnit("{order}"))),
		revenue:  metrics.Must(metrics.NewCounter("shop.revenue", "Cents earned.", nil, price, metrics.WithUnit("{cent}"))),
		till:     metrics.Must(metrics.NewGauge("shop.till", "Cents in the till.", nil, none64, metrics.WithUnit("{cent}"))),
		prices: metrics.Must(metrics.NewHistogram("shop.price", "Cents of an order.", nil, price, metrics.WithUnit("{cent}"),
			metrics.WithExponentialBuckets(metrics.ExponentialBuckets{Factor: 1.2}))),
		duration: metrics.Must(metrics.NewHistogram("shop.duration", "How long an order takes.", nil, none, metrics.WithUnit("s"))),
		wait:     metrics.Must(metrics.NewSummary("shop.wait", "How long customers wait.", nil, none, metrics.WithUnit("s"))),
	}
	s.registry.MustRegister(s.orders, s.revenue, s.till, s.prices, s.duration, s.wait)
	s.till.OnChange(metrics.PriorityHigh, func(c metrics.Change[int64]) {
		if c.Old < 100_000 && c.New >= 100_000 {
			log.Print("the till holds more than 1,000: take it to the bank")
		}
	})
	return s
}

func wholeCoins(cents int64) error {
	if cents%5 != 0 {
		return errors.New("there are no coins for it")
	}
	return nil
}

// ServeHTTP takes an order: /buy?item=tea&cents=350.
func (s *shop) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	item := r.URL.Query().Get("item")
	cents, err := strconv.ParseInt(r.URL.Query().Get("cents"), 10, 64)
	if err == nil {
		err = s.revenue.TryAdd(cents)
	}
	if err != nil {
		s.orders.With(order{item, "refused"}).Inc()
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	s.orders.With(order{item, "sold"}).AddContext(r.Context(), 1)
	s.till.Add(cents)
	s.prices.ObserveContext(r.Context(), cents)
	took := time.Since(start).Seconds()
	s.duration.ObserveContext(r.Context(), took)
	s.wait.Observe(took)
	_, _ = fmt.Fprintf(w, "sold for %d\n", cents)
}
