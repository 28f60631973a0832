package kubetest

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
)

// watcher sends one client the changes it asked for.
type watcher struct {
	query
	events *json.Encoder
	flush  func() error
}

// watch lasts until the client leaves, its timeout passes or the server breaks it off.
func (s *Server) watch(ctx context.Context, w http.ResponseWriter, q query) {
	if q.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Duration(q.timeout)*time.Second)
		defer cancel()
	}
	broken := s.broken()
	w.Header().Set("Content-Type", "application/json")
	to := watcher{query: q, events: json.NewEncoder(w), flush: http.NewResponseController(w).Flush}
	from, err := to.begin(s.store)
	for err == nil {
		changes, more := s.store.since(from)
		if err = to.sendAll(changes); err != nil {
			return
		}
		from += len(changes)
		select {
		case <-more:
		case <-broken:
			return
		case <-ctx.Done():
			return
		}
	}
}

// begin sends what exists to a client that wants it, and returns the version after which changes are to be sent.
func (w watcher) begin(s *store) (from int, err error) {
	if w.from > 0 && !w.initial {
		return w.from, nil
	}
	objects, from := s.list(w.resource)
	for _, o := range objects {
		if w.wants(o) {
			err = w.send(watch.Added, o)
		}
		if err != nil {
			return 0, err
		}
	}
	if !w.initial {
		return from, nil
	}
	return from, w.send(watch.Bookmark, w.bookmark(from))
}

// bookmark ends the initial events.
func (w watcher) bookmark(version int) *unstructured.Unstructured {
	mark := &unstructured.Unstructured{Object: map[string]any{}}
	mark.SetGroupVersionKind(kinds[w.resource])
	mark.SetResourceVersion(strconv.Itoa(version))
	mark.SetAnnotations(map[string]string{metav1.InitialEventsAnnotationKey: "true"})
	return mark
}

func (w watcher) sendAll(changes []change) error {
	for _, c := range changes {
		if c.resource != w.resource {
			continue
		}
		if err := w.sendChange(c); err != nil {
			return err
		}
	}
	return w.flush()
}

// sendChange says what a change means to a client with these selectors: an object that they no longer match is deleted.
func (w watcher) sendChange(c change) error {
	switch before, after := w.wants(c.before), w.wants(c.after); {
	case after && before:
		return w.send(watch.Modified, c.after)
	case after:
		return w.send(watch.Added, c.after)
	case before && c.after != nil:
		gone := c.before.DeepCopyObject().(Object)
		gone.SetResourceVersion(c.after.GetResourceVersion())
		return w.send(watch.Deleted, gone)
	case before:
		return w.send(watch.Deleted, c.before)
	}
	return nil
}

func (w watcher) send(kind watch.EventType, o runtime.Object) error {
	return w.events.Encode(metav1.WatchEvent{Type: string(kind), Object: runtime.RawExtension{Object: o}})
}
