package config

import (
	"maps"
	"net/url"
	"testing"

	promcommon "github.com/prometheus/common/config"
	promconfig "github.com/prometheus/prometheus/config"
	"github.com/prometheus/prometheus/discovery/kubernetes"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sluice-metrics/sluice/internal/kubetest"
)

const (
	podsJob     = "kubernetes-pods"
	servicesJob = "kubernetes-service-endpoints"
)

// annotated is the metadata of an object in the namespace shop, with annotations prometheus.io/… given as name, value.
func annotated(name string, annotations ...string) metav1.ObjectMeta {
	meta := metav1.ObjectMeta{Namespace: "shop", Name: name, Annotations: map[string]string{}}
	for i := 0; i < len(annotations); i += 2 {
		meta.Annotations["prometheus.io/"+annotations[i]] = annotations[i+1]
	}
	return meta
}

// pod runs on node a, with one container for each port and one that declares none.
func pod(meta metav1.ObjectMeta, ip string, ports ...int32) *corev1.Pod {
	p := &corev1.Pod{ObjectMeta: meta, Spec: corev1.PodSpec{NodeName: "a", Containers: []corev1.Container{{Name: "portless"}}}}
	p.Status = corev1.PodStatus{Phase: corev1.PodRunning, PodIP: ip}
	for _, n := range ports {
		p.Spec.Containers = append(p.Spec.Containers, corev1.Container{
			Name: "c", Ports: []corev1.ContainerPort{{ContainerPort: n, Protocol: corev1.ProtocolTCP}},
		})
	}
	return p
}

// udp changes the protocol of the last container's port.
func udp(p *corev1.Pod) *corev1.Pod {
	p.Spec.Containers[len(p.Spec.Containers)-1].Ports[0].Protocol = corev1.ProtocolUDP
	return p
}

func on(node string, p *corev1.Pod) *corev1.Pod {
	p.Spec.NodeName = node
	return p
}

func phase(ph corev1.PodPhase, p *corev1.Pod) *corev1.Pod {
	p.Status.Phase = ph
	return p
}

// slice is the endpoint slice of a service, with a port for each protocol, from 9000 on.
func slice(service string, protocols []corev1.Protocol, endpoints ...discoveryv1.Endpoint) *discoveryv1.EndpointSlice {
	s := &discoveryv1.EndpointSlice{
		ObjectMeta:  metav1.ObjectMeta{Namespace: "shop", Name: service + "-x7f", Labels: map[string]string{discoveryv1.LabelServiceName: service}},
		AddressType: discoveryv1.AddressTypeIPv4, Endpoints: endpoints,
	}
	for i, protocol := range protocols {
		port := int32(9000 + i)
		s.Ports = append(s.Ports, discoveryv1.EndpointPort{Port: &port, Protocol: &protocol})
	}
	return s
}

// behind is the endpoint of a pod; without a node it is one outside the cluster.
func behind(pod, node, ip string) discoveryv1.Endpoint {
	e := discoveryv1.Endpoint{Addresses: []string{ip}}
	if node != "" {
		e.NodeName = &node
		e.TargetRef = &corev1.ObjectReference{Kind: "Pod", Namespace: "shop", Name: pod}
	}
	return e
}

var (
	tcp    = []corev1.Protocol{corev1.ProtocolTCP}
	tcpUDP = []corev1.Protocol{corev1.ProtocolTCP, corev1.ProtocolTCP, corev1.ProtocolUDP}
)

// shop is a cluster with all the ways in which annotations are used and not used.
func shop(t *testing.T, options kubetest.Options) *kubetest.Server {
	t.Helper()
	s := kubetest.NewServer(t, options)
	s.Put(
		pod(annotated("port", "scrape", "true", "port", "8080"), "10.0.0.1", 80, 443, 53),
		pod(annotated("all-keys", "scrape", "true", "port", "1", "path", "/a", "scheme", "https", "param_module", "x y"), "10.0.0.2"),
		udp(pod(annotated("declared", "scrape", "true"), "10.0.0.3", 80, 443, 53)),
		pod(annotated("v6", "scrape", "true", "port", "8080"), "fd00::1"),
		pod(annotated("v6-declared", "scrape", "true", "port", "http"), "fd00::2", 80),
		on("b", pod(annotated("elsewhere", "scrape", "true", "port", "8080"), "10.0.1.1")),
		pod(annotated("plain"), "10.0.0.5", 80),
		pod(annotated("refused", "scrape", "false", "port", "80"), "10.0.0.6", 80),
		phase(corev1.PodSucceeded, pod(annotated("done", "scrape", "true", "port", "80"), "10.0.0.7", 80)),
		phase(corev1.PodPending, pod(annotated("pending", "scrape", "true", "port", "80"), "10.0.0.8", 80)),
		pod(annotated("starting", "scrape", "true", "port", "80"), "", 80),

		&corev1.Service{ObjectMeta: annotated("cart", "scrape", "true")},
		slice("cart", tcpUDP, behind("cart-1", "a", "10.0.0.11"), behind("cart-2", "b", "10.0.1.2")),
		pod(annotated("cart-1"), "10.0.0.11", 9000, 9999),
		&corev1.Service{ObjectMeta: annotated("dns", "scrape", "true", "port", "9153", "path", "/m", "scheme", "https", "param_x", "1")},
		slice("dns", tcpUDP, behind("dns-1", "a", "10.0.0.12"), behind("", "", "192.0.2.1")),
		&corev1.Service{ObjectMeta: annotated("quiet")},
		slice("quiet", tcp, behind("quiet-1", "a", "10.0.0.13")),
		slice("orphan", tcp, behind("orphan-1", "a", "10.0.0.14")),
	)
	return s
}

func ofPod(name, instance, node string) string {
	return `{instance="` + instance + `", job="` + podsJob + `", namespace="shop", node="` + node + `", pod="` + name + `"}`
}

func ofService(name, pod, instance, node string) string {
	if node == "" {
		return `{instance="` + instance + `", job="` + servicesJob + `", namespace="shop", service="` + name + `"}`
	}
	return `{instance="` + instance + `", job="` + servicesJob + `", namespace="shop", node="` + node + `", pod="` + pod + `", service="` + name + `"}`
}

// podsOf are the annotated pods of a node of shop.
func podsOf(node string) map[string]string {
	if node == "b" {
		return map[string]string{"http://10.0.1.1:8080/metrics": ofPod("elsewhere", "10.0.1.1:8080", "b")}
	}
	return map[string]string{
		"http://10.0.0.1:8080/metrics":    ofPod("port", "10.0.0.1:8080", "a"),
		"https://10.0.0.2:1/a?module=x+y": ofPod("all-keys", "10.0.0.2:1", "a"),
		"http://10.0.0.3:80/metrics":      ofPod("declared", "10.0.0.3:80", "a"),
		"http://10.0.0.3:443/metrics":     ofPod("declared", "10.0.0.3:443", "a"),
		"http://[fd00::1]:8080/metrics":   ofPod("v6", "[fd00::1]:8080", "a"),
		"http://[fd00::2]:80/metrics":     ofPod("v6-declared", "[fd00::2]:80", "a"),
	}
}

// endpointsOf are the endpoints of annotated services on a node of shop; without a name, those outside.
func endpointsOf(node string) map[string]string {
	switch node {
	case "a":
		return map[string]string{
			"http://10.0.0.11:9000/metrics": ofService("cart", "cart-1", "10.0.0.11:9000", "a"),
			"http://10.0.0.11:9001/metrics": ofService("cart", "cart-1", "10.0.0.11:9001", "a"),
			"https://10.0.0.12:9153/m?x=1":  ofService("dns", "dns-1", "10.0.0.12:9153", "a"),
		}
	case "b":
		return map[string]string{
			"http://10.0.1.2:9000/metrics": ofService("cart", "cart-2", "10.0.1.2:9000", "b"),
			"http://10.0.1.2:9001/metrics": ofService("cart", "cart-2", "10.0.1.2:9001", "b"),
		}
	}
	return map[string]string{"https://192.0.2.1:9153/m?x=1": ofService("dns", "", "192.0.2.1:9153", "")}
}

func joined(parts ...map[string]string) map[string]string {
	out := map[string]string{}
	for _, part := range parts {
		maps.Copy(out, part)
	}
	return out
}

// byAPIServer configures access by URL, token and certificate instead of a kubeconfig.
func byAPIServer(t *testing.T, s *kubetest.Server, token string, jobs map[string]*promconfig.ScrapeConfig) {
	t.Helper()
	u, err := url.Parse(s.URL)
	require.NoError(t, err)
	for _, job := range jobs {
		for _, sd := range job.ServiceDiscoveryConfigs {
			k := sd.(*kubernetes.SDConfig)
			k.KubeConfig, k.APIServer = "", promcommon.URL{URL: u}
			k.HTTPClientConfig.TLSConfig.CA = s.CA()
			k.HTTPClientConfig.Authorization = &promcommon.Authorization{Type: "Bearer", Credentials: promcommon.Secret(token)}
		}
	}
}

func TestKubernetesCollectsWhatIsAnnotated(t *testing.T) {
	for name, options := range map[string]kubetest.Options{
		"as clusters are":     {Token: "t0k3n"},
		"as old clusters are": {Token: "t0k3n", NoWatchList: true},
	} {
		t.Run(name, func(t *testing.T) {
			s := shop(t, options)
			jobs := kubernetesJobs(t)
			byAPIServer(t, s, "t0k3n", jobs)
			d := discover(t, jobs)
			d.eventually(podsJob, 9, joined(podsOf("a"), podsOf("b")))
			d.eventually(servicesJob, 4, joined(endpointsOf("a"), endpointsOf("b"), endpointsOf("")))
			if options.NoWatchList {
				assert.Equal(t, s.Asked(), permissions(t), "what deploy/kubernetes allows is what is asked for")
			}
		})
	}
}

func TestKubernetesOfOneNode(t *testing.T) {
	for _, node := range []string{"a", "b"} {
		t.Run(node, func(t *testing.T) {
			s := shop(t, kubetest.Options{})
			t.Setenv("KUBECONFIG", s.Kubeconfig(t))
			t.Setenv("NODE_NAME", node)
			t.Setenv("SLUICE_POD_SELECTOR", "spec.nodeName="+node+",status.phase=Running")
			groups := map[string]int{"a": 8, "b": 1}[node] // the other node's pods do not even reach this one
			d := discover(t, kubernetesJobs(t))
			d.eventually(podsJob, groups, podsOf(node))
			d.eventually(servicesJob, 4, endpointsOf(node))
		})
	}
}

func TestKubernetesLeavesPodsThatDoNotRun(t *testing.T) {
	s := shop(t, kubetest.Options{})
	t.Setenv("KUBECONFIG", s.Kubeconfig(t))
	t.Setenv("SLUICE_POD_SELECTOR", "spec.nodeName=a") // so that discovery does see them
	discover(t, kubernetesJobs(t)).eventually(podsJob, 10, podsOf("a"))
}

func TestKubernetesFollowsPods(t *testing.T) {
	s := kubetest.NewServer(t, kubetest.Options{Token: "x"})
	t.Setenv("KUBECONFIG", s.Kubeconfig(t))
	d := discover(t, kubernetesJobs(t))
	web := pod(annotated("web", "scrape", "true", "port", "80"), "10.0.0.1")
	s.Put(web)
	d.eventually(podsJob, 1, map[string]string{"http://10.0.0.1:80/metrics": ofPod("web", "10.0.0.1:80", "a")})

	web.Status.PodIP = "10.0.0.2"
	s.Put(web)
	d.eventually(podsJob, 1, map[string]string{"http://10.0.0.2:80/metrics": ofPod("web", "10.0.0.2:80", "a")})

	web.Annotations = nil
	s.Put(web)
	d.eventually(podsJob, 1, map[string]string{})

	web.Annotations = map[string]string{"prometheus.io/scrape": "true", "prometheus.io/port": "81"}
	s.Put(web)
	d.eventually(podsJob, 1, map[string]string{"http://10.0.0.2:81/metrics": ofPod("web", "10.0.0.2:81", "a")})

	s.Put(phase(corev1.PodFailed, web.DeepCopy()))
	d.eventually(podsJob, 0, map[string]string{})

	s.Put(web)
	d.eventually(podsJob, 1, map[string]string{"http://10.0.0.2:81/metrics": ofPod("web", "10.0.0.2:81", "a")})
	require.True(t, s.Delete(web))
	d.eventually(podsJob, 0, map[string]string{})
}

func TestKubernetesFollowsServices(t *testing.T) {
	s := kubetest.NewServer(t, kubetest.Options{Token: "x"})
	t.Setenv("KUBECONFIG", s.Kubeconfig(t))
	d := discover(t, kubernetesJobs(t))
	s.Put(slice("cart", tcp, behind("cart-1", "a", "10.0.0.1"))) // before its service, as it happens
	d.eventually(servicesJob, 1, map[string]string{})

	s.Put(&corev1.Service{ObjectMeta: annotated("cart", "scrape", "true")})
	d.eventually(servicesJob, 1, map[string]string{"http://10.0.0.1:9000/metrics": ofService("cart", "cart-1", "10.0.0.1:9000", "a")})

	s.Put(slice("cart", tcp, behind("cart-2", "b", "10.0.1.9")))
	d.eventually(servicesJob, 1, map[string]string{"http://10.0.1.9:9000/metrics": ofService("cart", "cart-2", "10.0.1.9:9000", "b")})

	s.Put(&corev1.Service{ObjectMeta: annotated("cart")})
	d.eventually(servicesJob, 1, map[string]string{})

	s.Put(&corev1.Service{ObjectMeta: annotated("cart", "scrape", "true", "port", "1")})
	d.eventually(servicesJob, 1, map[string]string{"http://10.0.1.9:1/metrics": ofService("cart", "cart-2", "10.0.1.9:1", "b")})
	require.True(t, s.Delete(slice("cart", nil)))
	d.eventually(servicesJob, 0, map[string]string{})
}

// What happens while a watch is down is seen when it is up again.
func TestKubernetesSurvivesARestartOfTheServer(t *testing.T) {
	s := kubetest.NewServer(t, kubetest.Options{Token: "x"})
	t.Setenv("KUBECONFIG", s.Kubeconfig(t))
	d := discover(t, kubernetesJobs(t))
	for _, ip := range []string{"10.0.0.1", "10.0.0.2"} {
		s.Put(pod(annotated("web", "scrape", "true", "port", "80"), ip))
		d.eventually(podsJob, 1, map[string]string{"http://" + ip + ":80/metrics": ofPod("web", ip+":80", "a")})
		s.Break()
	}
}

// It takes no OTLP, so it needs no guard.
func TestKubernetesIsOtherwiseProduction(t *testing.T) {
	production, kubernetes := resolved(t, "production"), resolved(t, "kubernetes")
	require.True(t, production.Delete("extensions::guard"))
	assert.Equal(t, append([]any{"guard"}, kubernetes.Get("service::extensions").([]any)...), production.Get("service::extensions"))
	for _, key := range []string{"processors", "exporters", "extensions", "service::telemetry"} {
		assert.Equal(t, production.Get(key), kubernetes.Get(key), key)
	}
}
