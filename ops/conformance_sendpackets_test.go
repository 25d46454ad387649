package ops_test

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/ringport/ringport/internal/ringtest"
	"github.com/ringport/ringport/ops"
)

// sendPackets sends elements and waits for the result.
func sendPackets(t testing.TB, s *ops.Socket, elements ...ops.SendPacketsElement) *job {
	t.Helper()
	j := newJob()
	if elements == nil {
		elements = []ops.SendPacketsElement{}
	}
	j.SetSendPacketsElements(elements)
	return j.run(t, s.SendPacketsAsync)
}

// testFile makes a file with the pattern in it.
func testFile(t testing.TB, size int) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "packets")
	require.NoError(t, os.WriteFile(path, patterned(size), 0o600))
	return path
}

// openFile opens a file for the length of the test.
func openFile(t testing.TB, path string) *os.File {
	t.Helper()
	f, err := os.Open(path)
	require.NoError(t, err)
	t.Cleanup(func() { _ = f.Close() })
	return f
}

// openDescriptors counts what this process has open.
func openDescriptors(t testing.TB) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	return len(entries)
}

// T-045, T-131: the elements are looked at before the connection.
func TestSendPacketsWithoutElementsIsRefused(t *testing.T) {
	p := newPort(t, ops.PortConfig{})
	unconnected, err := p.NewSocket(ops.FamilyIPv4, ops.Stream)
	require.NoError(t, err)
	defer unconnected.Close()
	_, connected := pair(t, p)
	for _, s := range []*ops.Socket{unconnected, connected} {
		j := newJob().atOnce(t, s.SendPacketsAsync)
		require.ErrorIs(t, j.Err(), ops.ErrArgument)
		require.Equal(t, ops.SendPackets, j.LastOperation())
	}
}

// T-045
func TestSendPacketsWithoutAConnectionIsUnsupported(t *testing.T) {
	p := newPort(t, ops.PortConfig{})
	stream, err := p.NewSocket(ops.FamilyIPv4, ops.Stream)
	require.NoError(t, err)
	defer stream.Close()
	for _, s := range []*ops.Socket{stream, unboundSocket(t, p, ops.FamilyIPv4)} {
		j := newJob()
		j.SetSendPacketsElements([]ops.SendPacketsElement{ops.ElementMemory([]byte("x"))})
		require.ErrorIs(t, j.atOnce(t, s.SendPacketsAsync).Err(), ops.ErrUnsupported)
		require.ErrorIs(t, j.Err(), errors.ErrUnsupported)
	}
}

// T-129
func TestSendPacketsOfANilOpPanics(t *testing.T) {
	p := newPort(t, ops.PortConfig{})
	_, s := pair(t, p)
	require.Panics(t, func() { s.SendPacketsAsync(nil) })
}

// T-128, T-105
func TestSendPacketsOnAClosedSocketIsRefused(t *testing.T) {
	p := newPort(t, ops.PortConfig{})
	_, s := pair(t, p)
	require.NoError(t, s.Close())
	j := newJob()
	j.SetSendPacketsElements([]ops.SendPacketsElement{ops.ElementMemory([]byte("x"))})
	require.ErrorIs(t, j.atOnce(t, s.SendPacketsAsync).Err(), net.ErrClosed)
}

// T-130, T-132, T-133, T-137, T-138: nothing, and what counts for nothing among other things.
func TestEmptyPacketsArePassedOver(t *testing.T) {
	p := newPort(t, ops.PortConfig{})
	c, s := pair(t, p)
	empty := testFile(t, 0)
	zero := ops.SendPacketsElement{}
	b := patterned(10)
	tests := []struct {
		name     string
		elements []ops.SendPacketsElement
		want     []byte
	}{
		{"no element", nil, nil},
		{"zero elements", []ops.SendPacketsElement{zero, zero}, nil},
		{"nil memory", []ops.SendPacketsElement{ops.ElementMemory(nil), ops.ElementMemory([]byte{})}, nil},
		{"an empty file", []ops.SendPacketsElement{ops.ElementFile(empty, 0, 0)}, nil},
		{"an empty one among others", []ops.SendPacketsElement{
			ops.ElementMemory(b[:0]), zero, ops.ElementMemory(b[:4]), ops.ElementFile(empty, 0, 0), ops.ElementMemory(b[4:8]),
		}, b[:8]},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			ringtest.Descriptors(t)
			j := sendPackets(t, s, test.elements...)
			require.NoError(t, j.Err())
			require.Equal(t, len(test.want), j.BytesTransferred())
			require.Equal(t, test.want, append([]byte(nil), readExactly(t, c, len(test.want))...))
		})
	}
}

// T-134, T-135, T-136, T-144, T-145, T-146: ranges of memory and files, in the order of the elements.
func TestPacketsArriveInTheirOrder(t *testing.T) {
	const size = 300_000 // more than a pipe holds
	path := testFile(t, size)
	all := patterned(size)
	f := openFile(t, path)
	_, err := f.Seek(17, io.SeekStart)
	require.NoError(t, err)
	marked := ops.ElementMemory(all[:3])
	marked.EndOfPacket = true
	tests := []struct {
		name     string
		elements []ops.SendPacketsElement
		want     [][]byte
	}{
		{"memory", []ops.SendPacketsElement{ops.ElementMemory(all[:10])}, [][]byte{all[:10]}},
		{"a range of memory", []ops.SendPacketsElement{ops.ElementMemory(all[5:10])}, [][]byte{all[5:10]}},
		{"several, one the end of a packet", []ops.SendPacketsElement{
			marked, ops.ElementMemory(all[3:10]),
		}, [][]byte{all[:10]}},
		{"a file by its path", []ops.SendPacketsElement{ops.ElementFile(path, 0, 0)}, [][]byte{all}},
		{"its whole size", []ops.SendPacketsElement{ops.ElementFile(path, 0, size)}, [][]byte{all}},
		{"its end", []ops.SendPacketsElement{ops.ElementFile(path, size-5, 0)}, [][]byte{all[size-5:]}},
		{"behind its end", []ops.SendPacketsElement{ops.ElementFile(path, size, 0)}, nil},
		{"a range", []ops.SendPacketsElement{ops.ElementFile(path, 10, 20)}, [][]byte{all[10:30]}},
		{"an open file", []ops.SendPacketsElement{ops.ElementOSFile(f, 0, 0)}, [][]byte{all}},
		{"ranges of an open file", []ops.SendPacketsElement{
			ops.ElementOSFile(f, 100_000, 100_000), ops.ElementOSFile(f, 0, 10), ops.ElementOSFile(f, size-1, 0),
		}, [][]byte{all[100_000:200_000], all[:10], all[size-1:]}},
		{"a mixture", []ops.SendPacketsElement{
			ops.ElementMemory(all[:70_000]), ops.ElementOSFile(f, 70_000, 1), ops.ElementMemory(all[70_001:70_003]),
			ops.ElementFile(path, 70_003, 0), ops.ElementMemory([]byte("end")),
		}, [][]byte{all, []byte("end")}},
	}
	for _, tr := range transports() {
		t.Run(tr.name, func(t *testing.T) {
			p := newPort(t, ops.PortConfig{})
			client, server := couple(t, p, tr)
			for _, test := range tests {
				t.Run(test.name, func(t *testing.T) {
					want := bytes.Join(test.want, nil)
					j := newJob()
					j.SetSendPacketsElements(test.elements)
					for range 2 { // the same elements can be sent again
						pending := server.SendPacketsAsync(j.Op)
						require.True(t, bytes.Equal(want, receiveAll(t, client, len(want))))
						if pending {
							j.wait(t)
						}
						require.NoError(t, j.Err())
						require.Equal(t, len(want), j.BytesTransferred())
						require.Equal(t, ops.SendPackets, j.LastOperation())
					}
				})
			}
			position, err := f.Seek(0, io.SeekCurrent)
			require.NoError(t, err)
			require.Equal(t, int64(17), position, "the file's position is neither used nor moved")
		})
	}
}

// T-140, T-141, T-142, T-147: what is wrong with an element is known from the start, and nothing is sent.
func TestWrongPacketsAreRefusedAtOnce(t *testing.T) {
	p := newPort(t, ops.PortConfig{})
	c, s := pair(t, p)
	path := testFile(t, 1024)
	folder := t.TempDir()
	closed := openFile(t, path)
	require.NoError(t, closed.Close())
	tests := []struct {
		name    string
		element ops.SendPacketsElement
		want    error
	}{
		{"no path", ops.ElementFile("", 0, 0), ops.ErrArgument},
		{"no file", ops.ElementOSFile(nil, 0, 0), ops.ErrArgument},
		{"a file that is not there", ops.ElementFile(filepath.Join(folder, "missing"), 0, 0), fs.ErrNotExist},
		{"a folder that is not there", ops.ElementFile(filepath.Join(folder, "missing", "x"), 0, 0), fs.ErrNotExist},
		{"a folder", ops.ElementFile(folder, 0, 0), ops.ErrArgument},
		{"a device", ops.ElementFile("/dev/null", 0, 0), ops.ErrArgument},
		{"a closed file", ops.ElementOSFile(closed, 0, 0), os.ErrClosed},
		{"a negative offset", ops.ElementFile(path, -1, 0), ops.ErrArgument},
		{"a negative count", ops.ElementFile(path, 0, -1), ops.ErrArgument},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			ringtest.Descriptors(t)
			j := newJob()
			j.SetSendPacketsElements([]ops.SendPacketsElement{
				ops.ElementMemory([]byte("not sent")), ops.ElementFile(path, 0, 0), test.element,
			})
			j.atOnce(t, s.SendPacketsAsync)
			require.ErrorIs(t, j.Err(), test.want)
			require.NotEqual(t, ops.Success, j.SocketError())
			require.Zero(t, j.BytesTransferred())
		})
	}
	require.NoError(t, sendPackets(t, s, ops.ElementMemory([]byte("sent"))).Err(), "the socket stays usable")
	require.Equal(t, "sent", string(readExactly(t, c, 4)), "nothing else was sent")
}

// A start never blocks: opening a pipe would wait for one who writes to it.
func TestAPipeIsRefusedAtOnce(t *testing.T) {
	p := newPort(t, ops.PortConfig{})
	_, s := pair(t, p)
	path := filepath.Join(t.TempDir(), "pipe")
	require.NoError(t, unix.Mkfifo(path, 0o600))
	j := newJob()
	j.SetSendPacketsElements([]ops.SendPacketsElement{ops.ElementFile(path, 0, 0)})
	started := make(chan bool, 1)
	go func() { started <- s.SendPacketsAsync(j.Op) }()
	t.Cleanup(func() { // lets the start go that does wait
		if fd, err := unix.Open(path, unix.O_WRONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0); err == nil {
			_ = unix.Close(fd)
		}
	})
	require.False(t, await(t, started))
	require.ErrorIs(t, j.Err(), ops.ErrArgument)
	require.ErrorContains(t, j.Err(), "only regular files")
}

// T-143
func TestARangeBeyondTheFileIsInvalidArgument(t *testing.T) {
	p := newPort(t, ops.PortConfig{})
	_, s := pair(t, p)
	const size = 1024
	path := testFile(t, size)
	f := openFile(t, path)
	for _, place := range [][2]int64{{11_000, 1}, {size, 1}, {size + 1, 0}, {5, 10_000}, {0, size + 1}, {5, 1<<63 - 1}} {
		for _, element := range []ops.SendPacketsElement{
			ops.ElementFile(path, place[0], place[1]), ops.ElementOSFile(f, place[0], place[1]),
		} {
			ringtest.Descriptors(t)
			j := sendPackets(t, s, element)
			require.Equal(t, ops.InvalidArgument, j.SocketError(), "offset %d, count %d", place[0], place[1])
			require.Zero(t, j.BytesTransferred())
		}
	}
}

// 1.3.11: files that the library opened are closed, an *os.File stays the user's.
func TestPacketsLeaveNoFileOpen(t *testing.T) {
	p := newPort(t, ops.PortConfig{})
	c, s := smallPair(t, p)
	const size = 8 << 20
	path := testFile(t, size)
	before := openDescriptors(t)

	arrived := make(chan error, 1)
	go func() {
		_, err := io.CopyN(io.Discard, c, size)
		arrived <- err
	}()
	require.NoError(t, sendPackets(t, s, ops.ElementFile(path, 0, 0)).Err())
	require.NoError(t, await(t, arrived))
	require.Equal(t, before, openDescriptors(t), "after a success")

	queued, inFlight := newJob(), newJob()
	for _, j := range []*job{inFlight, queued} {
		j.SetSendPacketsElements([]ops.SendPacketsElement{ops.ElementFile(path, 0, 0)})
		j.pend(t, s.SendPacketsAsync)
	}
	turnBy(t, p)
	s.Cancel(queued.Op)
	require.Equal(t, ops.OperationAborted, queued.wait(t).SocketError())
	turnBy(t, p)
	require.Equal(t, before+3, openDescriptors(t), "one file and its pipe are left")
	s.Cancel(inFlight.Op)
	require.Equal(t, ops.OperationAborted, inFlight.wait(t).SocketError())
	turnBy(t, p)
	require.Equal(t, before, openDescriptors(t), "after a cancel")

	require.NoError(t, c.SetLinger(0))
	require.NoError(t, c.Close())
	j := sendPackets(t, s, ops.ElementFile(path, 0, 0))
	require.Contains(t, []ops.SocketError{ops.ConnectionReset, ops.Shutdown}, j.SocketError())
	turnBy(t, p)
	require.Equal(t, before-1, openDescriptors(t), "after a failure; the client's is gone, too")
}

// 1.3.11: an *os.File may be closed once the start has returned.
func TestAFileMayBeClosedOnceItsPacketsAreStarted(t *testing.T) {
	p := newPort(t, ops.PortConfig{})
	c, s := smallPair(t, p)
	const size = 4 << 20
	f := openFile(t, testFile(t, size))
	j := newJob()
	j.SetSendPacketsElements([]ops.SendPacketsElement{ops.ElementOSFile(f, 0, 0)})
	j.pend(t, s.SendPacketsAsync)
	require.NoError(t, f.Close())
	var check streamCheck
	check.take(readExactly(t, c, size))
	check.require(t, size)
	require.NoError(t, j.wait(t).Err())
}

// 1.2: the elements are cloned when the operation starts.
func TestPacketsAreASnapshotOfTheStart(t *testing.T) {
	p := newPort(t, ops.PortConfig{})
	c, s := smallPair(t, p)
	block := newJob()
	block.SetBuffer(make([]byte, 8<<20))
	block.pend(t, s.SendAsync)
	j := newJob()
	elements := []ops.SendPacketsElement{ops.ElementMemory([]byte("first")), ops.ElementMemory([]byte("second"))}
	j.SetSendPacketsElements(elements)
	require.Len(t, j.SendPacketsElements(), 2)
	j.pend(t, s.SendPacketsAsync)
	elements[0], elements[1] = ops.ElementMemory([]byte("wrong")), ops.SendPacketsElement{}
	require.Panics(t, func() { j.SetSendPacketsElements(nil) }, "they are an operation's at the moment")
	readExactly(t, c, 8<<20)
	require.Equal(t, "firstsecond", string(readExactly(t, c, 11)))
	require.NoError(t, block.wait(t).Err())
	require.NoError(t, j.wait(t).Err())
}

// 1.3.7: sends never interleave, whatever their kind.
func TestPacketsStandInLineWithSends(t *testing.T) {
	p := newPort(t, ops.PortConfig{})
	c, s := smallPair(t, p)
	const size = 500_000
	path := testFile(t, size)
	all := jobs(6)
	onPort(t, p, func() {
		for i, j := range all {
			if i%2 == 0 {
				j.SetBuffer(patterned(size))
				s.SendAsync(j.Op)
			} else {
				j.SetSendPacketsElements([]ops.SendPacketsElement{ops.ElementFile(path, 0, 0)})
				s.SendPacketsAsync(j.Op)
			}
		}
	})
	for range all {
		var check streamCheck
		check.take(readExactly(t, c, size))
		check.require(t, size)
	}
	for _, j := range all {
		require.NoError(t, j.wait(t).Err())
		require.Equal(t, size, j.BytesTransferred())
	}
}

// T-139
func TestSendPacketsDisconnectEndsTheConnectionBehindThem(t *testing.T) {
	path := testFile(t, 100_000)
	for _, tr := range transports() {
		t.Run(tr.name, func(t *testing.T) {
			p := newPort(t, ops.PortConfig{})
			client, server := couple(t, p, tr)
			j := newJob()
			j.SendPacketsFlags = ops.SendPacketsDisconnect
			j.SetSendPacketsElements([]ops.SendPacketsElement{ops.ElementFile(path, 0, 0), ops.ElementMemory([]byte("end!"))})
			j.run(t, server.SendPacketsAsync)
			require.NoError(t, j.Err())
			require.Equal(t, 100_004, j.BytesTransferred())
			require.Equal(t, ops.SendPackets, j.LastOperation())
			require.False(t, server.Connected())
			require.True(t, bytes.HasSuffix(receiveAll(t, client, 100_004), []byte("end!")))
			require.Empty(t, receive(t, client, 1), "the end of the stream")
			after := newJob()
			after.SetBuffer([]byte("more"))
			after.run(t, server.SendAsync)
			require.NotEqual(t, ops.Success, after.SocketError())
		})
	}
}

// 1.3.11: the flags end the connection also when there is nothing to send.
func TestSendPacketsDisconnectOfNothingEndsTheConnection(t *testing.T) {
	p := newPort(t, ops.PortConfig{})
	c, s := pair(t, p)
	j := newJob()
	j.SendPacketsFlags = ops.SendPacketsDisconnect
	j.SetSendPacketsElements([]ops.SendPacketsElement{})
	require.NoError(t, j.run(t, s.SendPacketsAsync).Err())
	require.Zero(t, j.BytesTransferred())
	require.False(t, s.Connected())
	data, err := ending(c)
	require.NoError(t, err)
	require.Empty(t, data)
}

// 1.3.11, 1.3.5
func TestSendPacketsReuseSocketLeavesASocketThatConnectsAgain(t *testing.T) {
	p := newPort(t, ops.PortConfig{})
	l := listen(t, p, ops.ListenConfig{})
	s, err := p.NewSocket(ops.FamilyIPv4, ops.Stream)
	require.NoError(t, err)
	defer s.Close()
	path := testFile(t, 50_000)
	for range 3 {
		connect := newJob()
		connect.RemoteEndpoint = l.LocalEndpoint()
		require.NoError(t, connect.run(t, s.ConnectAsync).Err())
		peer := accept(t, l)
		j := newJob()
		j.SendPacketsFlags = ops.SendPacketsDisconnect | ops.SendPacketsReuseSocket
		j.SetSendPacketsElements([]ops.SendPacketsElement{ops.ElementFile(path, 0, 0)})
		require.NoError(t, j.run(t, s.SendPacketsAsync).Err())
		require.Equal(t, 50_000, j.BytesTransferred())
		require.False(t, s.Connected())
		require.True(t, s.RemoteEndpoint().IsZero())
		var check streamCheck
		check.take(receiveAll(t, peer, 50_000))
		check.require(t, 50_000)
		require.Empty(t, receive(t, peer, 1))
		require.NoError(t, peer.Close())
	}
}

// packetsInTheMiddle starts packets of which the client, who does not read, gets a part only.
func packetsInTheMiddle(t *testing.T, p *ops.Port, c *net.TCPConn, s *ops.Socket,
	elements ...ops.SendPacketsElement,
) *job {
	t.Helper()
	j := newJob()
	j.SetSendPacketsElements(elements)
	j.pend(t, s.SendPacketsAsync)
	waitReadable(t, c) // a file is sent by a thread of the kernel, which may be slow to begin
	asleep(t, p)       // the socket is full
	return j
}

// waitReadable waits until something has arrived.
func waitReadable(t testing.TB, c *net.TCPConn) {
	t.Helper()
	raw, err := c.SyscallConn()
	require.NoError(t, err)
	polled := unix.EINTR // the runtime's signals cut a poll short
	for polled == unix.EINTR {
		require.NoError(t, raw.Control(func(fd uintptr) {
			_, err = unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, int(patience.Milliseconds()))
		}))
		polled, _ = err.(unix.Errno)
	}
	require.NoError(t, err)
}

// A cancelled op is OperationAborted with the exact BytesTransferred.
func TestCancelledPacketsCountWhatWasSent(t *testing.T) {
	const size = 8 << 20
	path := testFile(t, size)
	for name, element := range map[string]ops.SendPacketsElement{
		"a file": ops.ElementFile(path, 0, 0), "memory": ops.ElementMemory(patterned(size)),
	} {
		t.Run(name, func(t *testing.T) {
			p := newPort(t, ops.PortConfig{})
			c, s := smallPair(t, p)
			j := packetsInTheMiddle(t, p, c, s, element)
			s.Cancel(j.Op)
			j.wait(t)
			require.Equal(t, ops.OperationAborted, j.SocketError())
			sent := j.BytesTransferred()
			require.Greater(t, sent, 0)
			require.Less(t, sent, size)
			require.True(t, s.Connected())
			after := newJob()
			after.SetBuffer([]byte("after"))
			after.pend(t, s.SendAsync)
			var check streamCheck
			check.take(readExactly(t, c, sent))
			check.require(t, sent)
			require.Equal(t, "after", string(readExactly(t, c, 5)), "not a byte more of the packets")
			require.NoError(t, after.wait(t).Err())
		})
	}
}

// 2.6
func TestClosingAbortsPacketsInTheMiddle(t *testing.T) {
	const size = 8 << 20
	path := testFile(t, size)
	for name, shutdown := range map[string]bool{"reset": false, "end of stream after Shutdown": true} {
		t.Run(name, func(t *testing.T) {
			p := newPort(t, ops.PortConfig{})
			c, s := smallPair(t, p)
			j := packetsInTheMiddle(t, p, c, s, ops.ElementFile(path, 0, 0))
			if shutdown {
				require.NoError(t, s.Shutdown(ops.ShutdownBoth))
			}
			require.NoError(t, s.Close())
			j.wait(t)
			require.Equal(t, ops.OperationAborted, j.SocketError())
			require.ErrorIs(t, j.Err(), net.ErrClosed)
			sent := j.BytesTransferred()
			require.Greater(t, sent, 0)
			data, err := ending(c)
			if !shutdown {
				require.Error(t, err, "a reset")
				return
			}
			require.NoError(t, err)
			require.True(t, bytes.Equal(patterned(sent), data), "what was counted arrives")
		})
	}
}

// A file that becomes shorter while it is sent ends the packets with what there was.
func TestAFileThatShrinksEndsItsPackets(t *testing.T) {
	const size, rest = 8 << 20, 100
	path := testFile(t, size)
	p := newPort(t, ops.PortConfig{})
	c, s := smallPair(t, p)
	j := packetsInTheMiddle(t, p, c, s, ops.ElementFile(path, 0, 0))
	require.NoError(t, os.Truncate(path, rest))
	arrived := make(chan int, 1)
	go func() {
		n, _ := io.Copy(io.Discard, c)
		arrived <- int(n)
	}()
	j.wait(t)
	require.Equal(t, ops.InvalidArgument, j.SocketError())
	require.NoError(t, s.Close())
	require.Equal(t, j.BytesTransferred(), await(t, arrived))
	require.Less(t, j.BytesTransferred(), size)
}

// Slow readers must not hold what a fast one needs: the kernel's threads are few.
func TestPacketsToSlowReadersDoNotStopAFastOne(t *testing.T) {
	const slow, size = 80, 2 << 20 // more than the ring may have threads
	path := testFile(t, size)
	p := newPort(t, ops.PortConfig{})
	var waiting []*job
	var sockets []*ops.Socket
	for range slow {
		_, s := smallPair(t, p)
		j := newJob()
		j.SetSendPacketsElements([]ops.SendPacketsElement{ops.ElementFile(path, 0, 0)})
		waiting = append(waiting, j.pend(t, s.SendPacketsAsync))
		sockets = append(sockets, s)
	}
	asleep(t, p)
	c, s := smallPair(t, p)
	j := newJob()
	j.SetSendPacketsElements([]ops.SendPacketsElement{ops.ElementFile(path, 0, 0)})
	j.pend(t, s.SendPacketsAsync)
	var check streamCheck
	check.take(readExactly(t, c, size))
	check.require(t, size)
	require.NoError(t, j.wait(t).Err())
	for i, j := range waiting {
		require.Empty(t, j.completed, "it is still slow")
		require.NoError(t, sockets[i].Close())
		require.Equal(t, ops.OperationAborted, j.wait(t).SocketError())
	}
}

// A reader that reads little by little gets everything.
func TestPacketsKeepThePaceOfASlowReader(t *testing.T) {
	const size = 1 << 20
	path := testFile(t, size)
	p := newPort(t, ops.PortConfig{})
	c, s := smallPair(t, p)
	j := newJob()
	j.SetSendPacketsElements([]ops.SendPacketsElement{ops.ElementFile(path, 0, 0)})
	j.pend(t, s.SendPacketsAsync)
	var check streamCheck
	for check.position < size {
		check.take(readExactly(t, c, 4096))
	}
	check.require(t, size)
	require.NoError(t, j.wait(t).Err())
	require.Equal(t, size, j.BytesTransferred())
}

// Many at a time do not mix up each other's files.
func TestPacketsOnManySocketsAtATime(t *testing.T) {
	const sockets, size = 20, 400_000
	p := newPort(t, ops.PortConfig{})
	path := testFile(t, sockets*1000+size)
	var readers sync.WaitGroup
	var all []*job
	checks := make([]streamCheck, sockets)
	for i := range sockets {
		c, s := smallPair(t, p)
		j := newJob()
		j.SetSendPacketsElements([]ops.SendPacketsElement{ops.ElementFile(path, int64(1000*i), size)})
		all = append(all, j.pend(t, s.SendPacketsAsync))
		checks[i].position = 1000 * i
		readers.Go(func() {
			data := make([]byte, size)
			if n, _ := io.ReadFull(c, data); n == size {
				checks[i].take(data)
			}
		})
	}
	readers.Wait()
	for i, j := range all {
		require.NoError(t, j.wait(t).Err())
		checks[i].require(t, 1000*i+size)
	}
}

// SendPackets of a 1 GiB file does not raise the process's memory by more than 8 MiB.
func TestAGigabyteIsSentWithoutReadingItIntoMemory(t *testing.T) {
	const size = 1 << 30
	path := filepath.Join(t.TempDir(), "sparse")
	require.NoError(t, os.WriteFile(path, nil, 0o600))
	require.NoError(t, os.Truncate(path, size))
	p := newPort(t, ops.PortConfig{})
	c, s := pair(t, p)
	buffer := make([]byte, 1<<20)
	read := func(n int) int {
		got := 0
		for got < n {
			m, err := c.Read(buffer)
			got += m
			if err != nil {
				break
			}
		}
		return got
	}
	sendPackets(t, s, ops.ElementFile(path, 0, 1<<20)) // whatever comes with the first
	require.Equal(t, 1<<20, read(1<<20))
	before := residentKiB(t)
	j := newJob()
	j.SetSendPacketsElements([]ops.SendPacketsElement{ops.ElementFile(path, 0, 0)})
	j.pend(t, s.SendPacketsAsync)
	most := before
	for left := size; left > 0; {
		n := read(min(left, 64<<20))
		require.NotZero(t, n)
		left -= n
		most = max(most, residentKiB(t))
	}
	require.NoError(t, j.wait(t).Err())
	require.Equal(t, size, j.BytesTransferred())
	require.LessOrEqual(t, most-before, 8<<10, "KiB of resident memory more than before")
}

// residentKiB is the process's resident memory.
func residentKiB(t testing.TB) int {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	require.NoError(t, err)
	for line := range strings.Lines(string(status)) {
		if fields := strings.Fields(line); len(fields) > 1 && fields[0] == "VmRSS:" {
			n, err := strconv.Atoi(fields[1])
			require.NoError(t, err)
			return n
		}
	}
	t.Fatal("no VmRSS in /proc/self/status")
	return 0
}

// T-003
func TestSendPacketsSendSizeIsKept(t *testing.T) {
	op := ops.NewOp(nil)
	require.Zero(t, op.SendPacketsSendSize)
	op.SendPacketsSendSize = 4
	require.Equal(t, 4, op.SendPacketsSendSize)
	require.Nil(t, op.SendPacketsElements())
}
