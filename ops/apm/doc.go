// Package apm is the Begin/End pattern over package ops, for code that comes from it: .NET's older way of
// asynchronous sockets. BeginReceive starts a receive and gives a Result; EndReceive, mostly called in the
// callback, waits if need be and gives what became of it. New code is better off with ops.Op.
//
// A callback runs once. When the operation is pending, it runs on the goroutine of the socket's port, like an op's
// Completed, and must not block. When the operation had finished before Begin returned, it runs inside Begin, on
// the caller's goroutine, and CompletedSynchronously is true. A Begin that such a callback calls leaves its own
// callback to the Begin outside, which runs it when the first has returned: a chain of finished operations takes no
// stack.
//
// Begin gives (nil, err), and no callback runs, when ops refuses the start: errors.Is finds ops.ErrArgument,
// ops.ErrState, ops.ErrUnsupported or net.ErrClosed, or the errno of a socket that is in no state for it, such as
// ENOTCONN. Every other failure is End's error. End may be called any number of times, from any goroutine, and always
// says the same. It gives an error that matches ops.ErrArgument for a nil result and for one of another pair.
//
// End and Wait block until the operation is over. The port's goroutine is what ends operations, so it must not wait
// for them: inside a callback of this package, both answer with ops.ErrState instead, for a result of the same port
// that is not completed. What else runs on a port's goroutine (Completed of an op, Post, a timer) is not
// recognised, and waits forever.
//
// # Cost
//
// A pair allocates its Result, of some 450 bytes, and what the operation itself needs; an ops.Op that is used again
// allocates nothing, which is why it exists. Measured with go test -run - -bench Pair ./ops/apm (amd64, Go 1.26):
//
//	pair                                   bytes   allocations
//	Send or Receive, at once or pending      448             1
//	the same, with Done or a wait in End     560             2
//	SendTo and ReceiveFrom, both            1096             5
//	Send by an ops.Op used again               0             0
//
// A callback also costs a gettid(2): goroutines that run callbacks are told apart by their threads, to which they are
// locked meanwhile.
package apm
