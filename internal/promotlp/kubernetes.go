package promotlp

import (
	"github.com/prometheus/prometheus/model/labels"

	"github.com/sluice-metrics/sluice/internal/otlp"
)

// kubernetesLabels are the labels of Kubernetes discovery that have attributes of their own.
var kubernetesLabels = [...]struct{ label, attribute string }{
	{"__meta_kubernetes_namespace", "k8s.namespace.name"},
	{"__meta_kubernetes_pod_name", "k8s.pod.name"},
	{"__meta_kubernetes_pod_uid", "k8s.pod.uid"},
	{"__meta_kubernetes_pod_container_name", "k8s.container.name"},
	// One of the three is there.
	{"__meta_kubernetes_pod_node_name", "k8s.node.name"},
	{"__meta_kubernetes_node_name", "k8s.node.name"},
	{"__meta_kubernetes_endpoint_node_name", "k8s.node.name"},
}

var controllers = map[string]string{
	"ReplicaSet": "k8s.replicaset.name", "DaemonSet": "k8s.daemonset.name", "StatefulSet": "k8s.statefulset.name",
	"Job": "k8s.job.name", "CronJob": "k8s.cronjob.name",
}

// kubernetes returns the attributes that Kubernetes discovery gives a target.
func kubernetes(discovered labels.Labels) []otlp.Pair {
	var pairs []otlp.Pair
	for _, l := range kubernetesLabels {
		if v := discovered.Get(l.label); v != "" {
			pairs = append(pairs, otlp.Pair{Key: l.attribute, Value: v})
		}
	}
	key := controllers[discovered.Get("__meta_kubernetes_pod_controller_kind")]
	if name := discovered.Get("__meta_kubernetes_pod_controller_name"); key != "" && name != "" {
		pairs = append(pairs, otlp.Pair{Key: key, Value: name})
	}
	return pairs
}
