package kubetest

import (
	"encoding/json"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// kubectl is Kubernetes' own client.
func kubectl(t *testing.T, s *Server, token string) kubernetes.Interface {
	t.Helper()
	client, err := kubernetes.NewForConfig(&rest.Config{
		Host: s.URL, BearerToken: token, TLSClientConfig: rest.TLSClientConfig{CAData: []byte(s.CA())}, QPS: -1,
		ContentConfig: rest.ContentConfig{ContentType: "application/vnd.kubernetes.protobuf"}, // as discovery prefers
	})
	require.NoError(t, err)
	return client
}

func pod(namespace, name, node string, labels map[string]string) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: labels},
		Spec:       corev1.PodSpec{NodeName: node},
		Status:     corev1.PodStatus{Phase: corev1.PodRunning},
	}
}

func podNames(list *corev1.PodList) (names []string) {
	for i := range list.Items {
		names = append(names, list.Items[i].Name)
	}
	return names
}

func TestListSelects(t *testing.T) {
	s := NewServer(t, Options{})
	s.Put(pod("x", "b", "n1", map[string]string{"app": "web"}), pod("x", "a", "n2", nil), pod("y", "c", "n1", nil))
	pods := func(namespace string) func(metav1.ListOptions) []string {
		return func(o metav1.ListOptions) []string {
			list, err := kubectl(t, s, "").CoreV1().Pods(namespace).List(t.Context(), o)
			require.NoError(t, err)
			assert.Equal(t, "4", list.ResourceVersion)
			return podNames(list)
		}
	}
	assert.Equal(t, []string{"a", "b", "c"}, pods("")(metav1.ListOptions{}))
	assert.Equal(t, []string{"a", "b"}, pods("x")(metav1.ListOptions{}))
	assert.Equal(t, []string{"b", "c"}, pods("")(metav1.ListOptions{FieldSelector: "spec.nodeName=n1,status.phase=Running"}))
	assert.Equal(t, []string{"b"}, pods("")(metav1.ListOptions{LabelSelector: "app in (web, api)"}))
	assert.Empty(t, pods("z")(metav1.ListOptions{}))
}

func TestListPages(t *testing.T) {
	s := NewServer(t, Options{})
	s.Put(pod("x", "a", "", nil), pod("x", "b", "", nil), pod("y", "c", "", nil))
	var pages [][]string
	for o := (metav1.ListOptions{Limit: 2}); ; {
		list, err := kubectl(t, s, "").CoreV1().Pods("").List(t.Context(), o)
		require.NoError(t, err)
		pages = append(pages, podNames(list))
		if o.Continue = list.Continue; o.Continue == "" {
			break
		}
	}
	assert.Equal(t, [][]string{{"a", "b"}, {"c"}}, pages)
}

func TestEveryKindIsServed(t *testing.T) {
	s, meta := NewServer(t, Options{}), metav1.ObjectMeta{Namespace: "x", Name: "o"}
	s.Put(
		&corev1.Pod{ObjectMeta: meta}, &corev1.Service{ObjectMeta: meta}, &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "o"}},
		&corev1.Endpoints{ObjectMeta: meta}, //nolint:staticcheck // deprecated, and still a role of discovery
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "o"}}, &discoveryv1.EndpointSlice{ObjectMeta: meta},
	)
	core, all := kubectl(t, s, "").CoreV1(), metav1.ListOptions{}
	services, err := core.Services("x").List(t.Context(), all)
	require.NoError(t, err)
	assert.Len(t, services.Items, 1)
	nodes, err := core.Nodes().List(t.Context(), all)
	require.NoError(t, err)
	assert.Len(t, nodes.Items, 1)
	endpoints, err := core.Endpoints("x").List(t.Context(), all)
	require.NoError(t, err)
	assert.Len(t, endpoints.Items, 1)
	namespaces, err := core.Namespaces().List(t.Context(), all)
	require.NoError(t, err)
	assert.Len(t, namespaces.Items, 1)
	slices, err := kubectl(t, s, "").DiscoveryV1().EndpointSlices("x").List(t.Context(), all)
	require.NoError(t, err)
	assert.Len(t, slices.Items, 1)
	assert.Equal(t, []string{
		"list discovery.k8s.io/endpointslices", "list endpoints", "list namespaces", "list nodes", "list services",
	}, s.Asked())
	assert.Panics(t, func() { s.Put(&corev1.Secret{}) })
}

// event is one of a watch: what happened to which object.
type event struct {
	kind watch.EventType
	name string
}

// next returns so many events of a watch.
func next(t *testing.T, w watch.Interface, n int) (events []event) {
	t.Helper()
	for range n {
		select {
		case e, ok := <-w.ResultChan():
			require.True(t, ok, "the watch has ended after %v", events)
			require.IsType(t, &corev1.Pod{}, e.Object)
			events = append(events, event{e.Type, e.Object.(*corev1.Pod).Name})
		case <-time.After(10 * time.Second):
			require.Fail(t, "no event came", "after %v", events)
		}
	}
	return events
}

func TestWatchFollows(t *testing.T) {
	s := NewServer(t, Options{})
	s.Put(pod("x", "before", "n1", nil))
	w, err := kubectl(t, s, "").CoreV1().Pods("x").Watch(t.Context(), metav1.ListOptions{ResourceVersion: "2"})
	require.NoError(t, err)
	defer w.Stop()
	s.Put(pod("x", "a", "n1", nil), pod("y", "b", "n1", nil), pod("x", "a", "n2", nil), &corev1.Node{})
	assert.True(t, s.Delete(pod("x", "before", "", nil)))
	assert.False(t, s.Delete(pod("x", "before", "", nil)))
	assert.Equal(t, []event{{watch.Added, "a"}, {watch.Modified, "a"}, {watch.Deleted, "before"}}, next(t, w, 3))
}

func TestWatchSeesObjectsEnterAndLeaveItsSelection(t *testing.T) {
	s := NewServer(t, Options{})
	s.Put(pod("x", "a", "n1", nil))
	w, err := kubectl(t, s, "").CoreV1().Pods("").Watch(t.Context(), metav1.ListOptions{FieldSelector: "spec.nodeName=n1", ResourceVersion: "2"})
	require.NoError(t, err)
	defer w.Stop()
	s.Put(pod("x", "a", "n2", nil), pod("x", "b", "n2", nil), pod("x", "b", "n1", nil))
	assert.Equal(t, []event{{watch.Deleted, "a"}, {watch.Added, "b"}}, next(t, w, 2))
}

func TestWatchBeginsWithWhatExists(t *testing.T) {
	initial := true
	for name, options := range map[string]metav1.ListOptions{
		"any version": {},
		"streamed list": {
			SendInitialEvents: &initial, ResourceVersionMatch: metav1.ResourceVersionMatchNotOlderThan, AllowWatchBookmarks: true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := NewServer(t, Options{})
			s.Put(pod("x", "a", "", nil), pod("x", "b", "", nil))
			w, err := kubectl(t, s, "").CoreV1().Pods("").Watch(t.Context(), options)
			require.NoError(t, err)
			defer w.Stop()
			assert.Equal(t, []event{{watch.Added, "a"}, {watch.Added, "b"}}, next(t, w, 2))
			if options.SendInitialEvents != nil {
				assert.Equal(t, []event{{watch.Bookmark, ""}}, next(t, w, 1))
			}
			s.Put(pod("x", "c", "", nil))
			assert.Equal(t, []event{{watch.Added, "c"}}, next(t, w, 1))
		})
	}
}

func TestWatchEnds(t *testing.T) {
	s, second := NewServer(t, Options{}), int64(1)
	ended := func(w watch.Interface) {
		select {
		case _, more := <-w.ResultChan():
			assert.False(t, more)
		case <-time.After(10 * time.Second):
			assert.Fail(t, "the watch goes on")
		}
	}
	w, err := kubectl(t, s, "").CoreV1().Pods("").Watch(t.Context(), metav1.ListOptions{TimeoutSeconds: &second})
	require.NoError(t, err)
	ended(w)
	w, err = kubectl(t, s, "").CoreV1().Pods("").Watch(t.Context(), metav1.ListOptions{})
	require.NoError(t, err)
	s.Break()
	ended(w)
}

func TestErrorsAreKubernetes(t *testing.T) {
	s := NewServer(t, Options{Token: "good", NoWatchList: true})
	list := func(token string, o metav1.ListOptions) error {
		_, err := kubectl(t, s, token).CoreV1().Pods("").List(t.Context(), o)
		return err
	}
	require.NoError(t, list("good", metav1.ListOptions{}))
	assert.True(t, apierrors.IsUnauthorized(list("", metav1.ListOptions{})))
	assert.True(t, apierrors.IsUnauthorized(list("bad", metav1.ListOptions{})))
	assert.True(t, apierrors.IsBadRequest(list("good", metav1.ListOptions{FieldSelector: "spec.hostname=x"})))
	assert.True(t, apierrors.IsBadRequest(list("good", metav1.ListOptions{FieldSelector: "x"})))
	assert.True(t, apierrors.IsBadRequest(list("good", metav1.ListOptions{LabelSelector: "in in"})))
	assert.True(t, apierrors.IsBadRequest(list("good", metav1.ListOptions{ResourceVersion: "x"})))
	_, err := kubectl(t, s, "good").CoreV1().Secrets("").List(t.Context(), metav1.ListOptions{})
	assert.True(t, apierrors.IsNotFound(err), err)
	initial := true
	_, err = kubectl(t, s, "good").CoreV1().Pods("").Watch(t.Context(), metav1.ListOptions{SendInitialEvents: &initial})
	assert.True(t, apierrors.IsInvalid(err), err)
}

func TestKubeconfigGivesAccess(t *testing.T) {
	s := NewServer(t, Options{Token: "good"})
	config, err := clientcmd.BuildConfigFromFlags("", s.Kubeconfig(t))
	require.NoError(t, err)
	client, err := kubernetes.NewForConfig(config)
	require.NoError(t, err)
	_, err = client.CoreV1().Pods("").List(t.Context(), metav1.ListOptions{})
	require.NoError(t, err)
}

// A list names its kind, which typed clients do not look at.
func TestListNamesItsKind(t *testing.T) {
	s := NewServer(t, Options{})
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+"/apis/discovery.k8s.io/v1/endpointslices", http.NoBody)
	require.NoError(t, err)
	resp, err := s.http.Client().Do(req)
	require.NoError(t, err)
	defer func() { require.NoError(t, resp.Body.Close()) }()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	var got map[string]any
	require.NoError(t, json.Unmarshal(body, &got))
	assert.Equal(t, map[string]any{
		"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSliceList", "metadata": map[string]any{"resourceVersion": "1"}, "items": []any{},
	}, got)
}
