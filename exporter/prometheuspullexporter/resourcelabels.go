package prometheuspullexporter

import (
	"errors"
	"slices"
	"strings"
)

// ResourceLabels selects resource attributes by their keys, in which * stands for any characters.
type ResourceLabels struct {
	// Include lists the attributes that become labels. Default: none.
	Include []string `mapstructure:"include"`

	// Exclude lists those of them that do not. Default: none.
	Exclude []string `mapstructure:"exclude"`

	// prevent unkeyed literal initialization
	_ struct{}
}

func (r *ResourceLabels) validate() error {
	var errs []error
	if len(r.Exclude) > 0 && len(r.Include) == 0 {
		errs = append(errs, errors.New("`resource_labels::exclude` takes from `resource_labels::include`, which is empty"))
	}
	if slices.Contains(r.Include, "") {
		errs = append(errs, errors.New("`resource_labels::include` must not hold an empty key"))
	}
	if slices.Contains(r.Exclude, "") {
		errs = append(errs, errors.New("`resource_labels::exclude` must not hold an empty key"))
	}
	return errors.Join(errs...)
}

// matcher returns nil when no attribute becomes a label.
func (r *ResourceLabels) matcher() func(key string) bool {
	if len(r.Include) == 0 {
		return nil
	}
	include, exclude := compileGlobs(r.Include), compileGlobs(r.Exclude)
	return func(key string) bool { return include.match(key) && !exclude.match(key) }
}

// globs are patterns, each cut at its stars.
type globs [][]string

func compileGlobs(patterns []string) globs {
	var g globs
	for _, p := range patterns {
		g = append(g, strings.Split(p, "*"))
	}
	return g
}

func (g globs) match(key string) bool {
	return slices.ContainsFunc(g, func(parts []string) bool { return matchGlob(parts, key) })
}

func matchGlob(parts []string, key string) bool {
	last := len(parts) - 1
	if last == 0 {
		return key == parts[0]
	}
	key, ok := strings.CutPrefix(key, parts[0])
	for _, part := range parts[1:last] {
		_, rest, found := strings.Cut(key, part)
		key, ok = rest, ok && found
	}
	return ok && strings.HasSuffix(key, parts[last])
}
