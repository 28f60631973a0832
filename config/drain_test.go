package config

import (
	"bytes"
	"errors"
	"io"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
)

// forced is how long after its deadline a Sluice that hangs may still live.
const forced = time.Second

// stop is how long a configuration lets the process live after a signal.
func stop(t *testing.T, name string) (delay, whole time.Duration) {
	t.Helper()
	conf := resolved(t, name)
	read := func(key string) time.Duration {
		text, ok := conf.Get("extensions::drain::" + key).(string)
		if !ok {
			require.Equal(t, "delay", key, "only the delay may be left to its default, which is none")
			return 0
		}
		d, err := time.ParseDuration(text)
		require.NoError(t, err)
		return d
	}
	delay = read("delay")
	return delay, delay + read("timeout") + forced
}

// readGateway reads deploy/kubernetes/gateway.yaml as the API does with strict validation.
func readGateway(t *testing.T) (service corev1.Service, gateway appsv1.Deployment) {
	t.Helper()
	file, err := os.ReadFile("../deploy/kubernetes/gateway.yaml")
	require.NoError(t, err)
	into := map[string]any{"Service": &service, "Deployment": &gateway}
	for docs := yaml.NewDecoder(bytes.NewReader(file)); ; {
		var doc map[string]any
		if err := docs.Decode(&doc); errors.Is(err, io.EOF) {
			return service, gateway
		}
		strictly(t, doc, into[doc["kind"].(string)])
	}
}

// preStop is what a pod spends of its grace period before Sluice gets the signal.
func preStop(c *corev1.Container) time.Duration {
	if c.Lifecycle == nil || c.Lifecycle.PreStop == nil || c.Lifecycle.PreStop.Sleep == nil {
		return 0
	}
	return time.Duration(c.Lifecycle.PreStop.Sleep.Seconds) * time.Second
}

// assertOutlives asserts that a pod is given more time than its Sluice takes, and that whoever looks at the readiness
// probe knows of the end before the receivers stop.
func assertOutlives(t *testing.T, config string, spec *corev1.PodSpec) {
	t.Helper()
	c := &spec.Containers[0]
	assert.Equal(t, []string{"--config", "builtin:" + config}, c.Args)
	delay, whole := stop(t, config)
	grace := time.Duration(*spec.TerminationGracePeriodSeconds) * time.Second
	assert.Greater(t, grace, preStop(c)+whole, "terminationGracePeriodSeconds > preStop + delay + timeout")

	assert.Equal(t, "/livez", c.LivenessProbe.HTTPGet.Path, "200 while it drains")
	assert.Equal(t, "/readyz", c.ReadinessProbe.HTTPGet.Path)
	for _, probe := range []*corev1.Probe{c.LivenessProbe, c.ReadinessProbe} {
		assert.Equal(t, "probes", probe.HTTPGet.Port.StrVal)
	}
	assert.Equal(t, "0.0.0.0:13134", resolved(t, config).Get("extensions::drain::endpoint"))
	if config == "production" { // what is pulled is not routed by readiness
		bad := time.Duration(c.ReadinessProbe.PeriodSeconds*c.ReadinessProbe.FailureThreshold) * time.Second
		assert.Less(t, bad, delay)
	}
}

func TestPodsOutliveTheirDrain(t *testing.T) {
	_, gateway := readGateway(t)
	assertOutlives(t, "production", &gateway.Spec.Template.Spec)
	m := readManifests(t)
	assertOutlives(t, "kubernetes", &m.daemons.Spec.Template.Spec)
}

func TestDefaultEndsWithinKubernetesDefaultGracePeriod(t *testing.T) {
	_, whole := stop(t, "default")
	assert.Less(t, whole, corev1.DefaultTerminationGracePeriodSeconds*time.Second)
}

func TestGatewayBelongsTogether(t *testing.T) {
	service, gateway := readGateway(t)
	labels := gateway.Spec.Template.Labels
	assert.Equal(t, labels, gateway.Spec.Selector.MatchLabels)
	assert.Equal(t, labels, service.Spec.Selector)
	ports := map[string]int32{}
	for _, p := range gateway.Spec.Template.Spec.Containers[0].Ports {
		ports[p.Name] = p.ContainerPort
	}
	assert.Equal(t, map[string]int32{"otlp-grpc": 4317, "otlp-http": 4318, "metrics": 9464, "telemetry": 8888, "probes": 13134}, ports)
	for _, p := range service.Spec.Ports {
		assert.Equal(t, ports[p.TargetPort.StrVal], p.Port)
	}
}
