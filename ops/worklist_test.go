package ops

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTheWorkListHoldsASocketOnce(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	sockets := manySockets(10)
	list, model := workList{}, []*Socket(nil)
	for range 5000 {
		s := sockets[random.IntN(len(sockets))]
		listed := slices.Contains(model, s)
		switch random.IntN(4) {
		case 0, 1:
			list.push(s)
			if !listed {
				model = append(model, s)
			}
		case 2:
			list.pushFront(s)
			if !listed {
				model = append([]*Socket{s}, model...)
			}
		case 3:
			var want *Socket
			if len(model) > 0 {
				want, model = model[0], model[1:]
			}
			require.Same(t, want, list.pop())
		}
		require.Equal(t, len(model) > 0, list.head != nil)
		require.Equal(t, len(model) > 0, list.tail != nil)
	}
	for _, want := range model {
		require.Same(t, want, list.pop())
	}
	require.Nil(t, list.pop())
}

func TestASocketQueueIsALine(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 8))
	sockets := manySockets(10)
	queue, model := socketQueue{}, []*Socket(nil)
	for range 5000 {
		s := sockets[random.IntN(len(sockets))]
		switch random.IntN(4) {
		case 0, 1:
			queue.push(s)
			if !slices.Contains(model, s) {
				model = append(model, s)
			}
		case 2:
			queue.remove(s)
			model = slices.DeleteFunc(model, func(o *Socket) bool { return o == s })
		case 3:
			var want *Socket
			if len(model) > 0 {
				want, model = model[0], model[1:]
			}
			require.Same(t, want, queue.pop())
		}
		require.Equal(t, len(model), queue.count)
		require.Equal(t, len(model) > 0, queue.head != nil)
		require.Equal(t, len(model) > 0, queue.tail != nil)
	}
	for _, want := range model {
		require.Same(t, want, queue.pop())
	}
	require.Nil(t, queue.pop())
}

func TestTheSocketListHoldsWhatWasNotRemoved(t *testing.T) {
	random := rand.New(rand.NewPCG(9, 10))
	var list socketList
	model := map[*Socket]bool{}
	for range 5000 {
		if len(model) < 20 && random.IntN(2) == 0 {
			s := new(Socket)
			list.add(s)
			model[s] = true
		} else {
			for s := range model {
				list.remove(s)
				delete(model, s)
				break
			}
		}
		require.Equal(t, len(model), list.count)
		found := 0
		for s := list.head; s != nil; s = s.next {
			require.True(t, model[s])
			if s.next != nil {
				require.Same(t, s, s.next.prev)
			}
			found++
		}
		require.Equal(t, len(model), found)
	}
}

func manySockets(n int) []*Socket {
	sockets := make([]*Socket, n)
	for i := range sockets {
		sockets[i] = new(Socket)
	}
	return sockets
}
