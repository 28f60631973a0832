package kubetest

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Object is a pointer to one of the types of k8s.io/api that the server knows: pods, services, endpoints, endpoint
// slices, nodes and namespaces.
type Object interface {
	runtime.Object
	metav1.Object
}

// kinds are the resources there are, by their names in paths.
var kinds = map[string]schema.GroupVersionKind{
	"pods":           corev1.SchemeGroupVersion.WithKind("Pod"),
	"services":       corev1.SchemeGroupVersion.WithKind("Service"),
	"endpoints":      corev1.SchemeGroupVersion.WithKind("Endpoints"),
	"nodes":          corev1.SchemeGroupVersion.WithKind("Node"),
	"namespaces":     corev1.SchemeGroupVersion.WithKind("Namespace"),
	"endpointslices": discoveryv1.SchemeGroupVersion.WithKind("EndpointSlice"),
}

// resourceOf panics on a type that the server does not know: the test is wrong.
func resourceOf(o Object) string {
	switch o.(type) {
	case *corev1.Pod:
		return "pods"
	case *corev1.Service:
		return "services"
	case *corev1.Endpoints: //nolint:staticcheck // deprecated, and still a role of discovery
		return "endpoints"
	case *corev1.Node:
		return "nodes"
	case *corev1.Namespace:
		return "namespaces"
	case *discoveryv1.EndpointSlice:
		return "endpointslices"
	}
	panic(fmt.Sprintf("%T is not served", o))
}

// fieldsOf are those that field selectors may name.
func fieldsOf(o Object) fields.Set {
	set := fields.Set{"metadata.name": o.GetName(), "metadata.namespace": o.GetNamespace()}
	if pod, ok := o.(*corev1.Pod); ok {
		set["spec.nodeName"] = pod.Spec.NodeName
		set["status.phase"] = string(pod.Status.Phase)
		set["status.podIP"] = pod.Status.PodIP
	}
	return set
}

// selectable are the names of the fields that a resource is selected by.
func selectable(resource string) fields.Set {
	if resource == "pods" {
		return fieldsOf(&corev1.Pod{})
	}
	return fieldsOf(&corev1.Service{})
}
