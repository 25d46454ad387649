// Package load measures echo servers: it opens connections, sends messages over them, checks every byte that comes
// back, and tells how many came in which time.
//
//	result, err := load.Run(ctx, load.Config{Address: "tcp://127.0.0.1:7007", Conns: 64})
//
// All connections of a run are driven by one port of package ops, so by one goroutine on one thread: what a message
// costs the generator stays small beside what it costs the kernel, and the generator can have a CPU of its own.
//
// # Closed and open loop
//
// Without a Rate every connection sends the next message when an answer has come: a closed loop, which finds out how
// much a server can do. A server that stalls is asked less meanwhile, so the latencies of a closed loop flatter it.
// With a Rate messages are sent on schedule, whatever the server does, and a latency is counted from the moment that
// the schedule names, not from the one at which the generator got round to it.
//
// # What is verified
//
// A message is its number on the connection (8 bytes), the connection's number mixed with the run's seed (8 bytes), and
// a cut of a pseudo-random block that begins at another place for each number and connection. Every byte that comes
// back is compared with what was sent. On streams the bytes must come back in their order: one that is lost, doubled,
// changed or another connection's shows at its place. Datagrams may be lost, which is counted, and may come in any
// order; what does come must be whole and unchanged.
//
// # What voids a run
//
// A number is only as good as the run that it comes from. Result.Gates has what was checked, with the figures: whether
// the generator kept its schedule, whether the counts agree with each other, whether as many messages were on their way
// as there should have been (Little's law). A run that fails one is void, and says so.
package load
