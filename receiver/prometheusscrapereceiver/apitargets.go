package prometheusscrapereceiver

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	promscrape "github.com/prometheus/prometheus/scrape"

	"github.com/sluice-metrics/sluice/internal/scrape"
)

// apiTargets, apiTarget and apiDropped are answers. Source: TargetDiscovery, Target and DroppedTarget in web/api/v1 of
// prometheus/prometheus.
type apiTargets struct {
	Active        []apiTarget    `json:"activeTargets"`
	Dropped       []apiDropped   `json:"droppedTargets"`
	DroppedCounts map[string]int `json:"droppedTargetCounts"`
}

type apiTarget struct {
	Discovered labels.Labels `json:"discoveredLabels"`
	Labels     labels.Labels `json:"labels"`

	Pool      string `json:"scrapePool"`
	URL       string `json:"scrapeUrl"`
	GlobalURL string `json:"globalUrl"`

	LastError    string                  `json:"lastError"`
	LastScrape   time.Time               `json:"lastScrape"`
	LastDuration float64                 `json:"lastScrapeDuration"`
	Health       promscrape.TargetHealth `json:"health"`

	Interval string `json:"scrapeInterval"`
	Timeout  string `json:"scrapeTimeout"`

	// What follows is not of Prometheus.
	NextScrape time.Time   `json:"nextScrape"`
	Skipped    scrape.Skip `json:"scrapeSkipped,omitempty"`
	Breaker    *apiBreaker `json:"circuitBreaker,omitempty"`
}

type apiBreaker struct {
	State    string    `json:"state"`
	Until    time.Time `json:"openUntil,omitzero"`
	Failures int       `json:"failuresInARow"`
}

type apiDropped struct {
	Discovered labels.Labels `json:"discoveredLabels"`
	Pool       string        `json:"scrapePool"`
}

// apiPools is an answer. Source: ScrapePoolsDiscovery in web/api/v1 of prometheus/prometheus.
type apiPools struct {
	Pools []string `json:"scrapePools"`
}

func (a *apiServer) scrapePools(*http.Request) any {
	pools := slices.AppendSeq([]string{}, maps.Keys(a.receiver.manager.State()))
	slices.Sort(pools)
	return apiPools{pools}
}

// targets answers for all jobs or the one of the parameter scrapePool, for all targets or those in a state. The counts
// are always those of all jobs, as in Prometheus.
func (a *apiServer) targets(req *http.Request) any {
	q := req.URL.Query()
	wanted, pool := strings.ToLower(q.Get("state")), q.Get("scrapePool")
	jobs := a.receiver.manager.State()
	answer := apiTargets{Active: []apiTarget{}, Dropped: []apiDropped{}}
	if shows(wanted, "dropped") {
		answer.DroppedCounts = droppedCounts(jobs)
	}
	for _, name := range slices.Sorted(maps.Keys(jobs)) {
		if pool != "" && pool != name {
			continue
		}
		if shows(wanted, "active") {
			answer.addActive(name, jobs[name])
		}
		if shows(wanted, "dropped") {
			answer.addDropped(name, jobs[name])
		}
	}
	return answer
}

func shows(wanted, state string) bool { return wanted == "" || wanted == "any" || wanted == state }

func droppedCounts(jobs map[string]scrape.JobState) map[string]int {
	counts := make(map[string]int, len(jobs))
	for name, job := range jobs {
		counts[name] = job.DroppedCount
	}
	return counts
}

func (t *apiTargets) addActive(pool string, job scrape.JobState) {
	for _, s := range job.Targets {
		target := apiTarget{
			Discovered: s.Discovered, Labels: s.Labels, Pool: pool, URL: s.URL, GlobalURL: globalURL(s.URL),
			LastScrape: s.LastScrape, LastDuration: s.LastDuration.Seconds(), Health: s.Health(),
			Interval: model.Duration(s.Interval).String(), Timeout: model.Duration(s.Timeout).String(),
			NextScrape: s.NextTurn, Skipped: s.Skipped,
		}
		if b := s.Breaker; b != nil {
			target.Breaker = &apiBreaker{State: b.State.String(), Until: b.Until, Failures: b.Failures}
		}
		if s.LastError != nil {
			target.LastError = s.LastError.Error()
		}
		t.Active = append(t.Active, target)
	}
}

func (t *apiTargets) addDropped(pool string, job scrape.JobState) {
	for _, lset := range job.Dropped {
		t.Dropped = append(t.Dropped, apiDropped{Discovered: lset, Pool: pool})
	}
}
