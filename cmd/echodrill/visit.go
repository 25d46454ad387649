package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"
)

// visit is honest clients of whom none may be refused or cut, also while the service is restarted: each connects,
// sends a block, ends its side, and reads the echo and then the end of the stream.
type visit struct {
	Address  address       `arg:"" help:"Where the service listens."`
	Clients  int           `default:"4" help:"How many clients at a time."`
	Block    int           `default:"16384" help:"The longest block, in bytes."`
	Pause    time.Duration `default:"2ms" help:"Between two visits of a client."`
	Patience time.Duration `default:"60s" help:"For an echo, after which it counts as lost."`
}

func (v *visit) run(ctx context.Context) (string, error) {
	t := tally{clients: v.Clients}
	err := crowd(ctx, v.Clients, func(ctx context.Context) error { return v.client(ctx, &t) })
	return "visits: " + t.report(), err
}

// client makes one visit after the other.
func (v *visit) client(ctx context.Context, t *tally) error {
	x := newExchange(v.Block, v.Patience)
	w := witness{tally: t}
	for wait(ctx, v.Pause) {
		begun := time.Now()
		if err := v.once(x); err != nil {
			return err
		}
		w.echoed(time.Since(begun))
	}
	return nil
}

// once is one visit. It is made to the end also when the drill is told to stop, so that nothing is cut by this side.
func (v *visit) once(x *exchange) error {
	conn, err := v.Address.dial(context.Background(), v.Patience)
	if err != nil {
		return err
	}
	defer conn.Close()
	length, err := x.send(conn)
	if err != nil {
		return fmt.Errorf("a visit from %v: %w", conn.LocalAddr(), err)
	}
	if err := conn.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
		return fmt.Errorf("a visit from %v: end this side: %w", conn.LocalAddr(), err)
	}
	if err := x.receive(conn, length); err != nil {
		return fmt.Errorf("a visit from %v: %w", conn.LocalAddr(), err)
	}
	return atEnd(conn)
}

// atEnd holds that nothing comes any more but the end of the stream.
func atEnd(conn net.Conn) error {
	n, err := conn.Read(make([]byte, 1))
	switch {
	case n > 0:
		return fmt.Errorf("%w: one more than was sent", errWrong)
	case errors.Is(err, io.EOF):
		return nil
	}
	return fmt.Errorf("after the echo: %w, want the end of the stream", err)
}
