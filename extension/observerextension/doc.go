// Package observerextension raises events when metrics change, and tells hooks: in the order of their priorities, apart from
// the pipeline, each at its own pace. Hooks are those of the configuration, and Go code that subscribes.
//
// A component of a custom build looks the extension up when it starts, and publishes or subscribes:
//
//	subject, err := observerextension.Find(host, component.MustNewID("observer"))
//	subscription, err := subject.Subscribe(observer, observerextension.WithPriority(observerextension.PriorityCritical))
//	defer subject.Unsubscribe(subscription)
//
// The events themselves are made by internal/events, and delivered by internal/dispatch.
package observerextension

//go:generate go tool -modfile=../../internal/tools/go.mod mdatagen metadata.yaml
