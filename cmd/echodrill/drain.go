package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// drain is clients that are owed echoes when the service is told to stop. Each sends and does not read until the
// service listens no more; then it wants all of it back, and the end of the stream.
type drain struct {
	Address     address       `arg:"" help:"Where the service listens."`
	Connections int           `default:"4" help:"How many clients."`
	Bytes       int           `default:"6291456" help:"What each is owed: more than sockets hold, less than it queues."`
	Patience    time.Duration `default:"60s" help:"For the bytes to arrive, for the service to stop, and for the echoes."`
}

func (d *drain) run(ctx context.Context) (string, error) {
	conns, err := d.Address.dialAll(ctx, d.Connections, d.Patience)
	if err != nil {
		return "", errUnlessOver(ctx, err)
	}
	defer closeAll(conns)
	sent := make([]byte, d.Bytes)
	_, _ = rand.NewChaCha8([32]byte{}).Read(sent) // never fails
	if err := d.each(ctx, conns, func(conn net.Conn) error { return owe(ctx, conn, sent) }); err != nil {
		return "", errUnlessOver(ctx, err)
	}
	fmt.Printf("owed: %d bytes to each of %d clients\n", len(sent), len(conns))
	if err := d.awaitStop(ctx); err != nil {
		return "", errUnlessOver(ctx, err)
	}
	if err := d.each(ctx, conns, func(conn net.Conn) error { return collect(conn, sent) }); err != nil {
		return "", errUnlessOver(ctx, err)
	}
	return fmt.Sprintf("drain: %d clients got their %d bytes after the service had stopped listening",
		len(conns), len(sent)), nil
}

// each does something with all of the connections at the same time, within the patience.
func (d *drain) each(ctx context.Context, conns []net.Conn, do func(conn net.Conn) error) error {
	queue := make(chan net.Conn, len(conns))
	for _, conn := range conns {
		queue <- conn
	}
	return crowd(ctx, len(conns), func(ctx context.Context) error {
		conn := <-queue
		if err := conn.SetDeadline(time.Now().Add(d.Patience)); err != nil {
			return err
		}
		stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Now()) })
		defer stop()
		return do(conn)
	})
}

// owe sends what the service is to owe, and waits until all of it has arrived on its side. The kernel lets a receive
// buffer grow only for who reads, so that little of the echo comes to this side meanwhile.
func owe(ctx context.Context, conn net.Conn, sent []byte) error {
	n, err := conn.Write(sent)
	if err != nil {
		return fmt.Errorf("the service took %d bytes of %d from a client that does not read: %w", n, len(sent), err)
	}
	for {
		left, err := unsent(conn)
		if err != nil || left == 0 {
			return err
		}
		if !wait(ctx, time.Millisecond) {
			return ctx.Err()
		}
	}
}

// unsent is how many bytes the other side has not acknowledged.
func unsent(conn net.Conn) (n int, err error) {
	raw, err := conn.(syscall.Conn).SyscallConn()
	if err != nil {
		return 0, err
	}
	control := raw.Control(func(fd uintptr) { n, err = unix.IoctlGetInt(int(fd), unix.SIOCOUTQ) })
	return n, errors.Join(control, err)
}

// awaitStop waits until the service listens no more.
func (d *drain) awaitStop(ctx context.Context) error {
	deadline := time.Now().Add(d.Patience)
	for wait(ctx, 10*time.Millisecond) {
		conn, err := d.Address.dial(ctx, d.Patience)
		switch {
		case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, fs.ErrNotExist):
			return nil
		case errors.Is(err, syscall.ECONNRESET): // it was in the backlog when the service closed it
		case err != nil:
			return fmt.Errorf("see whether the service listens: %w", err)
		default:
			_ = conn.Close()
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("the service still listens after %v; was it told to stop?", d.Patience)
		}
	}
	return ctx.Err()
}

// collect holds that everything comes back, and then the end of the stream.
func collect(conn net.Conn, sent []byte) error {
	received := make([]byte, len(sent))
	n, err := io.ReadFull(conn, received)
	if !bytes.Equal(received[:n], sent[:n]) {
		return fmt.Errorf("%w, among the first %d", errWrong, n)
	}
	if err != nil {
		return fmt.Errorf("the service stopped and owes %d bytes of %d: %w", len(sent)-n, len(sent), err)
	}
	return atEnd(conn)
}
