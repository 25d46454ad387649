package ops

import "github.com/ringport/ringport/uring"

// WithFeatures gives a PortConfig whose ring claims other features than it has, to go the ways of older kernels.
func WithFeatures(c PortConfig, change func(*uring.Features)) PortConfig {
	c.newRing = func(cfg uring.Config) (ring, error) {
		r, err := uring.New(cfg)
		if err != nil {
			return nil, err
		}
		return &maskedRing{Ring: r, change: change}, nil
	}
	return c
}

// WithRing gives a PortConfig whose ring is made to other measures than the port's.
func WithRing(c PortConfig, change func(*uring.Config)) PortConfig {
	c.newRing = func(cfg uring.Config) (ring, error) {
		change(&cfg)
		return newKernelRing(cfg)
	}
	return c
}

type maskedRing struct {
	*uring.Ring
	change func(*uring.Features)
}

func (r *maskedRing) Features() uring.Features {
	f := r.Ring.Features()
	r.change(&f)
	return f
}
