// Package kubetest is a Kubernetes API server for tests: the part of the API that discovery uses, over HTTPS, on objects
// that a test creates, changes and deletes while clients watch.
package kubetest
