package uring

// Stats counts what a ring did since it was created.
type Stats struct {
	Enters      uint64 // io_uring_enter calls
	EmptyEnters uint64 // of these, calls that submitted nothing, collected nothing and met no deadline
	EmptyPairs  uint64 // two empty enters in a row: the sign of a loop that spins
	SQEs        uint64 // requests submitted
	CQEs        uint64 // completions reaped
	Overflows   uint64 // enters that found completions on the kernel's overflow list
	Interrupts  uint64 // waits ended by a signal (EINTR)
	Busy        uint64 // enters refused until completions are reaped (EBUSY)
	NoMemory    uint64 // enters refused for want of memory (EAGAIN)
	Partial     uint64 // enters that took only a part of the SQEs
}
