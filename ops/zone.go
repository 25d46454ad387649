package ops

import (
	"net"
	"strconv"
	"strings"
	"sync"
	"time"
)

// zoneLifetime is how long the names of interfaces are believed; package net uses the same.
const zoneLifetime = time.Minute

// zones knows the interfaces by which IPv6 zones are called. Asking the kernel takes a dump of all interfaces, too much
// for each datagram from a link-local address.
var zones zoneCache

type zoneCache struct {
	mu      sync.Mutex
	fetched time.Time
	scopes  map[string]uint32
	names   map[uint32]string
}

// scope returns the number for a zone: the number itself in text, or an interface's name. False means that there is no
// such interface.
func (c *zoneCache) scope(zone string) (uint32, bool) {
	if isNumber(zone) {
		scope, err := strconv.ParseUint(zone, 10, 32)
		return uint32(scope), err == nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	fresh := c.refresh(false)
	scope, ok := c.scopes[zone]
	if !ok && !fresh {
		c.refresh(true)
		scope, ok = c.scopes[zone]
	}
	return scope, ok
}

// name returns the name of an interface, or its number in text when there is none such.
func (c *zoneCache) name(scope uint32) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	fresh := c.refresh(false)
	name, ok := c.names[scope]
	if !ok && !fresh {
		c.refresh(true)
		name, ok = c.names[scope]
	}
	if !ok {
		return strconv.FormatUint(uint64(scope), 10)
	}
	return name
}

// refresh asks the kernel again when what is known is too old, or when forced; it reports whether it did. When the
// kernel does not answer, what was known stays.
func (c *zoneCache) refresh(force bool) bool {
	if !force && time.Since(c.fetched) < zoneLifetime {
		return false
	}
	c.fetched = time.Now()
	interfaces, err := net.Interfaces()
	if err != nil {
		return true
	}
	c.scopes = make(map[string]uint32, len(interfaces))
	c.names = make(map[uint32]string, len(interfaces))
	for _, i := range interfaces {
		if isNumber(i.Name) { // Such a name would be taken for another interface's number.
			continue
		}
		c.scopes[i.Name] = uint32(i.Index)
		c.names[uint32(i.Index)] = i.Name
	}
	return true
}

func isNumber(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}
