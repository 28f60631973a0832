//go:build !linux

package childtest

func isForbidden(error) bool { return false }
