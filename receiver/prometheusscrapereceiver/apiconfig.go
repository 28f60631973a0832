package prometheusscrapereceiver

import (
	"bytes"
	"net/http"
	"strings"

	"github.com/prometheus/common/model"
	promconfig "github.com/prometheus/prometheus/config"
	"go.uber.org/zap"
	"go.yaml.in/yaml/v3"
)

// apiConfig is an answer. Source: prometheusConfig in web/api/v1 of prometheus/prometheus.
type apiConfig struct {
	YAML string `json:"yaml"`
}

func (a *apiServer) config(*http.Request) any {
	return apiConfig{withoutParameters(a.receiver.effective().String())}
}

// effective is the configuration with all defaults and the jobs of the target allocator.
func (r *scrapeReceiver) effective() promconfig.Config {
	r.mu.Lock()
	cfg := r.current
	r.mu.Unlock()
	jobs := cfg.Jobs
	if r.allocator != nil {
		jobs = r.allocator.with(jobs, zap.NewNop())
	}
	return promconfig.Config{GlobalConfig: cfg.Global, ScrapeConfigs: jobs}
}

// withoutParameters hides the values of request parameters, which may be secrets: Prometheus hides those that it knows to
// be some, and targets are shown without these, too.
func withoutParameters(text string) string {
	var doc yaml.Node
	if yaml.Unmarshal([]byte(text), &doc) != nil {
		return text // not a configuration but why there is none
	}
	hideParameters(&doc, false)
	var b bytes.Buffer
	enc := yaml.NewEncoder(&b)
	enc.SetIndent(2)
	if err := enc.Encode(&doc); err != nil {
		return err.Error()
	}
	return b.String()
}

func hideParameters(n *yaml.Node, hide bool) {
	if n.Kind == yaml.ScalarNode && hide {
		n.SetString("xxxxx")
	}
	for i, child := range n.Content {
		inside := n.Kind == yaml.MappingNode
		switch {
		case inside && i%2 == 0: // a key
		case inside:
			hideParameters(child, hide || isParameter(n.Content[i-1].Value))
		default:
			hideParameters(child, hide)
		}
	}
}

func isParameter(key string) bool {
	return key == "params" || key == "endpoint_params" || strings.HasPrefix(key, model.ParamLabelPrefix)
}
