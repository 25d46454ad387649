package ops_test

import (
	"net"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ringport/ringport/ops"
)

func TestCancellingAReceiveLeavesTheOthersAndTheSocket(t *testing.T) {
	eachMode(t, func(t *testing.T, p *ops.Port) {
		c, s := pair(t, p)
		for cancelled := range 3 {
			all := jobs(3)
			for _, j := range all {
				j.SetBuffer(make([]byte, 1))
				j.pend(t, s.ReceiveAsync)
			}
			turnBy(t, p) // the first is in the kernel
			s.Cancel(all[cancelled].Op)
			all[cancelled].wait(t)
			require.Equal(t, ops.OperationAborted, all[cancelled].SocketError())
			require.NotErrorIs(t, all[cancelled].Err(), net.ErrClosed)
			require.Zero(t, all[cancelled].BytesTransferred())
			_, err := c.Write([]byte{1, 2})
			require.NoError(t, err)
			next := byte(1)
			for i, j := range all {
				if i != cancelled {
					require.Equal(t, []byte{next}, j.wait(t).Bytes())
					next++
				}
			}
		}
		require.True(t, s.Connected())
	})
}

func TestACancelledZeroLengthReceiveIsAborted(t *testing.T) {
	eachMode(t, func(t *testing.T, p *ops.Port) {
		_, s := pair(t, p)
		j := newJob()
		j.SetBuffer([]byte{})
		j.pend(t, s.ReceiveAsync)
		turnBy(t, p)
		s.Cancel(j.Op)
		require.Equal(t, ops.OperationAborted, j.wait(t).SocketError())
	})
}

func TestCancellingWhatIsNotInFlightDoesNothing(t *testing.T) {
	p := newPort(t, ops.PortConfig{})
	c, s := pair(t, p)
	other, _ := pair(t, p)
	defer other.Close()
	idle := newJob()
	s.Cancel(idle.Op)
	s.Cancel(nil)
	j := newJob().pend(t, s.ReceiveAsync)
	s.Cancel(idle.Op)
	_, err := c.Write([]byte("well"))
	require.NoError(t, err)
	require.NoError(t, j.wait(t).Err())
	s.Cancel(j.Op)
	require.NoError(t, j.Err())
	require.Empty(t, j.completed)
	require.NoError(t, j.Close())
}

func TestCancellingOnAnotherSocketDoesNothing(t *testing.T) {
	p := newPort(t, ops.PortConfig{})
	c, s := pair(t, p)
	_, other := pair(t, p)
	j := newJob().pend(t, s.ReceiveAsync)
	other.Cancel(j.Op)
	turnBy(t, p)
	_, err := c.Write([]byte("well"))
	require.NoError(t, err)
	require.NoError(t, j.wait(t).Err())
	require.NoError(t, j.Close())
}

func TestCancellingASendInTheKernelCountsItsBytes(t *testing.T) {
	for name, try := range map[string]bool{"queued": false, "tried first": true} {
		t.Run(name, func(t *testing.T) {
			p := newPort(t, ops.PortConfig{TrySend: try})
			c, s := smallPair(t, p)
			asleep(t, p)
			const length = 8 << 20
			first, second, third := newJob(), newJob(), newJob()
			first.SetBuffer(patterned(length))
			second.SetBuffer([]byte("cancelled, too"))
			third.SetBuffer([]byte("arrives"))
			for _, j := range []*job{first, second, third} {
				j.pend(t, s.SendAsync)
			}
			turnBy(t, p)
			s.Cancel(second.Op)
			require.Equal(t, ops.OperationAborted, second.wait(t).SocketError())
			require.Zero(t, second.BytesTransferred())
			s.Cancel(first.Op)
			require.Equal(t, ops.OperationAborted, first.wait(t).SocketError())
			sent := first.BytesTransferred()
			require.Greater(t, sent, 0)
			require.Less(t, sent, length)
			require.Equal(t, patterned(sent), readExactly(t, c, sent))
			require.Equal(t, "arrives", string(readExactly(t, c, 7)))
			require.NoError(t, third.wait(t).Err())
		})
	}
}

func TestCancellingOneOfTheGatheredSendsSendsTheOthers(t *testing.T) {
	p := newPort(t, ops.PortConfig{})
	c, s := smallPair(t, p)
	const length = 3 << 20
	all := jobs(3)
	onPort(t, p, func() {
		for i, j := range all {
			j.SetBuffer(patterned(length + i))
			s.SendAsync(j.Op)
		}
	})
	turnBy(t, p)
	s.Cancel(all[1].Op)
	require.Equal(t, ops.OperationAborted, all[1].wait(t).SocketError())
	require.Zero(t, all[1].BytesTransferred())
	require.Equal(t, patterned(length), readExactly(t, c, length))
	require.Equal(t, patterned(length+2), readExactly(t, c, length+2))
	require.NoError(t, all[0].wait(t).Err())
	require.NoError(t, all[2].wait(t).Err())
}

func TestCancellingAStormOfOpsHangsNone(t *testing.T) {
	eachMode(t, func(t *testing.T, p *ops.Port) {
		c, s := pair(t, p)
		stop := make(chan struct{})
		written := make(chan int, 1)
		go func() {
			n := 0
			for {
				select {
				case <-stop:
					_ = c.CloseWrite()
					written <- n
					return
				default:
					b := make([]byte, 1000)
					pattern(b, n)
					m, _ := c.Write(b)
					n += m
				}
			}
		}()
		var check streamCheck
		all := jobs(3)
		for range 1500 {
			for _, j := range all {
				j.SetBuffer(make([]byte, 100))
				if !s.ReceiveAsync(j.Op) {
					j.completed <- struct{}{}
				}
			}
			for _, j := range all {
				s.Cancel(j.Op)
			}
			for _, j := range all {
				j.wait(t)
				check.take(j.Bytes())
			}
		}
		close(stop)
		rest := newJob()
		for rest.run(t, s.ReceiveAsync).BytesTransferred() > 0 {
			check.take(rest.Bytes())
		}
		check.require(t, await(t, written)) // nothing is lost, nothing reordered
		require.NoError(t, rest.Close())
	})
}
