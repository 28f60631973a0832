package e2e

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sluice-metrics/sluice/internal/kubetest"
)

// workload is a pod and the application in it, which serves one counter on /stats.
type workload struct {
	pod     *corev1.Pod
	port    int32
	scrapes atomic.Int64
	secrets atomic.Int64 // scrapes that brought credentials
}

func startWorkload(t *testing.T, name string, scrape bool) *workload {
	t.Helper()
	w := &workload{}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /stats", w.serve)
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	port, err := strconv.ParseInt(server.URL[strings.LastIndex(server.URL, ":")+1:], 10, 32)
	require.NoError(t, err)
	w.port = int32(port)
	w.pod = &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name, Annotations: statsAnnotations(scrape, w.port)},
		Spec:       corev1.PodSpec{NodeName: "node-1", Containers: []corev1.Container{{Name: "app"}}},
		Status:     corev1.PodStatus{Phase: corev1.PodRunning, PodIP: "127.0.0.1"},
	}
	return w
}

func statsAnnotations(scrape bool, port int32) map[string]string {
	return map[string]string{
		"prometheus.io/scrape": strconv.FormatBool(scrape), "prometheus.io/port": strconv.Itoa(int(port)), "prometheus.io/path": "/stats",
	}
}

func (w *workload) serve(out http.ResponseWriter, r *http.Request) {
	w.scrapes.Add(1)
	if r.Header.Get("Authorization") != "" {
		w.secrets.Add(1)
	}
	out.Header().Set("Content-Type", "text/plain; version=0.0.4")
	_, _ = fmt.Fprintf(out, "# TYPE orders_total counter\norders_total{app=%q} 7\n", w.pod.Name)
}

// service has the workload behind it.
func (w *workload) service(name string) []kubetest.Object {
	node, protocol := "node-1", corev1.ProtocolTCP
	return []kubetest.Object{
		&corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name, Annotations: statsAnnotations(true, w.port)}},
		&discoveryv1.EndpointSlice{
			ObjectMeta:  metav1.ObjectMeta{Namespace: "shop", Name: name + "-1", Labels: map[string]string{discoveryv1.LabelServiceName: name}},
			AddressType: discoveryv1.AddressTypeIPv4,
			Ports:       []discoveryv1.EndpointPort{{Port: &w.port, Protocol: &protocol}},
			Endpoints: []discoveryv1.Endpoint{{
				Addresses: []string{"127.0.0.1"}, NodeName: &node,
				TargetRef: &corev1.ObjectReference{Kind: "Pod", Namespace: "shop", Name: w.pod.Name},
			}},
		},
	}
}

// needsScraper skips the test for binaries that have no prometheus_scrape.
func needsScraper(t *testing.T) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), binary, "components").Output()
	require.NoError(t, err)
	if !strings.Contains(string(out), "prometheus_scrape") {
		require.Fail(t, "the binary has no prometheus_scrape")
	}
}

// sample is what a page says of an application's orders: the line, or nothing.
func sample(page, app string) string {
	for line := range strings.Lines(page) {
		if strings.HasPrefix(line, "orders_total{") && strings.Contains(line, `app="`+app+`"`) {
			return strings.TrimSpace(line)
		}
	}
	return ""
}

// orders waits until the page shows an application's orders with these labels; without any, until it shows none.
func orders(t *testing.T, app string, labels ...string) {
	t.Helper()
	eventually(t, func() error {
		page, err := fetch(t.Context(), "http://"+listenOn()+":9464/metrics", http.StatusOK)
		line := sample(page, app)
		switch {
		case err != nil:
			return err
		case len(labels) == 0 && line != "":
			return errors.New("still there: " + line)
		case len(labels) > 0 && !strings.HasSuffix(line, " 7"):
			return fmt.Errorf("no orders of %s: %q", app, line)
		}
		return contains(line, labels...)
	})
}

func TestKubernetesConfigurationCollectsWhatIsAnnotated(t *testing.T) {
	needsScraper(t)
	web, cart, quiet := startWorkload(t, "web", true), startWorkload(t, "cart", false), startWorkload(t, "quiet", false)
	cluster := kubetest.NewServer(t, kubetest.Options{Token: "t0k3n"})
	cluster.Put(web.pod, cart.pod, quiet.pod)
	cluster.Put(cart.service("carts")...)
	s := launch(t, []string{
		"SLUICE_LISTEN=" + listenOn(), "KUBECONFIG=" + cluster.Kubeconfig(t),
		"NODE_NAME=node-1", "SLUICE_POD_SELECTOR=spec.nodeName=node-1,status.phase=Running",
	}, "--config", "builtin:kubernetes", "--config", "yaml:receivers::prometheus_scrape::config::global::scrape_interval: 200ms")
	answered(t, "http://"+listenOn()+":13134/readyz", http.StatusOK)

	orders(t, "web", `job="kubernetes-pods"`, `namespace="shop"`, `pod="web"`, `node="node-1"`, fmt.Sprintf(`instance="127.0.0.1:%d"`, web.port))
	orders(t, "cart", `job="kubernetes-service-endpoints"`, `namespace="shop"`, `pod="cart"`, `service="carts"`, `node="node-1"`)

	late := startWorkload(t, "late", true)
	cluster.Put(late.pod)
	orders(t, "late", `pod="late"`)
	web.pod.Annotations = nil
	cluster.Put(web.pod)
	orders(t, "web")
	require.True(t, cluster.Delete(late.pod))
	orders(t, "late")
	orders(t, "cart", `service="carts"`)

	s.stop()
	assert.Zero(t, quiet.scrapes.Load(), "is not annotated")
	for _, w := range []*workload{web, cart, late} {
		assert.Zero(t, w.secrets.Load(), "the token is the server's, not the workload's")
	}
}
