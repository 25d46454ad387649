package ops_test

import (
	"net/netip"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/ringport/ringport/ops"
)

// eachDatagramPair runs a test on two bound datagram sockets of one port, over each transport.
func eachDatagramPair(t *testing.T, test func(t *testing.T, p *ops.Port, from, to *ops.Socket)) {
	for _, tr := range transports() {
		t.Run(tr.name, func(t *testing.T) {
			p := newPort(t, ops.PortConfig{})
			test(t, p, datagramSocket(t, p, tr), datagramSocket(t, p, tr))
		})
	}
}

// multishot gives an op that keeps what each of its completions brought.
type multishot struct {
	*ops.Op
	mu       sync.Mutex
	got      []datagram
	arrived  chan struct{} // one for each completion
	finished chan struct{}
}

// datagram is what one completion of a receive told.
type datagram struct {
	data   []byte
	bytes  int
	from   ops.Endpoint
	packet ops.PacketInfo
	flags  ops.SocketFlags
	err    ops.SocketError
}

func newMultishot() *multishot {
	m := &multishot{arrived: make(chan struct{}, 1<<16), finished: make(chan struct{})}
	m.Op = ops.NewOp(func(op *ops.Op) {
		m.mu.Lock()
		m.got = append(m.got, datagramOf(op))
		m.mu.Unlock()
		m.arrived <- struct{}{}
		if !op.More() {
			close(m.finished)
		}
	})
	m.Multishot = true
	return m
}

func datagramOf(op *ops.Op) datagram {
	return datagram{
		slices.Clone(op.Bytes()), op.BytesTransferred(), op.RemoteEndpoint, op.ReceiveMessageFromPacketInfo(),
		op.SocketFlags, op.SocketError(),
	}
}

// next waits for one completion more and gives it; i counts from 0.
func (m *multishot) next(t testing.TB, i int) datagram {
	t.Helper()
	await(t, m.arrived)
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.got[i]
}

// stop cancels the op and waits for its last completion.
func (m *multishot) stop(t testing.TB, s *ops.Socket) {
	t.Helper()
	s.Cancel(m.Op)
	await(t, m.finished)
	require.Equal(t, ops.OperationAborted, m.SocketError())
	require.NoError(t, m.Close())
}

// T-097: into a buffer with a beginning that is not to be touched, again and again.
func TestDatagramsArriveWithTheirSender(t *testing.T) {
	eachDatagramPair(t, func(t *testing.T, p *ops.Port, from, to *ops.Socket) {
		whole := make([]byte, 10+256)
		copy(whole, "untouched!")
		j := newJob()
		j.SetBuffer(whole[10:])
		for i := range 16 {
			j.RemoteEndpoint = ops.Endpoint{}
			if i%2 == 0 {
				j.pend(t, to.ReceiveFromAsync)
				turnBy(t, p)
			}
			data := patterned(256 - i)
			sendTo(t, from, to.LocalEndpoint(), data)
			if i%2 == 0 {
				j.wait(t)
			} else {
				j.run(t, to.ReceiveFromAsync)
			}
			require.NoError(t, j.Err())
			require.Equal(t, ops.ReceiveFrom, j.LastOperation())
			require.Equal(t, data, j.Bytes())
			require.Equal(t, from.LocalEndpoint(), j.RemoteEndpoint)
			require.Zero(t, j.SocketFlags)
			require.Equal(t, "untouched!", string(whole[:10]))
		}
	})
}

// 6.2: without memory of the op's own the kernel picks, and into a list the datagram is scattered.
func TestADatagramGoesWhereTheOpSays(t *testing.T) {
	eachDatagramPair(t, func(t *testing.T, p *ops.Port, from, to *ops.Socket) {
		for name, set := range map[string]func(*ops.Op){
			"the kernel's buffer": func(*ops.Op) {},
			"a buffer":            func(op *ops.Op) { op.SetBuffer(make([]byte, 100)) },
			"a list":              func(op *ops.Op) { op.SetBufferList(cut(make([]byte, 20), 3, 1, 7)) },
			"a long list":         func(op *ops.Op) { op.SetBufferList(cut(make([]byte, 1500), 1)) },
		} {
			j := newJob()
			set(j.Op)
			sendTo(t, from, to.LocalEndpoint(), []byte("some words"))
			require.NoError(t, j.run(t, to.ReceiveFromAsync).Err(), name)
			require.Equal(t, 10, j.BytesTransferred(), name)
			require.Equal(t, "some words", string(received(j.Op)), name)
			require.Equal(t, from.LocalEndpoint(), j.RemoteEndpoint, name)
			require.NoError(t, j.Close())
		}
	})
}

// T-092: what does not fit is cut off, and told.
func TestADatagramThatDoesNotFitIsTruncated(t *testing.T) {
	for _, tr := range transports() {
		t.Run(tr.name, func(t *testing.T) {
			p := newPort(t, ops.PortConfig{BufferSize: 1024})
			from, to := datagramSocket(t, p, tr), datagramSocket(t, p, tr)
			tests := map[string]struct {
				set  func(*ops.Op)
				want int
			}{
				"a buffer":            {func(op *ops.Op) { op.SetBuffer(make([]byte, 100)) }, 100},
				"a list":              {func(op *ops.Op) { op.SetBufferList(cut(make([]byte, 90), 7)) }, 90},
				"a long list":         {func(op *ops.Op) { op.SetBufferList(cut(make([]byte, 1200), 1)) }, 1200},
				"the kernel's buffer": {func(*ops.Op) {}, 1024},
			}
			for name, test := range tests {
				for _, start := range []func(*ops.Op) bool{to.ReceiveFromAsync, to.ReceiveMessageFromAsync, to.ReceiveAsync} {
					j := newJob()
					test.set(j.Op)
					sendTo(t, from, to.LocalEndpoint(), patterned(2000))
					require.NoError(t, j.run(t, start).Err(), name)
					require.Equal(t, test.want, j.BytesTransferred(), name)
					require.Equal(t, patterned(test.want), received(j.Op), name)
					require.Equal(t, ops.Truncated, j.SocketFlags, name)
					sendTo(t, from, to.LocalEndpoint(), []byte("fits"))
					require.NoError(t, j.run(t, start).Err())
					require.Equal(t, "fits", string(received(j.Op)), "the rest is gone, and the flag with it")
					require.Zero(t, j.SocketFlags)
					require.NoError(t, j.Close())
				}
			}
			m := newMultishot()
			require.True(t, to.ReceiveFromAsync(m.Op))
			sendTo(t, from, to.LocalEndpoint(), patterned(2000))
			sendTo(t, from, to.LocalEndpoint(), []byte("fits"))
			long, fits := m.next(t, 0), m.next(t, 1)
			require.Equal(t, ops.Truncated, long.flags)
			require.Len(t, long.data, long.bytes)
			require.Greater(t, long.bytes, 512, "the sender stands in the same buffer")
			require.Equal(t, patterned(long.bytes), long.data)
			require.Equal(t, "fits", string(fits.data))
			require.Zero(t, fits.flags)
			m.stop(t, to)
		})
	}
}

// Zero-length datagrams are messages like any other, and end nothing.
func TestAnEmptyDatagramIsADatagram(t *testing.T) {
	eachDatagramPair(t, func(t *testing.T, p *ops.Port, from, to *ops.Socket) {
		for name, set := range map[string]func(*ops.Op){
			"the kernel's buffer": func(*ops.Op) {},
			"a buffer":            func(op *ops.Op) { op.SetBuffer(make([]byte, 100)) },
			"a list":              func(op *ops.Op) { op.SetBufferList(cut(make([]byte, 20), 3)) },
		} {
			for _, start := range []func(*ops.Op) bool{to.ReceiveFromAsync, to.ReceiveMessageFromAsync, to.ReceiveAsync} {
				j := newJob()
				set(j.Op)
				j.pend(t, start)
				turnBy(t, p)
				sendTo(t, from, to.LocalEndpoint(), nil)
				require.NoError(t, j.wait(t).Err(), name)
				require.Zero(t, j.BytesTransferred())
				require.Empty(t, j.Bytes())
				if j.LastOperation() != ops.Receive {
					require.Equal(t, from.LocalEndpoint(), j.RemoteEndpoint)
				}
				sendTo(t, from, to.LocalEndpoint(), []byte("next"))
				require.NoError(t, j.run(t, start).Err())
				require.Equal(t, "next", string(received(j.Op)), name)
				require.NoError(t, j.Close())
			}
		}
	})
}

// 1.3.7: a send of length zero is an empty datagram, also on a connected socket, and from a list.
func TestASendOfNothingIsAnEmptyDatagram(t *testing.T) {
	eachDatagramPair(t, func(t *testing.T, p *ops.Port, from, to *ops.Socket) {
		connect := newJob()
		connect.RemoteEndpoint = to.LocalEndpoint()
		require.NoError(t, connect.run(t, from.ConnectAsync).Err())
		for _, set := range []func(*ops.Op){
			func(*ops.Op) {},
			func(op *ops.Op) { op.SetBuffer([]byte{}) },
			func(op *ops.Op) { op.SetBufferList([][]byte{nil, {}}) },
		} {
			j := newJob()
			set(j.Op)
			require.NoError(t, j.run(t, from.SendAsync).Err())
			require.Zero(t, j.BytesTransferred())
			r := newJob()
			r.SetBuffer(make([]byte, 10))
			require.NoError(t, r.run(t, to.ReceiveFromAsync).Err())
			require.Zero(t, r.BytesTransferred())
			require.Equal(t, from.LocalEndpoint(), r.RemoteEndpoint)
		}
	})
}

// 6.3: a receive of length zero, and a peek, leave the datagram.
func TestAZeroLengthReceiveAndAPeekLeaveTheDatagram(t *testing.T) {
	eachDatagramPair(t, func(t *testing.T, p *ops.Port, from, to *ops.Socket) {
		for _, start := range []func(*ops.Op) bool{to.ReceiveAsync, to.ReceiveFromAsync, to.ReceiveMessageFromAsync} {
			zero, zeroList, peek, take := newJob(), newJob(), newJob(), newJob()
			zero.SetBuffer([]byte{})
			zeroList.SetBufferList([][]byte{{}, nil})
			peek.SetBuffer(make([]byte, 3))
			peek.SocketFlags = ops.Peek
			take.SetBuffer(make([]byte, 10))
			all := []*job{zero, peek, zeroList, take}
			for _, j := range all {
				j.pend(t, start)
			}
			turnBy(t, p)
			sendTo(t, from, to.LocalEndpoint(), []byte("stays"))
			for _, j := range all {
				require.NoError(t, j.wait(t).Err())
			}
			require.Zero(t, zero.BytesTransferred()+zeroList.BytesTransferred())
			require.Zero(t, zero.SocketFlags|zeroList.SocketFlags)
			require.Equal(t, "sta", string(peek.Bytes()))
			require.Equal(t, ops.Truncated, peek.SocketFlags)
			require.Equal(t, "stays", string(take.Bytes()))
		}
	})
}

// 6.3: an empty datagram wakes a receive of length zero, and is still there.
func TestAZeroLengthReceiveLeavesAnEmptyDatagram(t *testing.T) {
	eachDatagramPair(t, func(t *testing.T, p *ops.Port, from, to *ops.Socket) {
		zero := newJob()
		zero.SetBuffer([]byte{})
		zero.pend(t, to.ReceiveFromAsync)
		sendTo(t, from, to.LocalEndpoint(), nil)
		sendTo(t, from, to.LocalEndpoint(), []byte("second"))
		require.NoError(t, zero.wait(t).Err())
		j := newJob()
		j.SetBuffer(make([]byte, 10))
		require.Zero(t, j.run(t, to.ReceiveFromAsync).BytesTransferred())
		require.Equal(t, "second", string(j.run(t, to.ReceiveFromAsync).Bytes()))
	})
}

// refusing gives a connected UDP socket whose peer's port is closed, so that every datagram is refused.
func refusing(t *testing.T, p *ops.Port, tr transport) (s *ops.Socket, peer ops.Endpoint) {
	t.Helper()
	gone := datagramSocket(t, p, tr)
	peer = gone.LocalEndpoint()
	s = unboundSocket(t, p, tr.family)
	connect := newJob()
	connect.RemoteEndpoint = peer
	require.NoError(t, connect.run(t, s.ConnectAsync).Err())
	require.NoError(t, gone.Close())
	waitStats(t, p, "its port is closed", func(s ops.Stats) bool { return s.Sockets == 1 })
	return s, peer
}

// A refusal by ICMP is told, and reception goes on.
func TestARefusedDatagramDoesNotEndReception(t *testing.T) {
	for _, tr := range ipTransports() {
		for name, set := range map[string]func(*ops.Op){
			"the kernel's buffer": func(*ops.Op) {},
			"a buffer":            func(op *ops.Op) { op.SetBuffer(make([]byte, 100)) },
			"zero length":         func(op *ops.Op) { op.SetBuffer([]byte{}) },
		} {
			t.Run(tr.name+" "+name, func(t *testing.T) {
				p := newPort(t, ops.PortConfig{})
				s, peer := refusing(t, p, tr)
				first, second := newJob(), newJob()
				set(first.Op)
				second.SetBuffer(make([]byte, 100))
				first.pend(t, s.ReceiveFromAsync)
				second.pend(t, s.ReceiveFromAsync)
				turnBy(t, p)
				send(t, s, []byte("into the void"))
				require.Equal(t, ops.ConnectionRefused, first.wait(t).SocketError())
				require.ErrorIs(t, first.Err(), syscall.ECONNREFUSED)
				require.Zero(t, first.BytesTransferred())
				require.True(t, s.Connected())

				back := unboundSocket(t, p, tr.family)
				require.NoError(t, back.Bind(peer))
				sendTo(t, back, s.LocalEndpoint(), []byte("here again"))
				require.NoError(t, second.wait(t).Err())
				require.Equal(t, "here again", string(second.Bytes()))
				require.NoError(t, first.Close())
			})
		}
	}
}

// A refused or empty datagram never ends reception, also not that of a Multishot op.
func TestNothingThatArrivesEndsAMultishotReceive(t *testing.T) {
	for _, tr := range ipTransports() {
		t.Run(tr.name, func(t *testing.T) {
			p := newPort(t, ops.PortConfig{})
			s, peer := refusing(t, p, tr)
			m := newMultishot()
			require.True(t, s.ReceiveFromAsync(m.Op))
			const rounds = 20
			for i := range rounds {
				send(t, s, []byte("into the void"))
				refused := m.next(t, 3*i)
				require.Equal(t, ops.ConnectionRefused, refused.err)
				require.Zero(t, refused.bytes)
				require.Empty(t, refused.data)

				back := unboundSocket(t, p, tr.family)
				require.NoError(t, back.Bind(peer))
				sendTo(t, back, s.LocalEndpoint(), nil)
				empty := m.next(t, 3*i+1)
				require.Equal(t, ops.Success, empty.err)
				require.Zero(t, empty.bytes)
				require.Equal(t, peer, empty.from)

				sendTo(t, back, s.LocalEndpoint(), []byte("data"))
				full := m.next(t, 3*i+2)
				require.Equal(t, ops.Success, full.err)
				require.Equal(t, "data", string(full.data))
				require.Equal(t, peer, full.from)
				require.NoError(t, back.Close())
				waitStats(t, p, "its port is closed", func(s ops.Stats) bool { return s.Sockets == 1 })
			}
			m.stop(t, s)
		})
	}
}

// A datagram of nearly 64 KiB, the largest there is, arrives whole.
func TestTheLargestDatagramArrivesWhole(t *testing.T) {
	const largest = 65507 // 65535 less the headers of IPv4 and UDP
	for _, tr := range transports() {
		t.Run(tr.name, func(t *testing.T) {
			p := newPort(t, ops.PortConfig{BufferSize: 68 << 10})
			from, to := datagramSocket(t, p, tr), datagramSocket(t, p, tr)
			for name, set := range map[string]func(*ops.Op){
				"the kernel's buffer": func(*ops.Op) {},
				"a buffer":            func(op *ops.Op) { op.SetBuffer(make([]byte, largest)) },
				"a list":              func(op *ops.Op) { op.SetBufferList(cut(make([]byte, largest+100), 1000)) },
				"a long list":         func(op *ops.Op) { op.SetBufferList(cut(make([]byte, largest+100), 10)) },
			} {
				j := newJob()
				set(j.Op)
				sendTo(t, from, to.LocalEndpoint(), patterned(largest))
				require.NoError(t, j.run(t, to.ReceiveFromAsync).Err())
				require.Equal(t, largest, j.BytesTransferred(), name)
				require.Equal(t, patterned(largest), received(j.Op), name)
				require.Zero(t, j.SocketFlags, name)
				require.NoError(t, j.Close())
			}
			m := newMultishot()
			require.True(t, to.ReceiveFromAsync(m.Op))
			for i := range 10 {
				sendTo(t, from, to.LocalEndpoint(), patterned(largest-i))
				require.Equal(t, patterned(largest-i), m.next(t, i).data)
			}
			m.stop(t, to)
		})
	}
}

func TestADatagramThatIsTooLargeIsMessageSize(t *testing.T) {
	for _, tr := range ipTransports() {
		p := newPort(t, ops.PortConfig{})
		from, to := datagramSocket(t, p, tr), datagramSocket(t, p, tr)
		j := newJob()
		j.SetBuffer(make([]byte, 70_000))
		j.RemoteEndpoint = to.LocalEndpoint()
		require.Equal(t, ops.MessageSize, j.run(t, from.SendToAsync).SocketError())
		require.Zero(t, j.BytesTransferred())
		require.False(t, from.LocalEndpoint().IsZero(), "it was bound before")
	}
}

// T-089, T-090: a datagram of more pieces than the kernel takes goes out as one, and comes in as one.
func TestADatagramMayHaveMorePiecesThanTheKernelTakes(t *testing.T) {
	const pieces = 1200
	eachDatagramPair(t, func(t *testing.T, p *ops.Port, from, to *ops.Socket) {
		data := patterned(pieces)
		out, in := newJob(), newJob()
		out.SetBufferList(cut(data, 1))
		out.RemoteEndpoint = to.LocalEndpoint()
		in.SetBufferList(cut(make([]byte, pieces), 1))
		require.NoError(t, out.run(t, from.SendToAsync).Err())
		require.Equal(t, pieces, out.BytesTransferred())
		require.NoError(t, in.run(t, to.ReceiveFromAsync).Err())
		require.Equal(t, pieces, in.BytesTransferred())
		require.Equal(t, data, received(in.Op))
		require.Zero(t, in.SocketFlags)
	})
}

// Under multishot, each datagram is told with the address of its own sender.
func TestAMultishotReceiveTellsEachSender(t *testing.T) {
	const senders, rounds = 20, 50
	for _, tr := range transports() {
		t.Run(tr.name, func(t *testing.T) {
			p := newPort(t, ops.PortConfig{})
			to := datagramSocket(t, p, tr)
			require.NoError(t, to.SetReceiveBuffer(4<<20))
			m := newMultishot()
			require.True(t, to.ReceiveFromAsync(m.Op))
			names := map[ops.Endpoint]int{}
			var sockets []*ops.Socket
			for i := range senders {
				s := datagramSocket(t, p, tr)
				sockets = append(sockets, s)
				names[s.LocalEndpoint()] = i
			}
			next := make([]int, senders)
			for round := range rounds {
				for i, s := range sockets {
					sendTo(t, s, to.LocalEndpoint(), []byte{byte(i), byte(round)})
				}
				for i := range senders {
					got := m.next(t, round*senders+i)
					sender, known := names[got.from]
					require.True(t, known, "%v is nobody", got.from)
					require.Equal(t, []byte{byte(sender), byte(next[sender])}, got.data, "in each sender's order")
					next[sender]++
				}
			}
			m.stop(t, to)
		})
	}
}

// 6.3: a Multishot op that has to do with few buffers gets everything all the same.
func TestAMultishotReceiveOutlivesALackOfBuffers(t *testing.T) {
	const count = 200
	for _, tr := range transports() {
		t.Run(tr.name, func(t *testing.T) {
			p := newPort(t, ops.PortConfig{Buffers: 2, BufferSize: 512})
			from, to := datagramSocket(t, p, tr), datagramSocket(t, p, tr)
			held := newJob()
			sendTo(t, from, to.LocalEndpoint(), []byte("x"))
			held.run(t, to.ReceiveFromAsync)
			m := newMultishot()
			require.True(t, to.ReceiveFromAsync(m.Op))
			all := jobs(count)
			for i, j := range all {
				j.SetBuffer([]byte(strconv.Itoa(i)))
				j.RemoteEndpoint = to.LocalEndpoint()
				require.True(t, from.SendToAsync(j.Op))
			}
			for i := range count {
				require.Equal(t, strconv.Itoa(i), string(m.next(t, i).data))
			}
			for _, j := range all {
				require.NoError(t, j.wait(t).Err())
			}
			require.Equal(t, "x", string(held.Bytes()))
			require.NoError(t, held.Close())
			m.stop(t, to)
		})
	}
}

// A starved empty datagram gives its buffer back without a word to those that wait for one.
func TestEmptyDatagramsDoNotBlockAPortWithoutBuffers(t *testing.T) {
	tr := ipTransports()[0]
	p := newPort(t, ops.PortConfig{Buffers: 1, BufferSize: 512})
	from, a, b := datagramSocket(t, p, tr), datagramSocket(t, p, tr), datagramSocket(t, p, tr)
	sendTo(t, from, a.LocalEndpoint(), []byte("x"))
	held := newJob().run(t, a.ReceiveFromAsync)
	sendTo(t, from, a.LocalEndpoint(), nil)
	sendTo(t, from, b.LocalEndpoint(), nil)
	first, second := newJob(), newJob()
	first.pend(t, a.ReceiveFromAsync)
	second.pend(t, b.ReceiveFromAsync)
	waitStats(t, p, "both wait for a buffer", func(s ops.Stats) bool { return s.Starved == 2 })
	require.NoError(t, held.Close())
	require.NoError(t, first.wait(t).Err())
	require.NoError(t, second.wait(t).Err())
	require.Zero(t, first.BytesTransferred()+second.BytesTransferred())
	require.NoError(t, first.Close())
	require.NoError(t, second.Close())
}

// 1.3.10, T-102, T-103: where the datagram went to, with all the ways to say where it goes.
func TestReceiveMessageFromTellsDestinationAndInterface(t *testing.T) {
	for _, tr := range ipTransports() {
		t.Run(tr.name, func(t *testing.T) {
			p := newPort(t, ops.PortConfig{})
			from := datagramSocket(t, p, tr)
			to := unboundSocket(t, p, tr.family)
			require.NoError(t, to.Bind(at(anyOf(tr), 0)))
			destination := at(loopbackOf(tr), to.LocalEndpoint().Port())
			want := ops.PacketInfo{Address: loopbackOf(tr), Interface: loopbackIndex(t)}
			for _, set := range []func(*ops.Op){
				func(op *ops.Op) { op.SetBuffer(make([]byte, 1024)) },
				func(op *ops.Op) { op.SetBufferList([][]byte{make([]byte, 1024)}) },
				func(op *ops.Op) { op.SetBufferList([][]byte{make([]byte, 512), make([]byte, 512)}) },
				func(*ops.Op) {},
			} {
				j := newJob()
				set(j.Op)
				for range 30 {
					j.pend(t, to.ReceiveMessageFromAsync)
					require.Zero(t, j.ReceiveMessageFromPacketInfo(), "reset by the start")
					sendTo(t, from, destination, patterned(1024))
					require.NoError(t, j.wait(t).Err())
					require.Equal(t, patterned(1024), received(j.Op))
					require.Equal(t, from.LocalEndpoint(), j.RemoteEndpoint)
					require.Equal(t, want, j.ReceiveMessageFromPacketInfo())
					require.Equal(t, ops.ReceiveMessageFrom, j.LastOperation())
					require.Zero(t, j.SocketFlags)
				}
				sendTo(t, from, destination, nil)
				require.NoError(t, j.run(t, to.ReceiveFromAsync).Err())
				require.Zero(t, j.ReceiveMessageFromPacketInfo(), "ReceiveFrom tells no such thing")
				require.NoError(t, j.Close())
			}
			m := newMultishot()
			require.True(t, to.ReceiveMessageFromAsync(m.Op))
			for i := range 10 {
				sendTo(t, from, destination, patterned(i))
				got := m.next(t, i)
				require.Len(t, got.data, i)
				require.Equal(t, from.LocalEndpoint(), got.from)
				require.Equal(t, want, got.packet, "datagram of %d bytes", i)
			}
			m.stop(t, to)
		})
	}
}

// 1.3.10: asking for packet information beside a Multishot that is armed without does not confuse it.
func TestPacketInformationAskedForLaterDoesNotDisturbAnArmedReceive(t *testing.T) {
	for _, tr := range ipTransports() {
		p := newPort(t, ops.PortConfig{})
		from, to := datagramSocket(t, p, tr), datagramSocket(t, p, tr)
		m := newMultishot()
		require.True(t, to.ReceiveFromAsync(m.Op))
		turnBy(t, p)
		j := newJob()
		j.SetBuffer(make([]byte, 10))
		j.pend(t, to.ReceiveMessageFromAsync)
		for i := range 3 {
			sendTo(t, from, to.LocalEndpoint(), []byte("armed"))
			got := m.next(t, i)
			require.Equal(t, "armed", string(got.data))
			require.Equal(t, from.LocalEndpoint(), got.from)
		}
		m.stop(t, to)
		sendTo(t, from, to.LocalEndpoint(), []byte("told"))
		require.NoError(t, j.wait(t).Err())
		require.Equal(t, "told", string(j.Bytes()))
		require.Equal(t, loopbackOf(tr), j.ReceiveMessageFromPacketInfo().Address)
	}
}

// loopbackIndex is the index of the interface lo.
func loopbackIndex(t testing.TB) int {
	t.Helper()
	lo, err := unixInterface("lo")
	require.NoError(t, err)
	return lo
}

// anyOf is the unspecified address of an internet transport.
func anyOf(tr transport) netip.Addr {
	if tr.family == ops.FamilyIPv6 {
		return netip.IPv6Unspecified()
	}
	return netip.IPv4Unspecified()
}

// 1.3.9, T-112, T-113: a dual-mode socket sends to IPv4 and hears from it, with mapped addresses.
func TestADualModeSocketSpeaksIPv4(t *testing.T) {
	p := newPort(t, ops.PortConfig{})
	dual := unboundSocket(t, p, ops.FamilyIPv6)
	require.NoError(t, dual.Bind(at(netip.IPv6Unspecified(), 0)))
	four := datagramSocket(t, p, ipTransports()[0])
	six := datagramSocket(t, p, ipTransports()[1])
	mapped := func(ep ops.Endpoint) ops.Endpoint {
		return at(netip.AddrFrom16(ep.AddrPort().Addr().As16()), ep.AddrPort().Port())
	}
	port := dual.LocalEndpoint().Port()
	for _, peer := range []*ops.Socket{four, six} {
		loopback := loopback6
		if peer == four {
			loopback = loopback4
		}
		for _, start := range []func(*ops.Op) bool{dual.ReceiveFromAsync, dual.ReceiveMessageFromAsync} {
			j := newJob()
			j.SetBuffer(make([]byte, 10))
			j.pend(t, start)
			sendTo(t, peer, at(loopback, port), []byte("hello"))
			require.NoError(t, j.wait(t).Err())
			require.Equal(t, "hello", string(j.Bytes()))
			require.Equal(t, mapped(peer.LocalEndpoint()), j.RemoteEndpoint)
			if j.LastOperation() == ops.ReceiveMessageFrom {
				want := mapped(at(loopback, 0)).AddrPort().Addr()
				require.Equal(t, want, j.ReceiveMessageFromPacketInfo().Address)
				require.Equal(t, loopbackIndex(t), j.ReceiveMessageFromPacketInfo().Interface)
			}
		}
		m := newMultishot()
		require.True(t, dual.ReceiveMessageFromAsync(m.Op))
		sendTo(t, peer, at(loopback, port), []byte("hello"))
		require.Equal(t, mapped(peer.LocalEndpoint()), m.next(t, 0).from)
		m.stop(t, dual)
		for _, to := range []ops.Endpoint{peer.LocalEndpoint(), mapped(peer.LocalEndpoint())} {
			sendTo(t, dual, to, []byte("answer"))
			r := newJob()
			r.SetBuffer(make([]byte, 10))
			require.Equal(t, "answer", string(r.run(t, peer.ReceiveFromAsync).Bytes()))
			require.Equal(t, at(loopback, port), r.RemoteEndpoint)
		}
	}
}

// T-110, T-111, T-113: what the socket's family cannot reach is said by the result.
func TestADatagramToAnotherFamilyIsRefused(t *testing.T) {
	p := newPort(t, ops.PortConfig{})
	four := unboundSocket(t, p, ops.FamilyIPv4)
	single := unboundSocket(t, p, ops.FamilyIPv6)
	require.NoError(t, single.SetDualMode(false))
	local := unboundSocket(t, p, ops.FamilyUnix)
	for _, test := range []struct {
		from *ops.Socket
		to   ops.Endpoint
	}{
		{four, at(loopback6, 9)},
		{four, ops.UnixEndpoint("@nobody")},
		{single, at(loopback4, 9)},
		{local, at(loopback4, 9)},
	} {
		j := newJob()
		j.SetBuffer([]byte("x"))
		j.RemoteEndpoint = test.to
		require.Equal(t, ops.AddressFamilyNotSupported, j.atOnce(t, test.from.SendToAsync).SocketError(), "to %v", test.to)
		require.ErrorIs(t, j.Err(), ops.ErrUnsupported)
		require.True(t, test.from.LocalEndpoint().IsZero(), "refused, it binds nothing")
	}
}

// 1.3.8, T-104, T-105
func TestSendToIsRefusedWithItsReason(t *testing.T) {
	p := newPort(t, ops.PortConfig{})
	s := unboundSocket(t, p, ops.FamilyIPv4)
	j := newJob()
	j.SetBuffer([]byte("x"))
	require.ErrorIs(t, j.atOnce(t, s.SendToAsync).Err(), ops.ErrArgument, "no endpoint")
	j.RemoteEndpoint = ops.DNSEndpoint("localhost", 9)
	require.ErrorIs(t, j.atOnce(t, s.SendToAsync).Err(), ops.ErrArgument, "a name")
	j.RemoteEndpoint = at(loopback4, 9)
	j.SocketFlags = 1 << 20
	require.ErrorIs(t, j.atOnce(t, s.SendToAsync).Err(), ops.ErrUnsupported, "a flag that nobody knows")
	j.SocketFlags = 0
	j.SetBufferList([][]byte{{1}})
	require.ErrorIs(t, j.atOnce(t, s.SendToAsync).Err(), ops.ErrArgument, "both buffers")
	j.SetBufferList(nil)
	require.Panics(t, func() { s.SendToAsync(nil) })
	require.NoError(t, s.Close())
	require.ErrorIs(t, j.atOnce(t, s.SendToAsync).Err(), syscall.ECANCELED)
}

// 1.3.9: an unbound socket hears nothing, and says so.
func TestReceiveFromOnAnUnboundSocketIsRefused(t *testing.T) {
	for _, tr := range transports() {
		p := newPort(t, ops.PortConfig{})
		s := unboundSocket(t, p, tr.family)
		for _, start := range []func(*ops.Op) bool{s.ReceiveFromAsync, s.ReceiveMessageFromAsync, s.ReceiveAsync} {
			j := newJob()
			j.SetBuffer(make([]byte, 10))
			require.ErrorIs(t, j.atOnce(t, start).Err(), ops.ErrState)
			require.NotEqual(t, ops.Success, j.SocketError())
		}
	}
}

// T-100: sending binds.
func TestSendToBindsTheSocket(t *testing.T) {
	for _, tr := range ipTransports() {
		p := newPort(t, ops.PortConfig{})
		to := datagramSocket(t, p, tr)
		s := unboundSocket(t, p, tr.family)
		require.True(t, s.LocalEndpoint().IsZero())
		j := newJob()
		j.SetBuffer([]byte("x"))
		j.RemoteEndpoint = to.LocalEndpoint()
		pending := s.SendToAsync(j.Op)
		bound := s.LocalEndpoint()
		require.NotZero(t, bound.Port(), "bound as soon as the call returns")
		if pending {
			j.wait(t)
		}
		require.NoError(t, j.Err())
		require.Equal(t, bound, s.LocalEndpoint())
		r := newJob()
		r.SetBuffer(make([]byte, 10))
		require.NoError(t, r.run(t, to.ReceiveFromAsync).Err())
		require.Equal(t, bound.Port(), r.RemoteEndpoint.Port())
		sendTo(t, to, r.RemoteEndpoint, []byte("reply"))
		require.Equal(t, "reply", string(r.run(t, s.ReceiveFromAsync).Bytes()), "and it hears")
	}
}

// T-101: broadcast without permission; the implicit bind is taken back.
func TestABroadcastWithoutPermissionIsAccessDeniedAndDoesNotBind(t *testing.T) {
	p := newPort(t, ops.PortConfig{})
	s := unboundSocket(t, p, ops.FamilyIPv4)
	j := newJob()
	j.SetBuffer([]byte("x"))
	j.RemoteEndpoint = at(netip.MustParseAddr("127.255.255.255"), 9)
	require.Equal(t, ops.AccessDenied, j.run(t, s.SendToAsync).SocketError())
	require.ErrorIs(t, j.Err(), syscall.EACCES)
	require.True(t, s.LocalEndpoint().IsZero())

	to := datagramSocket(t, p, ipTransports()[0])
	sendTo(t, s, to.LocalEndpoint(), []byte("allowed"))
	require.False(t, s.LocalEndpoint().IsZero())
	require.Equal(t, ops.AccessDenied, j.run(t, s.SendToAsync).SocketError())
	require.False(t, s.LocalEndpoint().IsZero(), "the address is in use: it stays")
}

// T-063: UDP connects at once; only the peer is heard, Send goes to it, and Connect to nobody ends that.
func TestAConnectedDatagramSocketSpeaksWithItsPeer(t *testing.T) {
	eachDatagramPair(t, func(t *testing.T, p *ops.Port, s, peer *ops.Socket) {
		j := newJob()
		j.SetBuffer([]byte("first"))
		require.Equal(t, ops.DestinationAddressRequired, j.run(t, s.SendAsync).SocketError())
		j.SetBuffer(nil)
		j.RemoteEndpoint = peer.LocalEndpoint()
		require.NoError(t, j.atOnce(t, s.ConnectAsync).Err())
		require.True(t, s.Connected())
		require.Equal(t, peer.LocalEndpoint(), s.RemoteEndpoint())
		require.Equal(t, s, j.ConnectSocket())
		send(t, s, []byte("to the peer"))
		r := newJob()
		r.SetBuffer(make([]byte, 20))
		require.NoError(t, r.run(t, peer.ReceiveFromAsync).Err())
		require.Equal(t, "to the peer", string(r.Bytes()))
		require.Equal(t, s.LocalEndpoint(), r.RemoteEndpoint)
		sendTo(t, peer, s.LocalEndpoint(), []byte("and back"))
		require.NoError(t, r.run(t, s.ReceiveAsync).Err())
		require.Equal(t, "and back", string(r.Bytes()))
		require.NoError(t, j.run(t, s.DisconnectAsync).Err())
		require.False(t, s.Connected())
	})
}

// Unix datagram sockets keep their order, and tell who sent (T-123).
func TestUnixDatagramsKeepTheirOrder(t *testing.T) {
	const count = 3000 // more than the receiver's queue takes at a time
	p := newPort(t, ops.PortConfig{})
	tr := transports()[2]
	from, to := datagramSocket(t, p, tr), datagramSocket(t, p, tr)
	sends := jobs(count)
	onPort(t, p, func() {
		for i, j := range sends {
			j.SetBuffer([]byte(strconv.Itoa(i)))
			j.RemoteEndpoint = to.LocalEndpoint()
			from.SendToAsync(j.Op)
		}
	})
	j := newJob()
	j.SetBuffer(make([]byte, 10))
	for i := range count {
		require.NoError(t, j.run(t, to.ReceiveFromAsync).Err())
		require.Equal(t, strconv.Itoa(i), string(j.Bytes()))
		require.Equal(t, from.LocalEndpoint(), j.RemoteEndpoint)
	}
	for _, j := range sends {
		require.NoError(t, j.wait(t).Err())
	}
}

// The same on a connected socket, and a list whose pieces are more than the kernel takes.
func TestConnectedUnixDatagramsKeepTheirOrder(t *testing.T) {
	const count = 500
	p := newPort(t, ops.PortConfig{})
	from, to := associated(t, p, unix.SOCK_DGRAM)
	sends := jobs(count)
	onPort(t, p, func() {
		for i, j := range sends {
			j.SetBufferList(append(cut(make([]byte, 1100), 1), []byte(strconv.Itoa(i))))
			from.SendAsync(j.Op)
		}
	})
	j := newJob()
	j.SetBuffer(make([]byte, 2000))
	for i := range count {
		require.NoError(t, j.run(t, to.ReceiveAsync).Err())
		require.Equal(t, strconv.Itoa(i), string(j.Bytes()[1100:]))
	}
	for _, j := range sends {
		require.NoError(t, j.wait(t).Err())
		require.Greater(t, j.BytesTransferred(), 1100)
	}
}

// A sender whose own buffer is full waits for that, too, and the port sleeps meanwhile.
func TestADatagramWaitsForRoomAtItsSender(t *testing.T) {
	p := newPort(t, ops.PortConfig{})
	tr := transports()[2]
	from, slow, free := datagramSocket(t, p, tr), datagramSocket(t, p, tr), datagramSocket(t, p, tr)
	large := newJob()
	large.SetBuffer(make([]byte, 60_000))
	large.RemoteEndpoint = slow.LocalEndpoint()
	large.DontWait = true
	count := 0
	for ; large.run(t, from.SendToAsync).Err() == nil; count++ {
		require.Less(t, count, 10, "the receiver's queue is not what is full")
	}
	require.Equal(t, ops.WouldBlock, large.SocketError())
	j := newJob()
	j.SetBuffer(patterned(60_000))
	j.RemoteEndpoint = free.LocalEndpoint()
	j.pend(t, from.SendToAsync)
	asleep(t, p)
	require.Empty(t, j.completed)
	r := newJob()
	r.SetBuffer(make([]byte, 60_000))
	for range count {
		require.NoError(t, r.run(t, slow.ReceiveFromAsync).Err())
	}
	require.NoError(t, j.wait(t).Err())
	require.NoError(t, r.run(t, free.ReceiveFromAsync).Err())
	require.Equal(t, patterned(60_000), r.Bytes())
}

// T-121, T-123: names of Unix datagram senders: a path, an abstract name, none.
func TestAUnixDatagramTellsTheNameOfItsSender(t *testing.T) {
	p := newPort(t, ops.PortConfig{})
	to := datagramSocket(t, p, transports()[2])
	abstract := ops.UnixEndpoint("@ringport-" + filepath.Base(t.TempDir()) + strconv.Itoa(unix.Getpid()))
	path := ops.UnixEndpoint(filepath.Join(t.TempDir(), "sender"))
	for _, name := range []ops.Endpoint{path, abstract, {}} {
		s := unboundSocket(t, p, ops.FamilyUnix)
		if !name.IsZero() {
			require.NoError(t, s.Bind(name))
		}
		for _, multi := range []bool{false, true} {
			if multi {
				m := newMultishot()
				require.True(t, to.ReceiveFromAsync(m.Op))
				sendTo(t, s, to.LocalEndpoint(), []byte("x"))
				require.Equal(t, name, m.next(t, 0).from)
				m.stop(t, to)
				continue
			}
			j := newJob()
			j.SetBuffer(make([]byte, 10))
			j.RemoteEndpoint = path
			j.pend(t, to.ReceiveFromAsync)
			sendTo(t, s, to.LocalEndpoint(), []byte("x"))
			require.NoError(t, j.wait(t).Err())
			require.Equal(t, name, j.RemoteEndpoint)
		}
	}
}

// A Unix datagram to nobody: there is no such path, or nobody who still has it.
func TestAUnixDatagramToNobodySaysSo(t *testing.T) {
	p := newPort(t, ops.PortConfig{})
	tr := transports()[2]
	s, gone := datagramSocket(t, p, tr), datagramSocket(t, p, tr)
	j := newJob()
	j.SetBuffer([]byte("x"))
	j.RemoteEndpoint = ops.UnixEndpoint(filepath.Join(t.TempDir(), "missing"))
	require.Equal(t, ops.AddressNotAvailable, j.run(t, s.SendToAsync).SocketError())
	j.RemoteEndpoint = gone.LocalEndpoint()
	require.NoError(t, gone.Close())
	waitStats(t, p, "it is closed", func(s ops.Stats) bool { return s.Sockets == 1 })
	require.Equal(t, ops.ConnectionRefused, j.run(t, s.SendToAsync).SocketError())
}

// 1.3.6: several receives on a datagram socket get one datagram each, in their order.
func TestConcurrentReceivesGetOneDatagramEach(t *testing.T) {
	eachDatagramPair(t, func(t *testing.T, p *ops.Port, from, to *ops.Socket) {
		all := jobs(50)
		for i, j := range all {
			if i%2 == 0 {
				j.SetBuffer(make([]byte, 10))
			}
			j.pend(t, to.ReceiveFromAsync)
		}
		for i := range all {
			sendTo(t, from, to.LocalEndpoint(), []byte(strconv.Itoa(i)))
		}
		for i, j := range all {
			require.NoError(t, j.wait(t).Err())
			require.Equal(t, strconv.Itoa(i), string(j.Bytes()))
			require.NoError(t, j.Close())
		}
	})
}

// T-151, T-157: cancelling one receive leaves the others; closing aborts them all.
func TestCancelEndsOneOfSeveralDatagramReceives(t *testing.T) {
	eachDatagramPair(t, func(t *testing.T, p *ops.Port, from, to *ops.Socket) {
		for cancelled := range 3 {
			all := jobs(3)
			for _, j := range all {
				j.SetBuffer(make([]byte, 10))
				j.pend(t, to.ReceiveFromAsync)
			}
			turnBy(t, p) // the first is in the kernel
			to.Cancel(all[cancelled].Op)
			require.Equal(t, ops.OperationAborted, all[cancelled].wait(t).SocketError())
			for i, j := range all {
				if i != cancelled {
					sendTo(t, from, to.LocalEndpoint(), []byte{byte(i)})
					require.Equal(t, []byte{byte(i)}, j.wait(t).Bytes())
				}
			}
		}
		all := jobs(3)
		for _, j := range all {
			j.pend(t, to.ReceiveFromAsync)
		}
		m := newMultishot()
		require.True(t, to.ReceiveFromAsync(m.Op))
		turnBy(t, p)
		require.NoError(t, to.Close())
		for _, j := range all {
			require.Equal(t, ops.OperationAborted, j.wait(t).SocketError())
		}
		await(t, m.finished)
		require.Equal(t, ops.OperationAborted, m.SocketError())
		require.False(t, m.More())
	})
}

// T-105: datagrams that were started are tried once by Close; none is left without a result.
func TestClosingTriesDatagramsOnce(t *testing.T) {
	eachDatagramPair(t, func(t *testing.T, p *ops.Port, from, to *ops.Socket) {
		all := jobs(5)
		onPort(t, p, func() {
			for i, j := range all {
				j.SetBuffer([]byte{byte(i)})
				j.RemoteEndpoint = to.LocalEndpoint()
				from.SendToAsync(j.Op)
			}
			_ = from.Close()
		})
		for i, j := range all {
			require.NoError(t, j.wait(t).Err())
			r := newJob()
			r.SetBuffer(make([]byte, 10))
			require.Equal(t, []byte{byte(i)}, r.run(t, to.ReceiveFromAsync).Bytes())
		}
	})
}

// 2.6: a Unix datagram that waits for room is aborted by Cancel and by Close.
func TestADatagramThatWaitsForRoomCanBeAborted(t *testing.T) {
	for name, end := range map[string]func(*ops.Socket, *ops.Op){
		"cancel": func(s *ops.Socket, op *ops.Op) { s.Cancel(op) },
		"close":  func(s *ops.Socket, _ *ops.Op) { _ = s.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			p := newPort(t, ops.PortConfig{})
			tr := transports()[2]
			from, to := datagramSocket(t, p, tr), datagramSocket(t, p, tr)
			var all []*job
			for done := true; done; { // until the receiver's queue is full
				j := newJob()
				j.SetBuffer(make([]byte, 1000))
				j.RemoteEndpoint = to.LocalEndpoint()
				from.SendToAsync(j.Op)
				all = append(all, j)
				asleep(t, p)
				done = len(j.completed) == 1
			}
			last := all[len(all)-1]
			end(from, last.Op)
			require.Equal(t, ops.OperationAborted, last.wait(t).SocketError())
			require.Zero(t, last.BytesTransferred())
			r := newJob()
			r.SetBuffer(make([]byte, 1000))
			for range len(all) - 1 {
				require.NoError(t, r.run(t, to.ReceiveFromAsync).Err())
			}
			turnBy(t, p)
			require.NoError(t, to.Close())
		})
	}
}

// 6.1: Multishot and Peek need what they need on datagram sockets, too.
func TestADatagramReceiveIsRefusedWithItsReason(t *testing.T) {
	p := newPort(t, ops.PortConfig{})
	s := datagramSocket(t, p, ipTransports()[0])
	for name, set := range map[string]func(*ops.Op){
		"multishot with a buffer":  func(op *ops.Op) { op.Multishot = true; op.SetBuffer(make([]byte, 1)) },
		"peek without a buffer":    func(op *ops.Op) { op.SocketFlags = ops.Peek },
		"multishot that peeks":     func(op *ops.Op) { op.Multishot, op.SocketFlags = true, ops.Peek },
		"both a buffer and a list": func(op *ops.Op) { op.SetBuffer([]byte{1}); op.SetBufferList([][]byte{{1}}) },
	} {
		for _, start := range []func(*ops.Op) bool{s.ReceiveAsync, s.ReceiveFromAsync, s.ReceiveMessageFromAsync} {
			j := newJob()
			set(j.Op)
			require.ErrorIs(t, j.atOnce(t, start).Err(), ops.ErrArgument, name)
		}
	}
}

// DontWait on a datagram socket that is full.
func TestADatagramThatDoesNotWaitIsWouldBlock(t *testing.T) {
	p := newPort(t, ops.PortConfig{})
	tr := transports()[2]
	from, to := datagramSocket(t, p, tr), datagramSocket(t, p, tr)
	j := newJob()
	j.SetBuffer(make([]byte, 1000))
	j.RemoteEndpoint = to.LocalEndpoint()
	j.DontWait = true
	for range 10_000 {
		if j.run(t, from.SendToAsync); j.Err() != nil {
			break
		}
	}
	require.Equal(t, ops.WouldBlock, j.SocketError())
	require.Zero(t, j.BytesTransferred())
}
