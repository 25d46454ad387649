package ops

import (
	"context"
	"net/netip"
)

// WithLookUp gives a PortConfig whose port asks look instead of the system's resolver.
func WithLookUp(c PortConfig, look func(ctx context.Context, host string) ([]netip.Addr, error)) PortConfig {
	c.lookUp = look
	return c
}
