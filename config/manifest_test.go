package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
)

// manifests are what deploy/kubernetes applies.
type manifests struct {
	namespace corev1.Namespace
	account   corev1.ServiceAccount
	role      rbacv1.ClusterRole
	binding   rbacv1.ClusterRoleBinding
	service   corev1.Service
	daemons   appsv1.DaemonSet
}

// readManifests reads as the API does with strict validation: each document into its type, with no field that it lacks.
func readManifests(t *testing.T) *manifests {
	t.Helper()
	file, err := os.ReadFile("../deploy/kubernetes/sluice.yaml")
	require.NoError(t, err)
	var m manifests
	into := map[string]any{
		"v1/Namespace": &m.namespace, "v1/ServiceAccount": &m.account, "v1/Service": &m.service, "apps/v1/DaemonSet": &m.daemons,
		"rbac.authorization.k8s.io/v1/ClusterRole": &m.role, "rbac.authorization.k8s.io/v1/ClusterRoleBinding": &m.binding,
	}
	for docs := yaml.NewDecoder(bytes.NewReader(file)); ; {
		var doc map[string]any
		if err := docs.Decode(&doc); errors.Is(err, io.EOF) {
			break
		}
		kind := doc["apiVersion"].(string) + "/" + doc["kind"].(string)
		require.Contains(t, into, kind)
		strictly(t, doc, into[kind])
		delete(into, kind)
	}
	assert.Empty(t, into, "not there")
	return &m
}

func strictly(t *testing.T, doc map[string]any, object any) {
	t.Helper()
	text, err := json.Marshal(doc)
	require.NoError(t, err)
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	require.NoError(t, decoder.Decode(object))
}

// permissions are those of the role, as kubetest names what is asked for.
func permissions(t *testing.T) []string {
	t.Helper()
	var out []string
	for _, rule := range readManifests(t).role.Rules {
		for _, resource := range rule.Resources {
			for _, verb := range rule.Verbs {
				out = append(out, verb+" "+strings.TrimPrefix(rule.APIGroups[0]+"/"+resource, "/"))
			}
		}
	}
	slices.Sort(out)
	return out
}

func TestManifestsBelongTogether(t *testing.T) {
	m := readManifests(t)
	ns, spec := m.namespace.Name, m.daemons.Spec.Template.Spec
	for _, in := range []string{m.account.Namespace, m.service.Namespace, m.daemons.Namespace, m.binding.Subjects[0].Namespace} {
		assert.Equal(t, ns, in)
	}
	assert.Equal(t, rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: m.role.Name}, m.binding.RoleRef)
	assert.Equal(t, m.account.Name, m.binding.Subjects[0].Name)
	assert.Equal(t, m.account.Name, spec.ServiceAccountName)
	labels := m.daemons.Spec.Template.Labels
	assert.Equal(t, labels, m.daemons.Spec.Selector.MatchLabels)
	assert.Equal(t, labels, m.service.Spec.Selector)
	assert.Empty(t, m.service.Annotations, "Sluice would collect its own page")
}

func TestDaemonRunsKubernetesYAML(t *testing.T) {
	m := readManifests(t)
	spec := m.daemons.Spec.Template.Spec
	c := spec.Containers[0]
	assert.Equal(t, []string{"--config", "builtin:kubernetes"}, c.Args)
	assert.Equal(t, "/livez", c.LivenessProbe.HTTPGet.Path)
	assert.Equal(t, "/readyz", c.ReadinessProbe.HTTPGet.Path)

	ports := map[string]int32{}
	for _, p := range c.Ports {
		ports[p.Name] = p.ContainerPort
	}
	assert.Equal(t, map[string]int32{"metrics": 9464, "telemetry": 8888, "probes": 13134}, ports)
	for _, named := range []string{
		c.LivenessProbe.HTTPGet.Port.StrVal, c.ReadinessProbe.HTTPGet.Port.StrVal, m.service.Spec.Ports[0].TargetPort.StrVal,
	} {
		assert.Contains(t, ports, named)
	}
	for key, port := range map[string]string{"exporters::prometheus_pull::endpoint": "9464", "extensions::drain::endpoint": "13134"} {
		assert.Equal(t, "0.0.0.0:"+port, resolved(t, "kubernetes").Get(key), key)
	}
}
