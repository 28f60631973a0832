package overseer

import (
	"context"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/extension"
)

func (f extensionFactory) Create(ctx context.Context, set extension.Settings, cfg component.Config) (extension.Extension, error) {
	ext, err := f.Factory.Create(ctx, set, cfg)
	if err == nil {
		f.overseer.note(set.ID, ext)
	}
	return ext, err
}
