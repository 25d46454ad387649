package ops_test

import (
	"bytes"
	"net"
	"slices"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/ringport/ringport/ops"
)

// cut cuts data into pieces of the lengths, again and again.
func cut(data []byte, lengths ...int) (pieces [][]byte) {
	for i := 0; len(data) > 0; i++ {
		n := min(lengths[i%len(lengths)], len(data))
		pieces = append(pieces, data[:n:n])
		data = data[n:]
	}
	return pieces
}

// T-078, T-079, T-080: every combination of a single piece of memory and a list, over every transport.
func TestAStreamArrivesWholeWhateverItsPieces(t *testing.T) {
	const size = 123_456
	all := patterned(size)
	senders := map[string]func(*ops.Op, []byte){
		"single": func(op *ops.Op, b []byte) { op.SetBuffer(b) },
		"list":   func(op *ops.Op, b []byte) { op.SetBufferList(append(cut(b, 100, 1, 7), nil, []byte{})) },
	}
	receivers := map[string]func(*ops.Op){
		"single": func(op *ops.Op) { op.SetBuffer(make([]byte, 256)) },
		"list": func(op *ops.Op) {
			op.SetBufferList([][]byte{make([]byte, 1), nil, make([]byte, 100), make([]byte, 155)})
		},
		"kernel's": func(*ops.Op) {},
	}
	eachCouple(t, func(t *testing.T, _ *ops.Port, client, server *ops.Socket) {
		for from, prepareSend := range senders {
			for to, prepareReceive := range receivers {
				sender := newJob()
				sent := make(chan int, 1)
				go func() {
					n := 0
					for _, piece := range cut(all, 512) {
						prepareSend(sender.Op, piece)
						if client.SendAsync(sender.Op) {
							<-sender.completed
						}
						n += sender.BytesTransferred()
					}
					sent <- n
				}()
				var check streamCheck
				j := newJob()
				prepareReceive(j.Op)
				for check.position < size {
					j.run(t, server.ReceiveAsync)
					require.NoError(t, j.Err())
					require.NotZero(t, j.BytesTransferred())
					require.Zero(t, j.SocketFlags, "T-092: a stream's receive has no flags")
					check.take(received(j.Op))
				}
				check.require(t, size)
				require.Equal(t, size, await(t, sent), "%s to %s", from, to)
				require.NoError(t, j.Close())
			}
		}
	})
}

// received is what an op got, wherever it is.
func received(op *ops.Op) []byte {
	if op.BufferList() != nil {
		return bytes.Join(op.BufferList(), nil)[:op.BytesTransferred()]
	}
	return op.Bytes()
}

// T-081: receives complete in the order of their starts, each with what comes next.
func TestConcurrentReceivesGetTheBytesInTheirOrder(t *testing.T) {
	eachCouple(t, func(t *testing.T, p *ops.Port, client, server *ops.Socket) {
		for _, extra := range []int{0, 2} {
			all := jobs(3)
			for _, j := range all {
				j.SetBuffer(make([]byte, 1))
				j.pend(t, server.ReceiveAsync)
			}
			send(t, client, []byte{1, 2, 3, 4, 5}[:3+extra])
			for i, j := range all {
				require.NoError(t, j.wait(t).Err())
				require.Equal(t, []byte{byte(i + 1)}, j.Bytes())
			}
			require.Equal(t, []byte{4, 5}[:extra], append([]byte{}, receiveAll(t, server, extra)...))
		}
	})
}

// T-082, T-119: sends never interleave, and thousands of ops on both sides keep their order.
func TestThousandsOfOneByteOpsKeepTheirOrder(t *testing.T) {
	const count = 2048
	eachCouple(t, func(t *testing.T, p *ops.Port, client, server *ops.Socket) {
		sends, receives := jobs(count), jobs(count)
		data := patterned(count)
		onPort(t, p, func() {
			for i := range count {
				receives[i].SetBuffer(make([]byte, 1))
				server.ReceiveAsync(receives[i].Op)
				sends[i].SetBuffer(data[i : i+1])
				client.SendAsync(sends[i].Op)
			}
		})
		for i := range count {
			require.NoError(t, receives[i].wait(t).Err())
			require.Equal(t, data[i], receives[i].Bytes()[0], "byte %d", i)
			require.NoError(t, sends[i].wait(t).Err())
		}
	})
}

// T-083: whether the descriptor blocks, and whether it lingers, changes nothing for ops.
func TestBlockingAndLingerDoNotDisturbOps(t *testing.T) {
	for name, nonblocking := range map[string]bool{"blocking": false, "not blocking": true} {
		t.Run(name, func(t *testing.T) {
			eachCouple(t, func(t *testing.T, p *ops.Port, client, server *ops.Socket) {
				for _, s := range []*ops.Socket{client, server} {
					require.NoError(t, s.Control(func(fd uintptr) { _ = unix.SetNonblock(int(fd), nonblocking) }))
					require.NoError(t, s.SetLinger(patience))
				}
				j := newJob()
				j.SetBuffer(make([]byte, 4))
				j.pend(t, server.ReceiveAsync)
				turnBy(t, p)
				large := newJob()
				large.SetBuffer(patterned(4 << 20))
				large.pend(t, client.SendAsync)
				require.Equal(t, patterned(4), j.wait(t).Bytes())
				var check streamCheck
				check.take(append(patterned(4), receiveAll(t, server, 4<<20-4)...))
				check.require(t, 4<<20)
				require.NoError(t, large.wait(t).Err())
			})
		})
	}
}

// T-084, T-085, T-086: a receive of length zero waits for data and leaves it.
func TestAZeroLengthReceiveLeavesTheByteToTheNext(t *testing.T) {
	eachCouple(t, func(t *testing.T, p *ops.Port, client, server *ops.Socket) {
		for range 3 {
			for _, set := range []func(*ops.Op){
				func(op *ops.Op) { op.SetBuffer([]byte{}) },
				func(op *ops.Op) { op.SetBufferList([][]byte{nil, {}}) },
			} {
				zero := newJob()
				set(zero.Op)
				zero.pend(t, server.ReceiveAsync)
				turnBy(t, p)
				require.Empty(t, zero.completed)
				send(t, client, []byte{7})
				require.NoError(t, zero.wait(t).Err())
				require.Zero(t, zero.BytesTransferred())
				require.NoError(t, zero.run(t, server.ReceiveAsync).Err())
				require.Zero(t, zero.BytesTransferred())
				require.Equal(t, []byte{7}, receive(t, server, 1))
			}
		}
		require.NoError(t, client.Shutdown(ops.ShutdownSend))
		zero := newJob()
		zero.SetBuffer([]byte{})
		require.NoError(t, zero.run(t, server.ReceiveAsync).Err(), "the end of the stream ends it, too")
	})
}

// T-088: more pieces than the kernel takes are no error on a stream.
func TestAReceiveMayHaveMorePiecesThanTheKernelTakes(t *testing.T) {
	const pieces = 1200
	eachCouple(t, func(t *testing.T, p *ops.Port, client, server *ops.Socket) {
		j := newJob()
		j.SetBufferList(cut(make([]byte, pieces), 1))
		j.pend(t, server.ReceiveAsync)
		turnBy(t, p)
		send(t, client, patterned(pieces))
		require.NoError(t, j.wait(t).Err())
		n := j.BytesTransferred()
		require.GreaterOrEqual(t, n, 1)
		all := slices.Clone(received(j.Op))
		all = append(all, receiveAll(t, server, pieces-n)...)
		require.Equal(t, patterned(pieces), all)
	})
}

// 1.3.6, 1.3.7: a buffer may be longer than one request can count.
func TestABufferMayBeLongerThanARequestCanCount(t *testing.T) {
	const size = 4 << 30
	memory, err := unix.Mmap(-1, 0, size, unix.PROT_READ|unix.PROT_WRITE,
		unix.MAP_PRIVATE|unix.MAP_ANONYMOUS|unix.MAP_NORESERVE)
	require.NoError(t, err)
	t.Cleanup(func() { _ = unix.Munmap(memory) })
	eachCouple(t, func(t *testing.T, p *ops.Port, client, server *ops.Socket) {
		j := newJob()
		j.SetBuffer(memory)
		j.pend(t, server.ReceiveAsync)
		send(t, client, []byte("hello"))
		require.NoError(t, j.wait(t).Err())
		require.Equal(t, "hello"[:j.BytesTransferred()], string(j.Bytes()))
		j.pend(t, server.SendAsync)
		require.NotEmpty(t, receive(t, client, 1000))
		server.Cancel(j.Op)
		require.Equal(t, ops.OperationAborted, j.wait(t).SocketError())
		require.Greater(t, j.BytesTransferred(), 0)
	})
}

// T-082, T-087: lists of many pieces, sent by several ops at a time, arrive whole and in order.
func TestListsLongerThanOneMessageAreSentWhole(t *testing.T) {
	const pieces, senders = 5000, 4
	eachCouple(t, func(t *testing.T, p *ops.Port, client, server *ops.Socket) {
		data := patterned(pieces * 3 * senders)
		all := jobs(senders)
		onPort(t, p, func() {
			for i, j := range all {
				part := data[i*pieces*3 : (i+1)*pieces*3]
				j.SetBufferList(cut(part, 3))
				client.SendAsync(j.Op)
			}
		})
		require.True(t, bytes.Equal(data, receiveAll(t, server, len(data))))
		for _, j := range all {
			require.NoError(t, j.wait(t).Err())
			require.Equal(t, pieces*3, j.BytesTransferred())
		}
	})
}

// 1.3.6: the end of the stream is Success with 0 bytes, behind all data, and comes again.
func TestTheEndOfTheStreamIsSuccessWithoutBytes(t *testing.T) {
	eachCouple(t, func(t *testing.T, p *ops.Port, client, server *ops.Socket) {
		send(t, client, []byte("last"))
		require.NoError(t, client.Shutdown(ops.ShutdownSend))
		require.Equal(t, "last", string(receiveAll(t, server, 4)))
		for range 3 {
			require.Empty(t, receive(t, server, 10))
			j := newJob().run(t, server.ReceiveAsync) // into a buffer that the kernel picks
			require.NoError(t, j.Err())
			require.Empty(t, j.Bytes())
			require.NoError(t, j.Close())
		}
		send(t, server, []byte("the other direction is open"))
		require.Equal(t, "the other", string(receiveAll(t, client, 9)))
	})
}

// 1.3.6: several receives that wait all see the end.
func TestTheEndOfTheStreamCompletesAllThatWait(t *testing.T) {
	eachCouple(t, func(t *testing.T, p *ops.Port, client, server *ops.Socket) {
		all := jobs(5)
		for _, j := range all {
			j.SetBuffer(make([]byte, 4))
			j.pend(t, server.ReceiveAsync)
		}
		require.NoError(t, client.Close())
		for _, j := range all {
			require.NoError(t, j.wait(t).Err())
			require.Zero(t, j.BytesTransferred())
		}
	})
}

// 1.2: Peek is asked for each time anew; the flags are an output afterwards.
func TestSocketFlagsAreOverwrittenByTheCompletion(t *testing.T) {
	eachCouple(t, func(t *testing.T, p *ops.Port, client, server *ops.Socket) {
		j := newJob()
		j.SetBuffer(make([]byte, 4))
		j.SocketFlags = ops.Peek
		j.pend(t, server.ReceiveAsync)
		send(t, client, []byte("data"))
		require.NoError(t, j.wait(t).Err())
		require.Equal(t, "data"[:j.BytesTransferred()], string(j.Bytes()))
		require.Zero(t, j.SocketFlags)
		require.Equal(t, "data", string(receiveAll(t, server, 4)), "peeked, not taken")
		j.SocketFlags = ops.Truncated // a result that was left in the op
		j.pend(t, server.ReceiveAsync)
		send(t, client, []byte("more"))
		require.NoError(t, j.wait(t).Err())
		require.Zero(t, j.SocketFlags)
		require.Equal(t, "more"[:j.BytesTransferred()], string(j.Bytes()))
	})
}

// 1.3.6: peeking, taking and waiting without taking stand in one line.
func TestPeeksAndZeroLengthReceivesStandInLine(t *testing.T) {
	eachCouple(t, func(t *testing.T, p *ops.Port, client, server *ops.Socket) {
		take1, peek, zero, take2 := newJob(), newJob(), newJob(), newJob()
		take1.SetBuffer(make([]byte, 1))
		peek.SetBuffer(make([]byte, 1))
		peek.SocketFlags = ops.Peek
		zero.SetBuffer([]byte{})
		take2.SetBuffer(make([]byte, 1))
		for _, j := range []*job{take1, peek, zero, take2} {
			j.pend(t, server.ReceiveAsync)
		}
		send(t, client, []byte("ab"))
		require.Equal(t, "a", string(take1.wait(t).Bytes()))
		require.Equal(t, "b", string(peek.wait(t).Bytes()))
		require.Zero(t, zero.wait(t).BytesTransferred())
		require.Equal(t, "b", string(take2.wait(t).Bytes()))
	})
}

// OutOfBand, where Linux has it: TCP, and Unix streams of kernels that were built with it.
func TestOutOfBandDataOvertakesTheStream(t *testing.T) {
	for _, tr := range ipTransports() {
		for name, ahead := range map[string]int{"read-ahead": 0, "one by one": -1} {
			t.Run(tr.name+" "+name, func(t *testing.T) {
				p := newPort(t, ops.PortConfig{ReadAhead: ahead})
				client, server := couple(t, p, tr)
				none := newJob()
				none.SetBuffer(make([]byte, 1))
				none.SocketFlags = ops.OutOfBand
				require.Equal(t, ops.InvalidArgument, none.run(t, server.ReceiveAsync).SocketError())
				require.ErrorIs(t, none.Err(), syscall.EINVAL)

				send(t, client, []byte("normal"))
				urgent := newJob()
				urgent.SetBuffer([]byte("!"))
				urgent.SocketFlags = ops.OutOfBand
				require.NoError(t, urgent.run(t, client.SendAsync).Err())
				require.Equal(t, 1, urgent.BytesTransferred())
				require.Zero(t, urgent.SocketFlags)
				waitUrgent(t, server)

				j := newJob()
				j.SetBuffer(make([]byte, 1))
				j.SocketFlags = ops.OutOfBand
				require.NoError(t, j.run(t, server.ReceiveAsync).Err())
				require.Equal(t, "!", string(j.Bytes()))
				require.Equal(t, 1, j.BytesTransferred())
				require.Equal(t, "normal", string(receiveAll(t, server, 6)), "the stream is as it was")
				send(t, client, []byte("after"))
				require.Equal(t, "after", string(receiveAll(t, server, 5)))
			})
		}
	}
}

// waitUrgent waits until out-of-band data is there.
func waitUrgent(t testing.TB, s *ops.Socket) {
	t.Helper()
	require.NoError(t, s.Control(func(fd uintptr) {
		fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLPRI}}
		_, _ = unix.Poll(fds, int(patience.Milliseconds()))
	}))
}

// OutOfBand needs memory of the op's own, and a stream.
func TestOutOfBandIsRefusedWhereItMakesNoSense(t *testing.T) {
	p := newPort(t, ops.PortConfig{})
	_, s := pair(t, p)
	for name, set := range map[string]func(*ops.Op){
		"no buffer": func(*ops.Op) {},
		"a list":    func(op *ops.Op) { op.SetBufferList([][]byte{make([]byte, 1)}) },
		"multishot": func(op *ops.Op) { op.Multishot = true },
	} {
		t.Run(name, func(t *testing.T) {
			j := newJob()
			j.SocketFlags = ops.OutOfBand
			set(j.Op)
			require.ErrorIs(t, j.atOnce(t, s.ReceiveAsync).Err(), ops.ErrArgument)
		})
	}
	datagram := datagramSocket(t, p, ipTransports()[0])
	j := newJob()
	j.SetBuffer(make([]byte, 1))
	j.SocketFlags = ops.OutOfBand
	j.RemoteEndpoint = datagram.LocalEndpoint()
	require.Equal(t, ops.OperationNotSupported, j.run(t, datagram.SendToAsync).SocketError())
}

// T-097: on a connected stream the sender is the peer, and a send to an endpoint goes to the peer.
func TestReceiveFromAndSendToWorkOnAStream(t *testing.T) {
	for _, tr := range ipTransports() {
		t.Run(tr.name, func(t *testing.T) {
			p := newPort(t, ops.PortConfig{})
			client, server := couple(t, p, tr)
			j := newJob()
			j.SetBuffer([]byte("hello"))
			require.ErrorIs(t, j.atOnce(t, client.SendToAsync).Err(), ops.ErrArgument, "no endpoint")
			j.RemoteEndpoint = at(loopbackOf(tr), 9) // not looked at
			require.NoError(t, j.run(t, client.SendToAsync).Err())
			require.Equal(t, ops.SendTo, j.LastOperation())

			for _, start := range []func(*ops.Op) bool{server.ReceiveFromAsync, server.ReceiveMessageFromAsync} {
				r := newJob()
				r.SetBuffer(make([]byte, 1))
				require.NoError(t, r.run(t, start).Err())
				require.Equal(t, 1, r.BytesTransferred())
				require.Equal(t, client.LocalEndpoint(), r.RemoteEndpoint)
				require.Zero(t, r.SocketFlags)
			}
			require.Equal(t, "llo", string(receiveAll(t, server, 3)))
		})
	}
}

// 1.3.7: not connected, there is nobody to send to or to receive from.
func TestAStreamThatIsNotConnectedSaysSo(t *testing.T) {
	for _, tr := range transports() {
		p := newPort(t, ops.PortConfig{})
		s, err := p.NewSocket(tr.family, ops.Stream)
		require.NoError(t, err)
		t.Cleanup(func() { _ = s.Close() })
		starts := []func(*ops.Op) bool{s.SendAsync, s.ReceiveAsync, s.ReceiveFromAsync, s.ReceiveMessageFromAsync}
		for _, start := range starts {
			j := newJob()
			j.SetBuffer([]byte("x"))
			require.Equal(t, ops.NotConnected, j.atOnce(t, start).SocketError())
			require.ErrorIs(t, j.Err(), syscall.ENOTCONN)
		}
	}
}

// 1.3.7: after the peer is gone the first send may work; later ones are Shutdown or ConnectionReset.
func TestASendToAPeerThatIsGoneFails(t *testing.T) {
	eachCouple(t, func(t *testing.T, p *ops.Port, client, server *ops.Socket) {
		require.NoError(t, server.Close())
		gone := []ops.SocketError{ops.Shutdown, ops.ConnectionReset}
		j := newJob()
		j.SetBuffer(make([]byte, 1000))
		for range 10_000 {
			if j.run(t, client.SendAsync); j.SocketError() != ops.Success {
				break
			}
			require.Equal(t, 1000, j.BytesTransferred())
		}
		require.Contains(t, gone, j.SocketError())
		require.Zero(t, j.BytesTransferred())
		require.False(t, client.Connected())
		j.run(t, client.SendAsync)
		require.Contains(t, gone, j.SocketError(), "and stays so")
	})
}

// 1.2: both directions at once are two ops; one op for both is a programming error.
func TestOneOpCannotSendAndReceiveAtATime(t *testing.T) {
	eachCouple(t, func(t *testing.T, p *ops.Port, client, server *ops.Socket) {
		j := newJob()
		j.SetBuffer(make([]byte, 3))
		j.pend(t, server.ReceiveAsync)
		require.Panics(t, func() { server.SendAsync(j.Op) })
		require.Panics(t, func() { client.SendAsync(j.Op) })
		send(t, client, []byte("yes"))
		require.NoError(t, j.wait(t).Err(), "the first is unaffected")
		require.Equal(t, "yes"[:j.BytesTransferred()], string(j.Bytes()))
	})
}

// 2.2, T-155: an op that completes late does not keep the other direction waiting.
func TestBothDirectionsGoOnBesideEachOther(t *testing.T) {
	const size = 3 << 20
	eachCouple(t, func(t *testing.T, p *ops.Port, client, server *ops.Socket) {
		there, back := newJob(), newJob()
		there.SetBuffer(patterned(size))
		back.SetBuffer(patterned(size))
		there.pend(t, client.SendAsync)
		back.pend(t, server.SendAsync)
		var onServer, onClient streamCheck
		onServer.take(receiveAll(t, server, size))
		onClient.take(receiveAll(t, client, size))
		onServer.require(t, size)
		onClient.require(t, size)
		require.NoError(t, there.wait(t).Err())
		require.NoError(t, back.wait(t).Err())
	})
}

// 1.3.6: data that arrived before a reset may be lost, but the reset is reported.
func TestAResetIsConnectionReset(t *testing.T) {
	for name, ahead := range map[string]int{"read-ahead": 0, "one by one": -1} {
		t.Run(name, func(t *testing.T) {
			p := newPort(t, ops.PortConfig{ReadAhead: ahead})
			for _, wait := range []bool{true, false} {
				c, s := pair(t, p)
				j := newJob()
				j.SetBuffer(make([]byte, 10))
				if wait {
					j.pend(t, s.ReceiveAsync)
				}
				require.NoError(t, c.SetLinger(0))
				require.NoError(t, c.Close())
				if wait {
					j.wait(t)
				} else {
					j.run(t, s.ReceiveAsync)
				}
				require.Equal(t, ops.ConnectionReset, j.SocketError())
				require.ErrorIs(t, j.Err(), syscall.ECONNRESET)
				require.NotErrorIs(t, j.Err(), net.ErrClosed)
				require.Zero(t, j.BytesTransferred())
				require.False(t, s.Connected())
			}
		})
	}
}
