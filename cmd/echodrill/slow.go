package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync/atomic"
	"time"
)

// slow is clients that send as much as they can and read nothing. The service holds what it cannot deliver, and should
// close them after its write timeout.
type slow struct {
	Address     address       `arg:"" help:"Where the service listens."`
	Connections int           `default:"1000" help:"How many clients."`
	Bytes       int64         `default:"67108864" help:"The most that each sends before it is silent, too."`
	Patience    time.Duration `default:"120s" help:"For the service to close the last of them."`
}

func (s *slow) run(ctx context.Context) (string, error) {
	conns, err := s.Address.dialAll(ctx, s.Connections, s.Patience)
	if err != nil {
		return "", errUnlessOver(ctx, err)
	}
	defer closeAll(conns)
	for _, conn := range conns {
		if err := shrink(conn); err != nil {
			return "", err
		}
	}
	fmt.Printf("%d clients send and do not read\n", len(conns))
	var sent, closed atomic.Int64
	deadline := time.Now().Add(s.Patience)
	var next atomic.Int64
	err = crowd(ctx, len(conns), func(ctx context.Context) error {
		n, err := s.fill(ctx, conns[next.Add(1)-1], deadline)
		sent.Add(n)
		if err == nil {
			closed.Add(1)
		}
		return errUnlessOver(ctx, err)
	})
	return fmt.Sprintf("slow: %d of %d clients that did not read were closed by the service, %d MiB sent",
		closed.Load(), len(conns), sent.Load()>>20), err
}

// kernelBuffer is what such a client has of the kernel's memory in each direction. With what the kernel would let it
// grow to, the kernel would hold megabytes for each client before the service has to.
const kernelBuffer = 8 << 10

func shrink(conn net.Conn) error {
	c, ok := conn.(interface {
		SetReadBuffer(bytes int) error
		SetWriteBuffer(bytes int) error
	})
	if !ok {
		return fmt.Errorf("%T has no buffers to set", conn)
	}
	return errors.Join(c.SetReadBuffer(kernelBuffer), c.SetWriteBuffer(kernelBuffer))
}

// fill sends until the service closes the connection, which it must before the deadline.
func (s *slow) fill(ctx context.Context, conn net.Conn, deadline time.Time) (sent int64, err error) {
	if err := conn.SetDeadline(deadline); err != nil {
		return 0, err
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Now()) })
	defer stop()
	block := make([]byte, 16<<10)
	for sent < s.Bytes {
		n, err := conn.Write(block)
		sent += int64(n)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return sent, fmt.Errorf("the service did not close a client that does not read: %w", err)
		}
		if err != nil {
			return sent, nil
		}
	}
	// It took everything. The end of the connection shows behind what is there to be read, which stays unread until
	// the service has given up: an error is known before the data is.
	return sent, s.awaitEnd(conn)
}

// awaitEnd waits until the connection is over, without reading from it before. A byte now and then finds out.
func (s *slow) awaitEnd(conn net.Conn) error {
	for {
		_, err := conn.Write([]byte{0})
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return fmt.Errorf("the service did not close a client that does not read: %w", err)
		}
		if err != nil {
			return nil
		}
		_ = wait(context.Background(), 100*time.Millisecond)
	}
}
