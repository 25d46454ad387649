package load

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzVerify feeds a stream with whatever a server may send, in pieces of any size, and compares what is said about it
// with a comparison of the whole.
func FuzzVerify(f *testing.F) {
	p := newPayload(headerSize+8, 1)
	mark := markOf(1, 0)
	stream := func(count int) (all []byte) {
		all = make([]byte, count*p.size)
		for n := range count {
			p.put(all[n*p.size:], uint64(n), mark)
		}
		return all
	}
	f.Add(stream(3), uint8(3), uint8(7))
	f.Add(stream(4), uint8(2), uint8(255))
	f.Add(stream(2)[1:], uint8(2), uint8(1))
	f.Add(append(stream(1), stream(1)...), uint8(2), uint8(0))
	f.Fuzz(func(t *testing.T, data []byte, sent, cut uint8) {
		want := stream(int(sent))
		right := 0
		for right < len(data) && right < len(want) && data[right] == want[right] {
			right++
		}
		tr := trail{mark: mark}
		for range sent {
			tr.begin(0, 0)
		}
		var wrong *EchoError
		for rest := data; len(rest) > 0 && wrong == nil; {
			n := min(int(cut)+1, len(rest))
			var whole int
			whole, wrong = tr.verify(p, rest[:n])
			for range whole {
				tr.end()
			}
			rest = rest[n:]
		}
		require.Equal(t, right/p.size, int(tr.back))
		if right == len(data) {
			require.Nil(t, wrong)
			return
		}
		require.NotNil(t, wrong)
		require.Equal(t, uint64(right), wrong.Offset)
		require.NotEmpty(t, wrong.Error())
		require.Equal(t, right == len(want), wrong.Extra > 0)
	})
}

// FuzzFind feeds a UDP client with whatever may come.
func FuzzFind(f *testing.F) {
	p := newPayload(headerSize+8, 1)
	message := make([]byte, p.size)
	p.put(message, 2, markOf(1, 0))
	f.Add(message)
	f.Add(message[:5])
	f.Add([]byte{})
	f.Add(append(message, 0))
	f.Fuzz(func(t *testing.T, data []byte) {
		g := &generator{cfg: Config{Depth: 4, Size: p.size, Seed: 1}, payload: p}
		d := newDatagrams(g, 0)
		for n := range uint64(4) {
			d.slots[n] = slot{number: n, live: n != 1}
		}
		d.next, d.onWay = 4, 3
		s, wrong := d.find(data)
		if s != nil {
			require.Nil(t, wrong)
			message := make([]byte, p.size)
			p.put(message, s.number, d.mark)
			require.Equal(t, message, data)
			return
		}
		if wrong != nil {
			require.NotEmpty(t, wrong.Error())
			return
		}
		p.put(message, 1, d.mark)
		require.Equal(t, message, data, "only what was on its way before may be passed over")
	})
}

// FuzzParseCPUs feeds the list that people write.
func FuzzParseCPUs(f *testing.F) {
	for _, list := range []string{"0", "1-3,5", "3-1", "1,,2", "99999999999999999999", " 0 "} {
		f.Add(list)
	}
	f.Fuzz(func(t *testing.T, list string) {
		cpus, err := ParseCPUs(list)
		if err != nil {
			require.ErrorIs(t, err, ErrConfig)
			return
		}
		require.NotEmpty(t, cpus)
		for _, cpu := range cpus {
			require.GreaterOrEqual(t, cpu, 0)
			require.Less(t, cpu, maxCPUs)
		}
	})
}
