package guardextension

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/extension/extensioncapabilities"

	"github.com/sluice-metrics/sluice/extension/guardextension/internal/metadata"
)

// NotifyConfigSnapshot is called before any server starts. It refuses lists of middlewares with more than one guard: a gRPC
// server would panic at the second, and what the two would do elsewhere one does with rate and rate::per_key.
func (*guard) NotifyConfigSnapshot(_ context.Context, snapshot extensioncapabilities.ConfigSnapshot) error {
	return errors.Join(twice(nil, "", snapshot.Effective().ToStringMap())...)
}

// twice appends a problem for each such list below v, which is at the key.
func twice(problems []error, at string, v any) []error {
	switch v := v.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			below := key
			if at != "" {
				below = at + "::" + key
			}
			if list, ok := v[key].([]any); ok && key == "middlewares" {
				problems = checkList(problems, below, list)
			}
			problems = twice(problems, below, v[key])
		}
	case []any:
		for i, item := range v {
			problems = twice(problems, fmt.Sprintf("%s[%d]", at, i), item)
		}
	}
	return problems
}

func checkList(problems []error, at string, list []any) []error {
	var guards []string
	for _, item := range list {
		if m, ok := item.(map[string]any); ok && isGuard(fmt.Sprint(m["id"])) {
			guards = append(guards, fmt.Sprint(m["id"]))
		}
	}
	if len(guards) < 2 {
		return problems
	}
	return append(problems, fmt.Errorf("%s: only one guard can be a middleware of a server or client, not %s", at, strings.Join(guards, ", ")))
}

func isGuard(text string) bool {
	var id component.ID
	return id.UnmarshalText([]byte(text)) == nil && id.Type() == metadata.Type
}
