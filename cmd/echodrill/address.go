package main

import (
	"context"
	"fmt"
	"net"
	"strings"
	"time"
)

// address is where a service listens, written as echod takes it: tcp://HOST:PORT, unix:///PATH or unix://@NAME.
type address struct {
	network, host string
}

// UnmarshalText reads an address.
func (a *address) UnmarshalText(text []byte) error {
	network, host, found := strings.Cut(string(text), "://")
	if !found || host == "" || (network != "tcp" && network != "unix") {
		return fmt.Errorf("%q is no address; write tcp://127.0.0.1:7007, unix:///run/echo.sock or unix://@name", text)
	}
	*a = address{network: network, host: host}
	return nil
}

// dial connects, within the patience.
func (a address) dial(ctx context.Context, patience time.Duration) (net.Conn, error) {
	dialer := net.Dialer{Timeout: patience, KeepAlive: -1}
	return dialer.DialContext(ctx, a.network, a.host)
}

// dialAll opens so many connections. It closes those that it has when one fails.
func (a address) dialAll(ctx context.Context, count int, patience time.Duration) ([]net.Conn, error) {
	conns := make([]net.Conn, 0, count)
	for range count {
		conn, err := a.dial(ctx, patience)
		if err != nil {
			closeAll(conns)
			return nil, fmt.Errorf("connection %d of %d: %w", len(conns)+1, count, err)
		}
		conns = append(conns, conn)
	}
	return conns, nil
}

func closeAll(conns []net.Conn) {
	for _, conn := range conns {
		_ = conn.Close()
	}
}
