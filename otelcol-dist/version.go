package main

import "runtime/debug"

const (
	version     = "0.1.0-dev"
	description = "Sluice: an OpenTelemetry Collector distribution for Prometheus metrics at scale"
)

// commit is the revision built, set by the Makefile with -X.
var commit string

// fullVersion is the version with the commit it was built from, as far as the build recorded it.
func fullVersion() string {
	if c := builtFrom(); c != "" {
		return version + " (commit " + c + ")"
	}
	return version
}

func builtFrom() string {
	if commit != "" {
		return commit
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			return s.Value
		}
	}
	return ""
}
