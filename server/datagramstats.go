package server

// DatagramStats tells what a server did with datagrams. What it received it answered, dropped for one of the reasons,
// or, in the moment of the call, has yet to decide about; a Handler that answers nothing makes up the rest.
type DatagramStats struct {
	Received uint64 // datagrams that arrived, whatever came of them
	Answered uint64 // of these, datagrams whose answer the kernel took
	BytesIn  uint64 // payload of what was received, as far as it fitted into a buffer
	BytesOut uint64 // payload of the answers

	Dropped map[DropReason]uint64 // datagrams that were not answered, by why; every reason is there, with zero too
}
