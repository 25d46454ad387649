package load

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMessagesDiffer(t *testing.T) {
	p := newPayload(200, 7)
	seen := map[string]bool{}
	for conn := range 10 {
		for number := range uint64(100) {
			message := make([]byte, 200)
			p.put(message, number, markOf(7, conn))
			require.False(t, seen[string(message)])
			seen[string(message)] = true
			require.True(t, p.isMessage(message, number, markOf(7, conn)))
		}
	}
}

func TestAMessageComesFromItsSeed(t *testing.T) {
	message := func(seed uint64) []byte {
		b := make([]byte, 64)
		newPayload(64, seed).put(b, 5, markOf(seed, 3))
		return b
	}
	require.Equal(t, message(1), message(1))
	require.NotEqual(t, message(1), message(2))
}

func TestEveryBytePartOfAMessageIsRecognised(t *testing.T) {
	for _, size := range []int{headerSize, headerSize + 1, 64, 5000} {
		p := newPayload(size, 1)
		message := make([]byte, size)
		p.put(message, 9, markOf(1, 0))
		random := rand.New(rand.NewPCG(1, uint64(size)))
		for range 500 {
			from := random.IntN(size)
			to := from + 1 + random.IntN(size-from)
			part := slices.Clone(message[from:to])
			require.True(t, p.isPart(part, from, 9, markOf(1, 0)))
			i, bit := random.IntN(len(part)), byte(1)<<random.IntN(8)
			part[i] ^= bit
			require.False(t, p.isPart(part, from, 9, markOf(1, 0)))
			at, want := p.firstDifference(part, from, 9, markOf(1, 0))
			require.Equal(t, i, at)
			require.Equal(t, part[i]^bit, want)
		}
	}
}

// A stream may be cut anywhere: what is verified must not depend on where.
func TestAStreamIsVerifiedHoweverItIsCut(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for _, size := range []int{headerSize, 40, 1000} {
		p := newPayload(size, 1)
		const count = 200
		var stream []byte
		tr := trail{mark: markOf(1, 0)}
		for number := range uint64(count) {
			message := make([]byte, size)
			p.put(message, number, tr.mark)
			stream = append(stream, message...)
			tr.begin(moment(number), 0)
		}
		for len(stream) > 0 {
			n := 1 + random.IntN(min(len(stream), 3*size))
			whole, wrong := tr.verify(p, stream[:n])
			require.Nil(t, wrong)
			for range whole {
				number := tr.back
				require.Equal(t, moment(number), tr.end())
			}
			stream = stream[n:]
		}
		require.Equal(t, uint64(count), tr.back)
		require.Zero(t, tr.outstanding())
	}
}

func TestTheFirstWrongByteOfAStreamIsFoundHoweverItIsCut(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	for range 300 {
		size, count := headerSize+random.IntN(100), uint64(1+random.IntN(10))
		p := newPayload(size, 1)
		tr := trail{mark: markOf(1, 0)}
		stream := make([]byte, size*int(count))
		for number := range count {
			p.put(stream[int(number)*size:], number, tr.mark)
			tr.begin(0, 0)
		}
		place, bit := random.IntN(len(stream)), byte(1)<<random.IntN(8)
		stream[place] ^= bit
		var wrong *EchoError
		for wrong == nil {
			require.NotEmpty(t, stream, "the byte %d was not found", place)
			n := 1 + random.IntN(min(len(stream), 3*size))
			var whole int
			whole, wrong = tr.verify(p, stream[:n])
			for range whole {
				tr.end()
			}
			stream = stream[n:]
		}
		require.Equal(t, uint64(place), wrong.Offset)
		require.Equal(t, place%size, wrong.At)
		require.Equal(t, uint64(place/size), wrong.Message)
		require.Equal(t, bit, wrong.Got^wrong.Want)
	}
}

func TestATrailKeepsTheTimesOfItsMessagesAsItGrows(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 8))
	var tr trail
	var want []moment
	for now := range moment(5000) {
		if len(want) > 0 && random.IntN(5) < 2 {
			require.Equal(t, want[0], tr.end())
			want = want[1:]
			continue
		}
		tr.begin(now, now)
		want = append(want, now)
		require.Equal(t, len(want), tr.outstanding())
	}
	var sum moment
	for _, began := range want {
		sum += 6000 - began
	}
	require.Equal(t, sum, tr.ages(6000))
}
