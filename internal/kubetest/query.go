package kubetest

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
)

// query is what a list or a watch asks for.
type query struct {
	resource, namespace string
	labels              labels.Selector
	fields              fields.Selector
	from                int // the version after which a watch begins; 0 is any
	limit               int
	after               string // the key after which a page of a list begins
	watch, initial      bool
	timeout             int // seconds of a watch
}

func parseQuery(r *http.Request) (q query, err error) {
	v := r.URL.Query()
	q = query{resource: r.PathValue("resource"), namespace: r.PathValue("namespace"), after: v.Get("continue")}
	q.watch, q.initial = flag(v, "watch"), flag(v, "sendInitialEvents")
	if q.labels, err = labels.Parse(v.Get("labelSelector")); err != nil {
		return q, err
	}
	if q.fields, err = fields.ParseSelector(v.Get("fieldSelector")); err != nil {
		return q, err
	}
	for name, n := range map[string]*int{"resourceVersion": &q.from, "limit": &q.limit, "timeoutSeconds": &q.timeout} {
		if *n, err = number(v, name); err != nil {
			return q, err
		}
	}
	return q, nil
}

func flag(v url.Values, name string) bool {
	on, _ := strconv.ParseBool(v.Get(name))
	return on
}

func number(v url.Values, name string) (int, error) {
	text := v.Get(name)
	if text == "" {
		return 0, nil
	}
	n, err := strconv.ParseUint(text, 10, 31)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", name, err)
	}
	return int(n), nil
}

// check refuses selectors on fields that the resource cannot be selected by, as the real server does.
func (q query) check(known fields.Set) error {
	for _, r := range q.fields.Requirements() {
		if !known.Has(r.Field) {
			return fmt.Errorf("field label not supported: %s", r.Field)
		}
	}
	return nil
}

// wants tells whether an object, which may be nil, is one of those asked for.
func (q query) wants(o Object) bool {
	return o != nil && (q.namespace == "" || q.namespace == o.GetNamespace()) &&
		q.labels.Matches(labels.Set(o.GetLabels())) && q.fields.Matches(fieldsOf(o))
}
