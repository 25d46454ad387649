package server

import (
	"github.com/ringport/ringport/bufring"
	"github.com/ringport/ringport/ops"
)

// minDatagramSize is the smallest Config.BufferSize with UDP listeners.
const minDatagramSize = 256

// sizeBuffers fills in the defaults of the receive buffers. An echo service sends back any datagram (RFC 862).
func (c *Config) sizeBuffers() {
	if c.BufferSize == 0 && c.receivesDatagrams() {
		c.BufferSize = DefaultDatagramSize
		c.Buffers = orElse(c.Buffers, DefaultDatagramBuffers)
	}
	c.BufferSize = orElse(c.BufferSize, DefaultBufferSize)
	c.Buffers = orElse(c.Buffers, DefaultBuffers)
}

// minBufferSize is the smallest BufferSize that serves all listeners.
func (c *Config) minBufferSize() int {
	if c.receivesDatagrams() {
		return minDatagramSize
	}
	return bufring.MinBufferSize
}

// portBufferSize is BufferSize and what the kernel tells beside a datagram.
func (c *Config) portBufferSize() int {
	if !c.receivesDatagrams() {
		return c.BufferSize
	}
	return min(c.BufferSize+ops.DatagramOverhead, bufring.MaxBufferSize) // of which no datagram fills up the rest
}

// receivesDatagrams is whether there is a UDP listener.
func (c *Config) receivesDatagrams() bool {
	for _, address := range c.Listen {
		if network, _, err := parseAddress(address); err == nil && network == "udp" {
			return true
		}
	}
	for i := range c.Inherited {
		if c.Inherited[i].isDatagram() {
			return true
		}
	}
	return false
}
