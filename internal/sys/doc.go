// Package sys is the kernel ABI of io_uring: constants, memory layouts and the three system calls.
//
// It is the one home of numbers and layouts. Constants keep the kernel's spelling, so that a search for a name
// finds it here, in the manual pages and in <linux/io_uring.h>; each comment ends with the first mainline kernel
// that knew the constant ("Since 5.1."), which the tests read and hold against the installed header. Structs carry
// [structs.HostLayout] and their field order is the kernel's.
//
// The package decides nothing: no retries, no feature detection, no ownership. Those are package uring's.
// [Inject] is the seam through which tests of all packages above make a system call fail.
package sys
