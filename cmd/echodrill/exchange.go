package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"time"
)

// errWrong is an echo that differs from what was sent. No fault excuses it.
var errWrong = errors.New("other bytes came back than were sent")

// exchange sends blocks of random length and content, and checks what comes back. Blocks fit into the buffers of a
// socket, so that a service which is stuck is found by the read, with all of the block sent.
type exchange struct {
	random       *rand.ChaCha8
	lengths      *rand.Rand
	sent, echoed []byte
	longest      int           // bytes of a block
	patience     time.Duration // for the echo of a block
}

func newExchange(longest int, patience time.Duration) *exchange {
	var seed [32]byte
	for i := range seed {
		seed[i] = byte(rand.Uint32())
	}
	random := rand.NewChaCha8(seed)
	return &exchange{
		random:  random,
		lengths: rand.New(random),
		sent:    make([]byte, longest), echoed: make([]byte, longest),
		longest: longest, patience: patience,
	}
}

// send writes the next block.
func (x *exchange) send(conn net.Conn) (length int, err error) {
	length = 1 + x.lengths.IntN(x.longest)
	_, _ = x.random.Read(x.sent[:length]) // never fails
	if err := conn.SetDeadline(time.Now().Add(x.patience)); err != nil {
		return 0, err
	}
	n, err := conn.Write(x.sent[:length])
	if err != nil {
		return 0, fmt.Errorf("send %d bytes, of which %d went: %w", length, n, err)
	}
	return length, nil
}

// receive reads the echo of the block that was sent last, and compares.
func (x *exchange) receive(conn net.Conn, length int) error {
	n, err := io.ReadFull(conn, x.echoed[:length])
	if !bytes.Equal(x.echoed[:n], x.sent[:n]) {
		return fmt.Errorf("%w, in a block of %d", errWrong, length)
	}
	if err != nil {
		return fmt.Errorf("%d bytes of %d came back: %w", n, length, err)
	}
	return nil
}

// once sends a block and waits for its echo.
func (x *exchange) once(conn net.Conn) error {
	length, err := x.send(conn)
	if err != nil {
		return err
	}
	return x.receive(conn, length)
}
