// Package uring is one io_uring instance as a Go value: a Ring that owns the mappings, fills submission
// queue entries (SQEs), enters the kernel and copies completion queue entries (CQEs) out. It knows queues
// and the kernel's protocol; it knows no sockets, no sessions and no policy above the enter.
//
// A ring has one owner: the goroutine that called Ring.Enable, locked to its thread. Any goroutine may create
// the ring and register buffer rings with it before that; afterwards only the owner may touch it, because the
// kernel refuses every other thread (EEXIST). One turn of a ring reads
//
//	sqe := ring.NextSQE()          // nil when the submission queue is full
//	sqe.PrepRecv(fd, buf, 0, token) // one Prep method per operation
//	err := ring.Enter(0, 0)        // submit and collect, without blocking
//	n := ring.Reap(cqes[:])        // copy completions out
//
// New asks for the fastest ring that the kernel gives and steps down one flag at a time; Ring.Features tells
// what was got. SetupError says why there is no ring at all, and how to mend it. What a kernel can do with
// multishot receives and buffer rings is decided by trying it once on a socket pair, not by version strings.
//
// Kernel: works from 5.19, full speed from 6.1. The names of operations, flags and errors follow io_uring(7).
package uring
