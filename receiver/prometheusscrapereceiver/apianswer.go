package prometheusscrapereceiver

import (
	"encoding/json"
	"net/http"
)

// apiAnswer is what all answers of Prometheus' API have in common. Source: Response in web/api/v1 of
// prometheus/prometheus.
type apiAnswer struct {
	Status    string `json:"status"`
	Data      any    `json:"data,omitempty"`
	ErrorType string `json:"errorType,omitempty"`
	Error     string `json:"error,omitempty"`
}

func answering(answer func(*http.Request) any) http.HandlerFunc {
	return func(w http.ResponseWriter, req *http.Request) {
		reply(w, http.StatusOK, apiAnswer{Status: "success", Data: answer(req)})
	}
}

func notFound(w http.ResponseWriter, req *http.Request) {
	reply(w, http.StatusNotFound, apiAnswer{
		Status: "error", ErrorType: "not_found", Error: "there is no " + req.Method + " " + req.URL.Path + " here",
	})
}

func reply(w http.ResponseWriter, code int, a apiAnswer) {
	body, err := json.Marshal(a)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_, _ = w.Write(body) // the client has gone
}
