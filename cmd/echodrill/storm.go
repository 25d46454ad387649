package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync/atomic"
	"syscall"
	"time"
)

// storm is connections that end as soon as they begin.
type storm struct {
	Kind     string         `arg:"" enum:"left,resets,syns" help:"left (closed at once), resets, or syns (forged)."`
	Address  netip.AddrPort `arg:"" help:"Where the service listens, such as 127.0.0.1:7007."`
	Count    int64          `default:"10000" help:"How many connections."`
	Parallel int            `default:"16" help:"How many at a time."`
}

func (s *storm) run(ctx context.Context) (string, error) {
	if s.Kind == "syns" {
		return s.syns(ctx)
	}
	one := leave
	if s.Kind == "resets" {
		one = reset
	}
	var begun, refused atomic.Int64
	err := crowd(ctx, s.Parallel, func(ctx context.Context) error {
		for ctx.Err() == nil && begun.Add(1) <= s.Count {
			switch err := one(s.Address); {
			case isRefusal(err):
				refused.Add(1)
			case err != nil:
				return err
			}
		}
		return nil
	})
	return fmt.Sprintf("storm: %d connections %s, %d of them refused", s.Count, stormed[s.Kind], refused.Load()), err
}

// stormed says what became of the connections of a storm.
var stormed = map[string]string{"left": "closed at once", "resets": "sent to and reset"}

// isRefusal says whether a connection failed as it may in a storm: the service, or the table of ports, is full.
func isRefusal(err error) bool {
	var timeout net.Error
	return errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.ECONNRESET) ||
		errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.EADDRNOTAVAIL) ||
		errors.As(err, &timeout) && timeout.Timeout()
}

// stormPatience is for one connection of a storm.
const stormPatience = 10 * time.Second

// leave connects and closes.
func leave(to netip.AddrPort) error {
	conn, err := net.DialTimeout("tcp", to.String(), stormPatience)
	if err != nil {
		return err
	}
	return conn.Close()
}

// reset connects, sends, and throws the connection away with what comes back.
func reset(to netip.AddrPort) error {
	conn, err := net.DialTimeout("tcp", to.String(), stormPatience)
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "what comes back is thrown away"); err != nil {
		return err
	}
	return conn.(*net.TCPConn).SetLinger(0)
}

// syns sends first segments from addresses and ports of nobody, as a SYN flood does. The kernel answers them to this
// machine, where nobody knows of them.
func (s *storm) syns(ctx context.Context) (string, error) {
	if err := onlyIPv4(s.Address); err != nil {
		return "", err
	}
	raw, err := openRaw()
	if err != nil {
		return "", err
	}
	defer raw.close()
	for i := range s.Count {
		if ctx.Err() != nil {
			return fmt.Sprintf("storm: %d SYNs", i), nil
		}
		if err := raw.send(synPacket(anybody(), s.Address, rand.Uint32()), s.Address); err != nil {
			return "", err
		}
	}
	return fmt.Sprintf("storm: %d SYNs from forged addresses", s.Count), nil
}

// anybody is a loopback address other than the usual one, with a port.
func anybody() netip.AddrPort {
	r := rand.Uint32()
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, byte(1 + r%200), byte(r >> 8), byte(1 + (r>>16)%250)}),
		uint16(1024+rand.IntN(60000)))
}
