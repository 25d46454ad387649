package uring_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/ringport/ringport/internal/ringtest"
	"github.com/ringport/ringport/uring"
)

func TestARoundThroughTheRingAllocatesNothing(t *testing.T) {
	ring := ringtest.NewRing(t, uring.Config{})
	near, far := socketPair(t)
	buf := make([]byte, 64)
	arena := uring.NewArena(4, 16)
	cqes := make([]uring.CQE, 4)
	tests := []struct {
		name  string
		round func()
	}{
		{"nop", func() {
			ring.NextSQE().PrepNop(1)
			_ = ring.Enter(0, 0)
		}},
		{"nop, waiting", func() {
			ring.NextSQE().PrepNop(1)
			_ = ring.Enter(1, -1)
		}},
		{"nop, waiting with a timeout", func() {
			ring.NextSQE().PrepNop(1)
			_ = ring.Enter(1, time.Second)
		}},
		{"send and receive", func() {
			ring.NextSQE().PrepSend(near, buf, unix.MSG_WAITALL, 1)
			ring.NextSQE().PrepRecv(far, buf, 0, 2)
			_ = ring.Enter(2, -1)
		}},
		{"gathered send", func() {
			message := arena.Message(2)
			message.Append(buf[:32])
			message.Append(buf[32:])
			ring.NextSQE().PrepSendMsg(near, message, unix.MSG_WAITALL, 1)
			ring.NextSQE().PrepRecv(far, buf, 0, 2)
			_ = ring.Enter(2, -1)
			arena.Reset()
		}},
		{"send on the spot", func() {
			message := arena.Message(1)
			message.Append(buf)
			_, _ = message.Send(near)
			_, _ = uring.SendNow(near, buf)
			_, _ = unix.Read(far, buf)
			_, _ = unix.Read(far, buf)
			arena.Reset()
		}},
		{"a timeout that passes", func() { _ = ring.Enter(1, 0) }},
		{"nothing to do", func() { _ = ring.Enter(0, 0) }},
	}
	for _, test := range tests { // not as subtests, which run on other threads
		require.Zero(t, testing.AllocsPerRun(200, func() {
			test.round()
			for ring.Reap(cqes) > 0 {
			}
		}), test.name)
	}
	require.Zero(t, ring.Ready())
}
