// Package ops is completion ports for Linux: sockets whose operations are started, carried out by the kernel through
// io_uring, and completed with a callback.
//
//   - A [Port] is one ring and the goroutine that owns it, locked to its thread.
//   - A [Socket] belongs to a port: TCP, UDP or Unix, stream or datagram.
//   - An [Op] is the reusable context of one operation: what it is to do, on its way out; what became of it, on its
//     way back. It mirrors .NET's SocketAsyncEventArgs, member by member; the tables below say where each one is.
//
// A start, such as [Socket.ReceiveAsync], returns pending. true: the operation goes on, and Op.Completed will run,
// once. false: it is over already, the result is in the op, and Completed will not run. Exactly one of the two happens.
//
// # The pattern
//
//  1. Make an op, or take one from a [Pool].
//  2. Set what the operation needs: Completed, the buffer, an endpoint, flags, a token of your own.
//  3. Start it on a socket: AcceptAsync, ConnectAsync, ReceiveAsync, SendAsync and so on.
//  4. pending == true: look at the result in Completed.
//  5. pending == false: look at the result now. Completed does not run.
//  6. Use the op again, put it back into the pool, or drop it.
//
// Steps 4 and 5 lead to the same code, and that code usually starts the next operation, which may be over at once as
// well. So it is a loop that ends when something is pending; functions that call each other grow the stack with each
// operation that is over at once.
//
// # A first program
//
// An echo server. serve is both the Completed of a client's op and the loop:
//
//	func main() {
//		port, err := ops.NewPort(ops.PortConfig{})
//		if err != nil {
//			log.Fatal(err) // says why there is no io_uring here, and what to do
//		}
//		local := ops.IPEndpoint(netip.MustParseAddrPort("127.0.0.1:7007"))
//		listener, err := port.Listen(local, ops.ListenConfig{})
//		if err != nil {
//			log.Fatal(err)
//		}
//		if op := ops.NewOp(accept); !listener.AcceptAsync(op) {
//			accept(op)
//		}
//		<-port.Done()
//	}
//
//	func accept(op *ops.Op) {
//		for op.Err() == nil {
//			client := ops.NewOp(serve)
//			client.UserToken = make([]byte, 4096)
//			client.SetBuffer(client.UserToken.([]byte))
//			if !op.AcceptSocket.ReceiveAsync(client) {
//				serve(client)
//			}
//			op.AcceptSocket = nil // or the next accept would go into it
//			if op.Socket().AcceptAsync(op) {
//				return
//			}
//		}
//	}
//
//	func serve(op *ops.Op) {
//		for pending := false; !pending; {
//			socket, buffer := op.Socket(), op.UserToken.([]byte)
//			received := op.LastOperation() == ops.Receive
//			switch {
//			case op.Err() != nil, received && op.BytesTransferred() == 0: // failed, or the client has left
//				_ = socket.Close()
//				return
//			case received:
//				op.SetBuffer(buffer[:op.BytesTransferred()])
//				pending = socket.SendAsync(op)
//			default:
//				op.SetBuffer(buffer) // all of it again, or receives would only ever get shorter
//				pending = socket.ReceiveAsync(op)
//			}
//		}
//	}
//
// examples/saea is .NET's sample server, with pool, buffer manager, limit and shutdown, for comparison line by line.
//
// # Where pending == false comes from
//
// On Windows and with epoll an operation is over at once when a system call on the spot succeeds. Here the kernel works
// ahead of demand, so that the result is often there before anybody asks, and no system call is made at all:
//
//   - Read-ahead. From its first ReceiveAsync on, a stream socket keeps one receive armed. What arrives while nobody
//     asks waits in the socket, up to PortConfig.ReadAhead bytes; then TCP's window holds the peer back. A ReceiveAsync
//     that finds data, the end of the stream or an error there is over at once. Negative turns it off: each
//     ReceiveAsync is then one request, straight into the op's buffer.
//   - Accept-ahead. The same for a listener, up to ListenConfig.AcceptAhead connections, from the first AcceptAsync on.
//   - Try-send, with PortConfig.TrySend. When the port sleeps, SendAsync calls the kernel itself: waking the port would
//     cost more. What the socket does not take is pending. Otherwise a send is pending; all that are started on a
//     socket in one turn leave together, as one request.
//   - Known at once. Whatever the socket's state decides: closed, not connected, refused arguments (see Misuse); sends
//     of nothing on a stream; datagram connects; a disconnect with nothing queued or armed.
//   - The budget. After PortConfig.SyncBudget (64) such calls in one turn the rest of them are pending and complete in
//     the next turn, so that one socket with endless data does not starve the others. What is refused is refused at
//     once all the same.
//
// # Threads
//
// Every method of Port, Socket, [Timer], Pool and [BufferManager] may be called from any goroutine, but for [Port.Now],
// which is for the port's own. Completed, timers and the functions of [Port.Post] run on the port's goroutine, one after
// the other, never inside one another, and never on the stack of a start. They must not block: nothing else on that port
// moves meanwhile. Work that takes long goes to another goroutine, and comes back with Port.Post. A panic in them is not
// recovered.
//
// An op is whoever's turn it is: the starter's until the start, the port's while it is in flight, the handler's in
// Completed. It is idle again when Completed begins, so the handler may start it at once. [Op.Close] may be called from
// any goroutine. A program that wants more than one thread's worth of sockets makes one port per core, each with a
// listener of its own (ListenConfig.ReusePort).
//
// Operations of one direction on one stream socket are carried out in the order of their starts: several ops may wait
// for data, and sends never interleave. A receive and a send go on side by side, with one op each.
//
// # Lifetimes
//
//   - An op in flight is kept reachable by its port; the program need not keep it.
//   - Memory given with [Op.SetBuffer] or [Op.SetBufferList] is the kernel's while the op is in flight: do not write to
//     it, read what a receive fills, give it to another op or unmap it. The library never changes which bytes a buffer
//     is: a slice is buffer, offset and count in one, and after a short receive it is as long as before.
//   - Without a buffer a receive gets one that the kernel picked from the port's. [Op.Bytes] shows it until the op is
//     started again. The same op may send it, with SetBuffer(op.Bytes()): the memory stays until the op's next receive,
//     accept or disconnect. To keep it longer take it over with [Op.TakeBuffer] and release it later. An op that is
//     dropped while it holds one should be closed, or go back to its pool.
//   - A Multishot op stays in flight while [Op.More] is true; its Bytes are valid until Completed returns.
//   - Closing a socket cancels what is in flight on it; each op still completes, once, with [OperationAborted], and the
//     descriptor is closed after the last of them. [Port.Close] does so with every socket, and returns after the last
//     completion. Leased buffers stay valid beyond it, until they are released.
//   - [Socket.Cancel] ends one op and leaves the socket as it is. Whatever the kernel had moved by then is in
//     BytesTransferred.
//
// There are no timeouts for single operations, as with SocketAsyncEventArgs: start a Timer ([Port.NewTimer]) and
// cancel.
//
// # Misuse
//
// Starting an op in flight, setting its buffers, putting it into a pool, or passing nil for it panics: it is another
// operation's memory. Everything else is a result: pending is false and [Op.Err] says what is wrong, with
// [ErrArgument], [ErrState], [ErrUnsupported] or net.ErrClosed to be found by errors.Is. The op and the socket stay
// usable.
//
// # From SocketAsyncEventArgs
//
// Every member of the class, and where it is.
//
//	SocketAsyncEventArgs()           NewOp, NewPool; the zero Op will do
//	SocketAsyncEventArgs(bool)       none: the flag is about ExecutionContext, which Go does not have
//	AcceptSocket                     Op.AcceptSocket. Set it to nil before each accept; a fresh socket of
//	                                 NewSocket is accepted into
//	Buffer                           Op.Buffer
//	BufferList                       Op.SetBufferList, Op.BufferList. The list is copied when it is set
//	BytesTransferred                 Op.BytesTransferred. Exact, also after a failure
//	ConnectByNameError               Op.ConnectByNameError
//	ConnectSocket                    Op.ConnectSocket
//	Count                            len(op.Buffer()): a slice is buffer, offset and count in one
//	DisconnectReuseSocket            Op.DisconnectReuseSocket
//	LastOperation                    Op.LastOperation
//	MemoryBuffer                     Op.Buffer: one kind of slice does for arrays and Memory
//	Offset                           none: part of the slice
//	ReceiveMessageFromPacketInfo     Op.ReceiveMessageFromPacketInfo
//	RemoteEndPoint                   Op.RemoteEndpoint. Receives only write it
//	SendPacketsElements              Op.SetSendPacketsElements, Op.SendPacketsElements
//	SendPacketsFlags                 Op.SendPacketsFlags
//	SendPacketsSendSize              Op.SendPacketsSendSize. Kept and not used, as by .NET on Unix
//	SocketClientAccessPolicyProtocol none: it is Silverlight's, and gone from .NET
//	SocketError                      Op.SocketError to read, Op.Err as a Go error. Nobody needs to set it: the
//	                                 next start overwrites it
//	SocketFlags                      Op.SocketFlags. Asks before the start, answers after it: set it each time
//	UserToken                        Op.UserToken
//	Completed                        Op.Completed, a field with one function. There is no list to subscribe
//	                                 to twice; a function that calls two others is written out. The sender
//	                                 argument is Op.Socket
//	OnCompleted                      none: there are no subclasses; put another function into Completed
//	Dispose                          Op.Close. Deferred to the completion while in flight
//	Finalize, Dispose(bool)          none: an op holds nothing but, after some receives, a leased buffer
//	SetBuffer(Byte[], Int32, Int32)  op.SetBuffer(b[offset:offset+count])
//	SetBuffer(Int32, Int32)          the same, with a slice that the program keeps
//	SetBuffer(Memory<Byte>)          op.SetBuffer(b). nil clears; empty but not nil is a length of zero
//	EventArgs.Empty                  none: nobody raises events of nothing
//	Equals, ReferenceEquals          ==, of pointers
//	GetHashCode                      none: a *Op may be the key of a map
//	GetType                          none: there is one type
//	MemberwiseClone                  none: an op must not be copied, and go vet says so
//	ToString                         Op.LastOperation, Op.SocketError and Op.Err print well
//
// What an Op has beyond that: [Op.Bytes] and [Op.TakeBuffer] for buffers that the kernel picks, Multishot and [Op.More]
// for operations that complete many times, DontWait for sends that take what the socket takes at once,
// [Op.SetSource] for the address that a datagram leaves from.
//
// # From Socket
//
// Every xxxAsync of Socket that takes SocketAsyncEventArgs:
//
//	AcceptAsync                      Socket.AcceptAsync
//	ConnectAsync                     Socket.ConnectAsync
//	ConnectAsync(SocketType, ...)    Port.ConnectAsync, for stream sockets; for others NewSocket and ConnectAsync
//	ConnectAsync(..., ConnectAlgorithm) the same: names are always tried in parallel, as RFC 8305 says
//	CancelConnectAsync               Port.CancelConnectAsync
//	DisconnectAsync                  Socket.DisconnectAsync. Pending while something is queued or armed
//	ReceiveAsync                     Socket.ReceiveAsync
//	ReceiveFromAsync                 Socket.ReceiveFromAsync
//	ReceiveMessageFromAsync          Socket.ReceiveMessageFromAsync
//	SendAsync                        Socket.SendAsync. All or an error, as there
//	SendPacketsAsync                 Socket.SendPacketsAsync. Completes like any other, never on the caller's stack
//	SendToAsync                      Socket.SendToAsync
//
// The overloads that return Task or ValueTask, which take buffers, endpoints and a CancellationToken instead, have no
// counterpart by themselves: a promise for each operation is what this pattern avoids. A callback that sends on a
// channel is one, and Socket.Cancel, called by context.AfterFunc, is the token.
//
//	AcceptAsync(), AcceptAsync(Socket), AcceptAsync(CancellationToken), AcceptAsync(Socket, CancellationToken)
//	ConnectAsync(EndPoint), (IPAddress, Int32), (IPAddress[], Int32), (String, Int32), each also with a token
//	DisconnectAsync(Boolean, CancellationToken)
//	ReceiveAsync, SendAsync of ArraySegment, IList and Memory, with and without SocketFlags and token
//	ReceiveFromAsync, ReceiveMessageFromAsync, SendToAsync of the same; those of SocketAddress, too: an
//	                                 Endpoint is a plain value already
//	SendFileAsync                    Socket.SendPacketsAsync with ElementFile or ElementOSFile
//
// Begin and End (APM) are package ops/apm. The rest of Socket, in short:
//
//	new Socket(family, type, ...)    Port.NewSocket; new Socket(SafeSocketHandle): Port.Associate
//	Bind, Listen, Shutdown, Close    the same; Port.Listen does all that a listener needs. Close(timeout):
//	                                 SetLinger and Close
//	LocalEndPoint, RemoteEndPoint    LocalEndpoint, RemoteEndpoint
//	Connected, AddressFamily         Connected, Family
//	NoDelay, DualMode, LingerState   SetNoDelay, SetDualMode, SetLinger; also SetReuseAddress, SetReusePort,
//	EnableBroadcast, Ttl and others  SetBroadcast, SetTTL, SetTrafficClass, SetKeepAlive, SetReceiveBuffer, SetSendBuffer
//	SetSocketOption, IOControl       Socket.Control
//	SafeHandle, DuplicateAndClose    Socket.Detach gives the descriptor away
//	Accept, Receive, Send ...        none: nothing here blocks. Package net does that well
//	IPEndPoint, DnsEndPoint          IPEndpoint, DNSEndpoint
//	UnixDomainSocketEndPoint         UnixEndpoint
//	IPPacketInformation              PacketInfo
//	SendPacketsElement               ElementMemory, ElementFile, ElementOSFile
//	PostQueuedCompletionStatus       Port.Post
//	CancelIoEx                       Socket.Cancel
//	CreateIoCompletionPort           NewPort, Port.Associate
//
// # Enumerations
//
// Numbers and names are .NET's; only Family has numbers of its own.
//
//	SocketError           SocketError. -1, which .NET calls SocketError too, is Unspecified. SocketErrorOf turns an
//	                      errno into one, SocketError.Errno back; ECANCELED and EBADF are OperationAborted,
//	                      ENOENT is AddressNotAvailable, EPIPE is Shutdown. ENOBUFS of the ring, EMFILE and
//	                      ENFILE of an accept are waited out inside and never seen
//	SocketAsyncOperation  Operation: None, Accept, Connect, Disconnect, Receive, ReceiveFrom, ReceiveMessageFrom,
//	                      Send, SendPackets, SendTo
//	SocketFlags           SocketFlags: OutOfBand, Peek, DontRoute; Truncated and ControlDataTruncated as answers.
//	                      Broadcast, Multicast and Partial have no meaning on Linux and are refused as unsupported
//	TransmitFileOptions   SendPacketsFlags: Disconnect is SendPacketsDisconnect, ReuseSocket is
//	                      SendPacketsReuseSocket, UseDefaultWorkerThread is 0. WriteBehind, UseSystemThread and
//	                      UseKernelApc choose threads of Windows and are left out
//	SocketShutdown        ShutdownHow: ShutdownReceive, ShutdownSend, ShutdownBoth
//	AddressFamily         Family: FamilyIPv4 (InterNetwork), FamilyIPv6 (InterNetworkV6), FamilyUnix (Unix)
//	SocketType            SocketType: Stream, Dgram. ProtocolType follows from family and type
//	ConnectAlgorithm      none: always Parallel
//
// # Where it differs
//
// Misuse that throws in .NET panics or is a result here (see Misuse). Completed runs on the port's goroutine instead of
// a pool's thread, as with DOTNET_SYSTEM_NET_SOCKETS_INLINE_COMPLETIONS. A receive without a buffer takes one that the
// kernel picks; .NET's wait for data, without a buffer, is an empty buffer here: op.SetBuffer([]byte{}). A
// ReceiveFromAsync needs no endpoint to start. Accepting with a buffer for the first data is unsupported, as by .NET on
// Unix.
//
// # Kernels
//
// A port needs Linux 5.19: buffer rings and multishot accept. Full speed is 6.1. What is there is found out by trying
// it once, not by version numbers, and [Port.Features] tells:
//
//	5.19  the least
//	6.0   multishot receive: one request receives until the stream ends. Without it each receive is a request
//	6.1   completions that interrupt nobody (DEFER_TASKRUN)
//	6.6   a smaller submission queue (NO_SQARRAY)
//	6.18  read-ahead that ends at an exact number of bytes; before, it is cancelled when enough is there
//
// [NewPort] fails with *uring.SetupError where io_uring is refused, and the error names the cause: the sysctl
// kernel.io_uring_disabled, a seccomp profile (Docker's default has no io_uring), RLIMIT_MEMLOCK, or the kernel's age.
//
// Linux resets a connection, and throws away what the peer has not read yet, when it is closed with unread data or when
// data arrives afterwards. To lose nothing: Shutdown(ShutdownSend), receive until the end of the stream, then Close.
// Package server does that.
package ops
