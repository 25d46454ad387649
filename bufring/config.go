package bufring

import (
	"errors"
	"fmt"
)

// Limits and defaults of a Config.
const (
	MaxBuffers     = 32768   // the kernel's limit for one ring
	MaxBufferSize  = 1 << 20 // bytes
	MinBufferSize  = 64      // bytes
	DefaultBuffers = 4096
	DefaultSize    = 16 << 10 // bytes: a send per 4 KiB costs half as much again for large messages
	DefaultPosted  = 256
)

// Config says how many buffers a group has. The zero value of a field is its default.
type Config struct {
	ID      uint16 // the number of the group in its ring
	Buffers int    // 1..32768; 0: DefaultBuffers
	Size    int    // bytes of one buffer, 64..1048576; 0: DefaultSize
	Posted  int    // at most so many are posted at a time, 1..Buffers; 0: DefaultPosted, or Buffers if fewer
}

func (c Config) withDefaults() Config {
	if c.Buffers == 0 {
		c.Buffers = DefaultBuffers
	}
	if c.Size == 0 {
		c.Size = DefaultSize
	}
	if c.Posted == 0 {
		c.Posted = min(DefaultPosted, max(c.Buffers, 1)) // a wrong Buffers is reported alone
	}
	return c
}

// Validate names every field that is out of its range. Zero fields are defaults and always right.
func (c Config) Validate() error {
	c = c.withDefaults()
	var wrong []error
	check := func(name string, value, low, high int) {
		if value < low || value > high {
			wrong = append(wrong, fmt.Errorf("bufring: %s is %d, want %d to %d", name, value, low, high))
		}
	}
	check("Buffers", c.Buffers, 1, MaxBuffers)
	check("Size", c.Size, MinBufferSize, MaxBufferSize)
	check("Posted", c.Posted, 1, min(max(c.Buffers, 1), MaxBuffers))
	return errors.Join(wrong...)
}
