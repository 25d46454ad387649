// Command saea is the sample server of .NET's SocketAsyncEventArgs documentation, written anew with package ops: an
// echo server for a fixed number of clients at a time, with one op, one buffer and one token for each, all made in
// advance. It is there for those who know the original: the names are the same, in Go's spelling.
//
//	go run ./examples/saea <#connections> <receive size in bytes> <ipv4|ipv6> <port>
//	go run ./examples/saea 500 1024 ipv4 8000
//
// It prints where it listens, on every address of the family, and serves until Enter or Ctrl-C; then the clients that
// are there have five seconds to leave. The exit status is 0 when it served and was told to stop, 1 when it could not
// serve or had to cut clients off, 2 when the command line is wrong.
//
// # Where to find what
//
//	the sample                      here
//	Server, Init, Start             the same, in server.go; Start returns at once, Stop is new
//	StartAccept, ProcessAccept      the same, in accept.go
//	AcceptEventArg_Completed        AcceptEventArgCompleted
//	IO_Completed                    IOCompleted, in echo.go
//	ProcessReceive, ProcessSend     the same
//	CloseClientSocket               the same
//	AsyncUserToken                  the same, in token.go
//	SocketAsyncEventArgsPool        ops.Pool: Pop is Get, Push is Put
//	BufferManager                   ops.BufferManager; memory outside the heap
//	Semaphore                       semaphore, which parks the accept instead of blocking
//	m_totalBytesRead                TotalBytesRead, in 64 bits
//	m_numConnectedSockets           NumConnectedSockets
//	Console.WriteLine per operation counters, printed once at the end
//
// The port's goroutine runs everything after Start, one completion after the other. So there are no locks, and nothing
// may block: where the sample waits, this server leaves a note and returns.
//
// # What is different, and why
//
// The sample has known defects, and those who started from it have reported more. Here is what became of each, and the
// test that holds it, or why it cannot happen.
//
//	P1   An accept that is done at once calls the next one: with many clients waiting the stack overflows.
//	     StartAccept is a loop. TestAcceptsInARowAreALoop
//	P2   ProcessReceive and ProcessSend call each other, with the same end.
//	     Both return whether the next operation is done; IOCompleted loops.
//	     TestAMillionSynchronousCompletionsDoNotGrowTheStack, TestSynchronousReceivesDoNotGrowTheStack
//	P3   The sample as it was mended later loses its accept op, and clears AcceptSocket once instead of each time.
//	     TestAcceptsInARowAreALoop
//	P4   The echo shortens the buffer to what was received, and nobody makes it whole again: after one byte the
//	     connection moves one byte at a time, and so does the next client with that op.
//	     TestTheWindowIsWholeAgainBeforeEachReceive
//	P5   A send that took only a part goes unnoticed.
//	     SendAsync completes when all is sent, or with an error. TestASlowReaderGetsEveryByte
//	P6   A failed accept is taken for a client. TestAListenerThatIsGoneEndsTheAccepts
//	     A lack of descriptors never gets here: the port waits it out. TestWithoutDescriptorsTheServerWaits
//	P7   The semaphore blocks the thread that is to notice that a client leaves.
//	     TestAtTheCapTheAcceptIsParkedAndNobodyElseWaits
//	P8   A connection closed from two sides gives its op and its permit back twice.
//	     TestClosingTwiceGivesBackOnce; ops.Pool panics when it gets more than it gave.
//	P9   An op goes back while the kernel still uses its buffer.
//	     A connection has one operation, and only its completion gives the op back. TestAnOpInFlightIsNobodyElses
//	P10  A start that throws inside a callback ends the process.
//	     A start on a closed or broken socket has a result like any other. TestAResetIsOneWayToLeave
//	P11  The pool or the buffers run out; a failed SetBuffer is not noticed; half of the memory is never used.
//	     A permit is given back after its op and taken before one, each op keeps its buffer, and Init counts.
//	     TestABurstOfClientsIsServed, TestStopWaitsForTheClients (Stop checks that all is back)
//	P12  The count of bytes has 32 bits. TestTheNumberOfBytesGoesBeyond32Bits
//	P13  A line is printed for every operation. TestNothingIsPrintedWhileServing
//	P14  The token keeps the socket of a client that left. TestATokenForgetsTheSocketOfAClientThatLeft
//	     No generation is needed beside that: an op in the pool has nothing in flight that could complete late.
//	P15  Closing with unread data resets the connection, and the end of the echo is lost.
//	     After the client's end of the stream everything was read. TestTheTailArrivesBeforeTheEndOfTheStream
//	P16  There is no way to stop. TestStopWaitsForTheClients, TestStopCutsOffThoseThatStay, TestStopEndsAParkedAccept
//	P17  A client who always has data waiting keeps the thread to itself.
//	     After PortConfig.SyncBudget calls that are done at once, the rest of a turn is pending.
//	     TestAChattyClientStarvesNobody
//	P18  Nobody looks at what xxxAsync returned. TestNoResultOfAStartIsIgnored
//	P19  Completed is subscribed to with every call, and then runs as often.
//	     Op.Completed is one function, set by NewPool: setting it again replaces it.
//	P20  One op serves a receive and a send at the same time.
//	     The echo is half duplex, and starting an op in flight panics. TestAnOpInFlightIsNobodyElses
//	P21  One accept at a time limits how many clients come in.
//	     The port accepts ahead of the one op (ListenConfig.AcceptAhead). TestABurstOfClientsIsServed
package main
