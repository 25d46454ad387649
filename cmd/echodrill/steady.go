package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"
)

// steady is honest clients beside a fault: connections that stay, each with one block after the other.
type steady struct {
	Address     address       `arg:"" help:"Where the service listens."`
	Connections int           `default:"4" help:"How many clients."`
	Block       int           `default:"16384" help:"The longest block, in bytes."`
	Pause       time.Duration `default:"5ms" help:"Between an echo and the next block."`
	Patience    time.Duration `default:"60s" help:"For an echo, after which it counts as lost."`
	Reconnect   bool          `help:"Connect again when the service ends a connection, as after a crash."`
}

func (s *steady) run(ctx context.Context) (string, error) {
	t := tally{clients: s.Connections}
	err := crowd(ctx, s.Connections, func(ctx context.Context) error { return s.client(ctx, &t) })
	return "steady: " + t.report(), err
}

// client is one of them.
func (s *steady) client(ctx context.Context, t *tally) error {
	x := newExchange(s.Block, s.Patience)
	w := witness{tally: t}
	for ctx.Err() == nil {
		conn, err := s.dial(ctx)
		if err != nil {
			return errUnlessOver(ctx, err)
		}
		err = s.converse(ctx, conn, x, &w)
		_ = conn.Close()
		if err == nil {
			continue // it was told to stop
		}
		if !s.Reconnect || errors.Is(err, errWrong) {
			return err
		}
		t.ended()
	}
	return nil
}

// dial connects. Where crashes are expected it tries until the patience ends.
func (s *steady) dial(ctx context.Context) (net.Conn, error) {
	deadline := time.Now().Add(s.Patience)
	for {
		conn, err := s.Address.dial(ctx, s.Patience)
		if err == nil || !s.Reconnect || time.Now().After(deadline) {
			return conn, err
		}
		if !wait(ctx, 10*time.Millisecond) {
			return nil, err
		}
	}
}

// converse sends block after block until it is told to stop. What is under way then is still checked.
func (s *steady) converse(ctx context.Context, conn net.Conn, x *exchange, w *witness) error {
	for wait(ctx, s.Pause) {
		begun := time.Now()
		if err := x.once(conn); err != nil {
			return fmt.Errorf("a connection from %v: %w", conn.LocalAddr(), err)
		}
		w.echoed(time.Since(begun))
	}
	return nil
}

// wait says whether there is reason to go on after so long.
func wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}

// errUnlessOver is the error of something that may fail because the drill was told to stop.
func errUnlessOver(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}
