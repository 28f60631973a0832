package scrapeconfig

import (
	"errors"
	"fmt"
	"maps"
	"slices"
)

// checkTexts refuses labels and parameters that are no strings: the collector has read the YAML before us, so that 1.10
// has become 1.1 and 007 has become 7.
func checkTexts(section map[string]any) error {
	errs := texts("global::external_labels", at(section["global"], "external_labels"))
	jobs, _ := section["scrape_configs"].([]any)
	for i, job := range jobs {
		path := fmt.Sprintf("scrape_configs[%d]", i)
		errs = append(errs, texts(path+"::params", at(job, "params"))...)
		groups, _ := at(job, "static_configs").([]any)
		for j, group := range groups {
			errs = append(errs, texts(fmt.Sprintf("%s::static_configs[%d]::labels", path, j), at(group, "labels"))...)
		}
	}
	return errors.Join(errs...)
}

func at(m any, key string) any {
	section, _ := m.(map[string]any)
	return section[key]
}

// texts checks the values of a map, each a string or a list of strings.
func texts(path string, value any) []error {
	m, _ := value.(map[string]any)
	var errs []error
	for _, key := range slices.Sorted(maps.Keys(m)) {
		list, isList := m[key].([]any)
		if !isList {
			list = []any{m[key]}
		}
		for _, v := range list {
			if _, ok := v.(string); !ok {
				errs = append(errs, fmt.Errorf("`%s::%s` must be a string, so quote it: the collector has read %v", path, key, v))
			}
		}
	}
	return errs
}
