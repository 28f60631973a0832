package prometheusscrapereceiver

import (
	"errors"
	"fmt"
)

// ShardConfig picks a part of the targets by a hash of their labels.
type ShardConfig struct {
	// Index is the number of this part, from 0 on. Default: 0.
	Index int `mapstructure:"index"`

	// Total is the number of parts. Default: 1.
	Total int `mapstructure:"total"`

	// prevent unkeyed literal initialization
	_ struct{}
}

func (s ShardConfig) validate() error {
	if s.Total < 1 {
		return errors.Join(notNegative("shard::index", s.Index),
			fmt.Errorf("`shard::total` must be at least 1, got %d", s.Total))
	}
	if s.Index < 0 || s.Index >= s.Total {
		return fmt.Errorf("`shard::index` must be from 0 to %d, as `shard::total` is %d, got %d", s.Total-1, s.Total, s.Index)
	}
	return nil
}
