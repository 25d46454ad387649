package ops_test

import (
	"bytes"
	"net"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ringport/ringport/ops"
)

func TestReceiveIsPendingUntilDataComes(t *testing.T) {
	eachMode(t, func(t *testing.T, p *ops.Port) {
		c, s := pair(t, p)
		for _, own := range []bool{false, true} {
			j := newJob()
			if own {
				j.SetBuffer(make([]byte, 100))
			}
			j.pend(t, s.ReceiveAsync)
			require.Equal(t, ops.Receive, j.LastOperation())
			_, err := c.Write([]byte("hello"))
			require.NoError(t, err)
			j.wait(t)
			require.NoError(t, j.Err())
			require.Equal(t, ops.Success, j.SocketError())
			require.Equal(t, 5, j.BytesTransferred())
			require.Equal(t, "hello", string(j.Bytes()))
			require.Same(t, s, j.Socket())
			require.False(t, j.More())
			require.Zero(t, j.SocketFlags)
			if own {
				require.Same(t, &j.Buffer()[0], &j.Bytes()[0])
				require.Len(t, j.Buffer(), 100, "the library changed the slice")
			}
			j.TakeBuffer().Release()
		}
	})
}

// arriveAhead makes data arrive that nobody asked for yet.
func arriveAhead(t testing.TB, p *ops.Port, c net.Conn, s *ops.Socket, data []byte) {
	t.Helper()
	j := newJob()
	j.SetBuffer(make([]byte, 1))
	j.pend(t, s.ReceiveAsync) // read-ahead begins with the first
	_, err := c.Write([]byte{0})
	require.NoError(t, err)
	j.wait(t)
	before := p.Stats().Buffers.Leases
	_, err = c.Write(data)
	require.NoError(t, err)
	waitStats(t, p, "the data is there", func(s ops.Stats) bool { return s.Buffers.Leases > before })
}

func TestDataThatArrivedIsReceivedAtOnce(t *testing.T) {
	tests := []struct {
		name string
		set  func(*ops.Op)
		want string
		rest string
	}{
		{"a buffer that the kernel picks", func(*ops.Op) {}, "hello", ""},
		{"a buffer of the op's own", func(op *ops.Op) { op.SetBuffer(make([]byte, 100)) }, "hello", ""},
		{"a buffer that is too short", func(op *ops.Op) { op.SetBuffer(make([]byte, 2)) }, "he", "llo"},
		{"a peek", func(op *ops.Op) { op.SocketFlags = ops.Peek; op.SetBuffer(make([]byte, 2)) }, "he", "hello"},
		{"no bytes wanted", func(op *ops.Op) { op.SetBuffer([]byte{}) }, "", "hello"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p := newPort(t, ops.PortConfig{})
			c, s := pair(t, p)
			arriveAhead(t, p, c, s, []byte("hello"))
			j := newJob()
			test.set(j.Op)
			j.atOnce(t, s.ReceiveAsync)
			require.NoError(t, j.Err())
			require.Equal(t, test.want, string(j.Bytes()))
			require.Equal(t, len(test.want), j.BytesTransferred())
			require.NoError(t, j.Close())
			if test.rest != "" {
				j := newJob().atOnce(t, s.ReceiveAsync)
				require.Equal(t, test.rest, string(j.Bytes()))
				require.NoError(t, j.Close())
			}
		})
	}
}

func TestAReceiveScattersOverAList(t *testing.T) {
	pieces := func(lengths ...int) (list [][]byte) {
		for _, n := range lengths {
			list = append(list, make([]byte, n))
		}
		return list
	}
	thousands := make([]int, 1500)
	for i := range thousands {
		thousands[i] = 1
	}
	tests := []struct {
		name string
		list [][]byte
		want int // bytes of the ten that are sent
	}{
		{"in order", pieces(3, 4, 5), 10},
		{"empty pieces are passed over", pieces(0, 3, 0, 0, 2, 0, 1, 20, 0), 10},
		{"the list is shorter", pieces(1, 0, 2), 3},
		{"a nil piece", [][]byte{nil, make([]byte, 10)}, 10},
		{"more pieces than one message has", pieces(thousands...), 10},
		{"empty pieces beyond one message", pieces(append(make([]int, 1020), thousands...)...), 4},
	}
	eachMode(t, func(t *testing.T, p *ops.Port) {
		for _, test := range tests {
			t.Run(test.name, func(t *testing.T) {
				c, s := pair(t, p)
				j := newJob()
				j.SetBufferList(test.list)
				j.pend(t, s.ReceiveAsync)
				_, err := c.Write([]byte("0123456789"))
				require.NoError(t, err)
				j.wait(t)
				require.NoError(t, j.Err())
				require.Nil(t, j.Bytes())
				n := j.BytesTransferred()
				require.GreaterOrEqual(t, n, test.want)
				require.Equal(t, "0123456789"[:n], string(bytes.Join(test.list, nil)[:n]))
				rest := newJob()
				for n < 10 {
					rest.run(t, s.ReceiveAsync)
					require.Equal(t, "0123456789"[n:][:rest.BytesTransferred()], string(rest.Bytes()))
					n += rest.BytesTransferred()
				}
				require.NoError(t, rest.Close())
				require.NoError(t, s.Close())
			})
		}
	})
}

func TestAListIsASnapshot(t *testing.T) {
	eachMode(t, func(t *testing.T, p *ops.Port) {
		c, s := pair(t, p)
		kept := make([]byte, 1)
		list := [][]byte{kept}
		j := newJob()
		j.SetBufferList(list)
		for i := range 10 {
			list[0] = make([]byte, 1000)
			_, err := c.Write([]byte{byte(i)})
			require.NoError(t, err)
			j.run(t, s.ReceiveAsync)
			require.Equal(t, 1, j.BytesTransferred())
			require.Equal(t, byte(i), kept[0])
		}
	})
}

func TestAZeroLengthReceiveWaitsAndConsumesNothing(t *testing.T) {
	buffers := map[string]func(*ops.Op){
		"empty buffer":         func(op *ops.Op) { op.SetBuffer([]byte{}) },
		"list of empty pieces": func(op *ops.Op) { op.SetBufferList([][]byte{{}, nil}) },
	}
	eachMode(t, func(t *testing.T, p *ops.Port) {
		for name, set := range buffers {
			t.Run(name, func(t *testing.T) {
				c, s := pair(t, p)
				for range 3 {
					waiting := newJob()
					set(waiting.Op)
					waiting.pend(t, s.ReceiveAsync)
					_, err := c.Write([]byte{7})
					require.NoError(t, err)
					waiting.wait(t)
					require.NoError(t, waiting.Err())
					require.Zero(t, waiting.BytesTransferred())
					waiting.run(t, s.ReceiveAsync) // the byte is still there
					require.NoError(t, waiting.Err())
					require.Zero(t, waiting.BytesTransferred())
					taking := newJob()
					taking.SetBuffer(make([]byte, 1))
					taking.run(t, s.ReceiveAsync)
					require.Equal(t, []byte{7}, taking.Bytes())
				}
				waiting := newJob()
				set(waiting.Op)
				waiting.pend(t, s.ReceiveAsync)
				require.NoError(t, c.CloseWrite())
				waiting.wait(t)
				require.NoError(t, waiting.Err(), "the end of the stream ends it, too")
				require.NoError(t, s.Close())
			})
		}
	})
}

func TestAZeroLengthReceiveLeavesAnErrorToTheNext(t *testing.T) {
	p := newPort(t, ops.PortConfig{})
	c, s := pair(t, p)
	waiting := newJob()
	waiting.SetBuffer([]byte{})
	waiting.pend(t, s.ReceiveAsync)
	reset(t, c)
	waiting.wait(t)
	require.Equal(t, ops.ConnectionReset, waiting.SocketError())
	j := newJob().run(t, s.ReceiveAsync)
	require.Equal(t, ops.ConnectionReset, j.SocketError())
}

func TestPeekShowsWhatTheNextReceiveTakes(t *testing.T) {
	eachMode(t, func(t *testing.T, p *ops.Port) {
		c, s := pair(t, p)
		peek := newJob()
		peek.SetBuffer(make([]byte, 100))
		peek.SocketFlags = ops.Peek
		peek.pend(t, s.ReceiveAsync)
		_, err := c.Write([]byte("abc"))
		require.NoError(t, err)
		peek.wait(t)
		require.Equal(t, "abc", string(peek.Bytes()))
		require.Zero(t, peek.SocketFlags, "the flags are an answer now")
		peek.SocketFlags = ops.Peek
		peek.SetBuffer(nil)
		peek.SetBufferList([][]byte{make([]byte, 1), make([]byte, 1)})
		peek.run(t, s.ReceiveAsync)
		require.Equal(t, 2, peek.BytesTransferred())
		j := newJob().run(t, s.ReceiveAsync)
		require.Equal(t, "abc", string(j.Bytes()))
		require.NoError(t, j.Close())
	})
}

func TestPeekSeesAcrossBuffers(t *testing.T) {
	p := newPort(t, ops.PortConfig{BufferSize: 64})
	c, s := pair(t, p)
	arriveAhead(t, p, c, s, patterned(150))
	waitStats(t, p, "all is there", func(s ops.Stats) bool { return s.Buffers.Leased == 3 })
	peek := newJob()
	peek.SocketFlags = ops.Peek
	peek.SetBuffer(make([]byte, 200))
	peek.atOnce(t, s.ReceiveAsync)
	require.Equal(t, patterned(150), peek.Bytes())
	j := newJob()
	j.SetBuffer(make([]byte, 200))
	j.atOnce(t, s.ReceiveAsync)
	require.Equal(t, patterned(150), j.Bytes())
}

func TestAReceiveIsRefusedWithItsReason(t *testing.T) {
	p := newPort(t, ops.PortConfig{})
	_, s := pair(t, p)
	l := listen(t, p, ops.ListenConfig{})
	own := make([]byte, 1)
	tests := []struct {
		name   string
		socket *ops.Socket
		set    func(*ops.Op)
		want   error
	}{
		{"both kinds of memory", s, func(op *ops.Op) { op.SetBuffer(own); op.SetBufferList([][]byte{own}) }, ops.ErrArgument},
		{"Multishot into own memory", s, func(op *ops.Op) { op.Multishot = true; op.SetBuffer(own) }, ops.ErrArgument},
		{"Multishot and Peek", s, func(op *ops.Op) { op.Multishot = true; op.SocketFlags = ops.Peek }, ops.ErrArgument},
		{"Peek without memory", s, func(op *ops.Op) { op.SocketFlags = ops.Peek }, ops.ErrArgument},
		{"a listener", l, func(*ops.Op) {}, syscall.ENOTCONN},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			j := newJob()
			test.set(j.Op)
			j.atOnce(t, test.socket.ReceiveAsync)
			require.ErrorIs(t, j.Err(), test.want)
		})
	}
}

func TestReceivesCompleteInTheirOrder(t *testing.T) {
	tests := map[string]func(*ops.Op){
		"buffers of one byte":      func(op *ops.Op) { op.SetBuffer(make([]byte, 1)) },
		"lists of one byte":        func(op *ops.Op) { op.SetBufferList([][]byte{{}, make([]byte, 1)}) },
		"buffers of the kernel's":  func(*ops.Op) {},
		"a zero-length one before": nil,
	}
	eachMode(t, func(t *testing.T, p *ops.Port) {
		for name, set := range tests {
			t.Run(name, func(t *testing.T) {
				c, s := pair(t, p)
				order := make(chan int, 3)
				var first [3]byte
				for i := range 3 {
					op := ops.NewOp(func(op *ops.Op) {
						if memory := op.BufferList(); memory != nil {
							first[i] = memory[1][0]
						} else if len(op.Bytes()) > 0 {
							first[i] = op.Bytes()[0]
						}
						_ = op.Close()
						order <- i
					})
					switch {
					case set != nil:
						set(op)
					case i == 0:
						op.SetBuffer([]byte{})
					case i == 1:
						op.SetBuffer(make([]byte, 1))
						op.SocketFlags = ops.Peek
					}
					require.True(t, s.ReceiveAsync(op))
				}
				separate := name == "buffers of the kernel's"
				if !separate {
					_, err := c.Write([]byte{1, 2, 3, 4, 5})
					require.NoError(t, err)
				}
				for i := range 3 {
					if separate { // otherwise one of them would get all
						_, err := c.Write([]byte{byte(i + 1)})
						require.NoError(t, err)
					}
					require.Equal(t, i, await(t, order))
				}
				if set == nil {
					require.Equal(t, [3]byte{0, 1, 1}, first)
				} else {
					require.Equal(t, [3]byte{1, 2, 3}, first)
				}
				require.NoError(t, s.Close())
			})
		}
	})
}

func TestTheEndOfTheStreamIsSeenAgainAndAgain(t *testing.T) {
	eachMode(t, func(t *testing.T, p *ops.Port) {
		c, s := pair(t, p)
		first, second := newJob().pend(t, s.ReceiveAsync), newJob().pend(t, s.ReceiveAsync)
		require.NoError(t, c.CloseWrite())
		for _, j := range []*job{first, second} {
			j.wait(t)
			require.NoError(t, j.Err())
			require.Zero(t, j.BytesTransferred())
			require.Empty(t, j.Bytes())
		}
		for range 3 {
			j := newJob().atOnce(t, s.ReceiveAsync)
			require.NoError(t, j.Err())
			require.Zero(t, j.BytesTransferred())
		}
		multi := newJob()
		multi.Multishot = true
		multi.run(t, s.ReceiveAsync)
		require.NoError(t, multi.Err())
		require.False(t, multi.More())
		require.True(t, s.Connected(), "the other direction is open")
	})
}

func TestDataComesBeforeTheEnd(t *testing.T) {
	eachMode(t, func(t *testing.T, p *ops.Port) {
		c, s := pair(t, p)
		_, err := c.Write([]byte("last words"))
		require.NoError(t, err)
		require.NoError(t, c.CloseWrite())
		j := newJob().run(t, s.ReceiveAsync)
		require.Equal(t, "last words", string(j.Bytes()))
		j.run(t, s.ReceiveAsync)
		require.NoError(t, j.Err())
		require.Zero(t, j.BytesTransferred())
	})
}

// reset ends a client's connection with RST.
func reset(t testing.TB, c *net.TCPConn) {
	t.Helper()
	require.NoError(t, c.SetLinger(0))
	require.NoError(t, c.Close())
}

func TestAResetIsReportedOnceThenTheEnd(t *testing.T) {
	eachMode(t, func(t *testing.T, p *ops.Port) {
		c, s := pair(t, p)
		first, second := newJob().pend(t, s.ReceiveAsync), newJob().pend(t, s.ReceiveAsync)
		reset(t, c)
		first.wait(t)
		require.Equal(t, ops.ConnectionReset, first.SocketError())
		require.ErrorIs(t, first.Err(), syscall.ECONNRESET)
		second.wait(t)
		require.NoError(t, second.Err())
		require.Zero(t, second.BytesTransferred())
		require.False(t, s.Connected())
		j := newJob().run(t, s.ReceiveAsync)
		require.NoError(t, j.Err())
		require.Zero(t, j.BytesTransferred())
	})
}

func TestATakenBufferOutlivesTheNextStart(t *testing.T) {
	eachMode(t, func(t *testing.T, p *ops.Port) {
		c, s := pair(t, p)
		_, err := c.Write([]byte("keep me"))
		require.NoError(t, err)
		j := newJob().run(t, s.ReceiveAsync)
		kept := j.TakeBuffer()
		require.True(t, j.TakeBuffer().IsZero(), "it is taken once")
		for range 2000 { // every buffer comes round
			_, err := c.Write([]byte("other"))
			require.NoError(t, err)
			j.run(t, s.ReceiveAsync)
		}
		require.Equal(t, "keep me", string(kept.Bytes()))
		kept.Release()
		require.Panics(t, kept.Release)
		require.NoError(t, j.Close())
	})
}

func TestStartingAnOpAgainReleasesItsBuffer(t *testing.T) {
	eachMode(t, func(t *testing.T, p *ops.Port) {
		c, s := pair(t, p)
		_, err := c.Write([]byte{1})
		require.NoError(t, err)
		j := newJob().run(t, s.ReceiveAsync)
		require.Equal(t, 1, p.Stats().Buffers.Leased)
		j.pend(t, s.ReceiveAsync)
		require.Zero(t, p.Stats().Buffers.Leased)
		require.Nil(t, j.Bytes())
		require.NoError(t, c.Close())
		j.wait(t)
	})
}

func TestAnOpInFlightCannotBeTouched(t *testing.T) {
	p := newPort(t, ops.PortConfig{})
	c, s := pair(t, p)
	j := newJob().pend(t, s.ReceiveAsync)
	require.Panics(t, func() { s.ReceiveAsync(j.Op) })
	require.Panics(t, func() { s.SendAsync(j.Op) })
	require.Panics(t, func() { j.SetBuffer(nil) })
	require.Panics(t, func() { j.SetBufferList(nil) })
	j.UserToken, j.SocketFlags, j.RemoteEndpoint = 1, ops.Peek, ops.Endpoint{}
	_, err := c.Write([]byte("well"))
	require.NoError(t, err)
	require.Equal(t, "well", string(j.wait(t).Bytes()))
	require.NoError(t, j.Close())
}

func TestAnOpClosedInFlightStillCompletes(t *testing.T) {
	eachMode(t, func(t *testing.T, p *ops.Port) {
		c, s := pair(t, p)
		seen := make(chan string, 1)
		op := ops.NewOp(func(op *ops.Op) { seen <- string(op.Bytes()) })
		require.True(t, s.ReceiveAsync(op))
		require.NoError(t, op.Close())
		require.NoError(t, op.Close(), "Close is idempotent")
		_, err := c.Write([]byte("last"))
		require.NoError(t, err)
		require.Equal(t, "last", await(t, seen))
		require.False(t, s.ReceiveAsync(op))
		require.ErrorIs(t, op.Err(), net.ErrClosed)
	})
}

func TestOneOpServesManySockets(t *testing.T) {
	p := newPort(t, ops.PortConfig{})
	j := newJob()
	for i := range 5 {
		c, s := pair(t, p)
		_, err := c.Write([]byte{byte(i)})
		require.NoError(t, err)
		j.run(t, s.ReceiveAsync)
		require.Equal(t, []byte{byte(i)}, j.Bytes())
		require.Same(t, s, j.Socket())
	}
	require.NoError(t, j.Close())
}

func TestStreamsAreReceivedWhole(t *testing.T) {
	length := megabytes(6)
	ways := map[string]func(*ops.Op){
		"the kernel's buffers": func(*ops.Op) {},
		"own buffers":          func(op *ops.Op) { op.SetBuffer(make([]byte, 50001)) },
		"own small buffers":    func(op *ops.Op) { op.SetBuffer(make([]byte, 777)) },
		"lists": func(op *ops.Op) {
			op.SetBufferList([][]byte{make([]byte, 256), nil, make([]byte, 1), make([]byte, 9000)})
		},
	}
	eachMode(t, func(t *testing.T, p *ops.Port) {
		for name, set := range ways {
			t.Run(name, func(t *testing.T) {
				c, s := pair(t, p)
				written := writeAll(c, patterned(length))
				var check streamCheck
				op, done := ops.NewOp(nil), make(chan struct{})
				set(op)
				receive := func(op *ops.Op) {
					for {
						if op.BytesTransferred() == 0 {
							_ = s.Close()
							close(done)
							return
						}
						takeFrom(op, &check)
						if s.ReceiveAsync(op) {
							return
						}
					}
				}
				op.Completed = receive
				onPort(t, p, func() {
					if !s.ReceiveAsync(op) {
						receive(op)
					}
				})
				require.NoError(t, await(t, written))
				require.NoError(t, c.CloseWrite())
				await(t, done)
				check.require(t, length)
			})
		}
	})
}

// takeFrom passes on what an op received, into whichever memory.
func takeFrom(op *ops.Op, check *streamCheck) {
	n := op.BytesTransferred()
	if op.BufferList() == nil {
		check.take(op.Bytes())
		return
	}
	for _, piece := range op.BufferList() {
		m := min(n, len(piece))
		check.take(piece[:m])
		n -= m
	}
}
