package apm_test

import (
	"bytes"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ringport/ringport/ops"
	"github.com/ringport/ringport/ops/apm"
)

// What examples/README.md shows: one receive after the other, by an op and by Begin and End.

func start(s *ops.Socket, op *ops.Op) {
	for !s.ReceiveAsync(op) { // false: it is over, and Completed does not run
		if !consume(op) {
			return
		}
	}
}

func completed(op *ops.Op) { // op.Completed
	if consume(op) {
		start(op.Socket(), op)
	}
}

func consume(op *ops.Op) bool {
	if op.Err() != nil || op.BytesTransferred() == 0 {
		return false
	}
	use(op.Bytes())
	return true
}

func receive(st *state) error {
	_, err := apm.BeginReceive(st.socket, st.buffer, 0, received, st)
	return err // the start was refused: no callback runs
}

func received(r *apm.Result) {
	st := r.State().(*state)
	n, err := apm.EndReceive(r)
	if err != nil || n == 0 {
		return
	}
	use(st.buffer[:n])
	_ = receive(st) // does not recurse: its callback runs after this one
}

type state struct {
	socket *ops.Socket
	buffer []byte
}

// used is where use puts what was received.
var used = make(chan []byte, 100)

func use(b []byte) { used <- bytes.Clone(b) }

func TestBothPatternsReceiveTheSame(t *testing.T) {
	p := newPort(t, ops.PortConfig{})
	patterns := map[string]func(*ops.Socket) error{
		"op": func(s *ops.Socket) error {
			op := ops.NewOp(completed)
			op.SetBuffer(make([]byte, 4))
			start(s, op)
			return nil
		},
		"Begin and End": func(s *ops.Socket) error { return receive(&state{socket: s, buffer: make([]byte, 4)}) },
	}
	for name, begin := range patterns {
		t.Run(name, func(t *testing.T) {
			const text = "more than one buffer holds"
			c, s := connection(t, p)
			require.NoError(t, begin(s))
			_, err := io.WriteString(c, text)
			require.NoError(t, err)
			var all []byte
			for len(all) < len(text) {
				all = append(all, await(t, used)...)
			}
			require.Equal(t, text, string(all))
		})
	}
}
