// Package bufring lends memory for receiving: a Group is one registered provided-buffer ring of io_uring over
// one block outside the Go heap, and a Buffer is one piece of it.
//
// A buffer is in one of three hands at any time, and the sum is constant:
//
//	posted  the kernel's: it will fill it when data arrives
//	leased  a user's: it holds data, until Release
//	spare   ours: last in, first out, so that it is posted again while its memory is warm
//
// The group posts only a few buffers and keeps the rest spare: a buffer that the kernel fills in turn with
// hundreds of others is cold each time. Once per turn the owner of the ring calls Publish, which tops up what
// is posted and tells the kernel.
//
// The owner of the ring calls Lease, Publish and Close. Buffer's methods may be called from any goroutine. The
// memory stays mapped until the last lease is released, also after Close.
//
// Built with -tags ringdebug, a released buffer is overwritten, so that whoever reads on sees it.
//
// Kernel: provided-buffer rings came with 5.19. See io_uring_register_buf_ring(3).
package bufring
