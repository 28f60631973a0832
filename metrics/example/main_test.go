package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func get(h http.Handler, url string) string {
	recorder := httptest.NewRecorder()
	h.ServeHTTP(recorder, httptest.NewRequestWithContext(context.Background(), http.MethodGet, url, http.NoBody))
	return recorder.Body.String()
}

func TestShop(t *testing.T) {
	h := handler(newShop())
	assert.Equal(t, "sold for 350\n", get(h, "/buy?item=tea&cents=350"))
	assert.Contains(t, get(h, "/buy?item=tea&cents=351"), "351 is not valid: there are no coins for it")
	page := get(h, "/metrics")
	assert.Contains(t, page, `shop_orders_total{item="tea",outcome="sold"} 1`)
	assert.Contains(t, page, `shop_orders_total{item="tea",outcome="refused"} 1`)
	assert.Contains(t, page, "shop_revenue_total 350")
}
