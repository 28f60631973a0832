package observerextension

import (
	"cmp"
	"slices"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/confighttp"
	"go.opentelemetry.io/collector/config/configmiddleware"
	"go.opentelemetry.io/collector/extension/extensioncapabilities"
)

var _ extensioncapabilities.Dependent = (*observer)(nil)

// Dependencies are the extensions that clients and servers of hooks need: these start before.
func (o *observer) Dependencies() []component.ID {
	var ids []component.ID
	for i := range o.cfg.Hooks {
		h := &o.cfg.Hooks[i]
		if w := h.Webhook.Get(); w != nil {
			ids = append(ids, ofClient(&w.ClientConfig)...)
		}
		if a := h.Alertmanager.Get(); a != nil {
			ids = append(ids, ofClient(&a.ClientConfig)...)
		}
		if s := h.Stream.Get(); s != nil {
			ids = append(ids, ofServer(&s.ServerConfig)...)
		}
	}
	slices.SortFunc(ids, func(a, b component.ID) int { return cmp.Compare(a.String(), b.String()) })
	return slices.Compact(ids)
}

func ofClient(c *confighttp.ClientConfig) []component.ID {
	ids := ofMiddlewares(c.Middlewares)
	if a := c.Auth.Get(); a != nil {
		ids = append(ids, a.AuthenticatorID)
	}
	return ids
}

func ofServer(c *confighttp.ServerConfig) []component.ID {
	ids := ofMiddlewares(c.Middlewares)
	if a := c.Auth.Get(); a != nil {
		ids = append(ids, a.Config.AuthenticatorID)
	}
	return ids
}

func ofMiddlewares(list []configmiddleware.Config) []component.ID {
	ids := make([]component.ID, 0, len(list))
	for _, m := range list {
		ids = append(ids, m.ID)
	}
	return ids
}
