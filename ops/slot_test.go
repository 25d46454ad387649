package ops

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSlotsAreFoundUntilTheyAreReleased(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	table := newSlotTable()
	taken := map[token]*Socket{}
	var stale []token
	for range 5000 {
		if len(taken) < 50 && random.IntN(2) == 0 {
			s := new(Socket)
			tok := table.take(s, kind(1+random.IntN(int(kindCount)-1)))
			require.NotContains(t, taken, tok)
			taken[tok] = s
		} else {
			for tok := range taken {
				table.release(tok)
				delete(taken, tok)
				stale = append(stale, tok)
				break
			}
		}
		for tok, s := range taken {
			require.Same(t, s, table.find(tok).socket)
			break
		}
		if len(stale) > 0 {
			require.Nil(t, table.find(stale[random.IntN(len(stale))]))
		}
		require.Equal(t, len(taken), table.taken)
	}
	require.LessOrEqual(t, len(table.slots), 50, "slots are used again before the table grows")
}

func TestASlotsGenerationWraps(t *testing.T) {
	table := tableOf(0, generationMask)
	last := table.take(nil, kindSend)
	require.EqualValues(t, generationMask, last.generation())
	table.release(last)
	first := table.take(nil, kindSend)
	require.Zero(t, first.generation())
	require.Nil(t, table.find(last))
	require.NotNil(t, table.find(first))
}

func TestATokenThatWasNeverGivenFindsNobody(t *testing.T) {
	table := newSlotTable()
	require.Nil(t, table.find(0))
	require.Nil(t, table.find(newToken(0, 0, kindSend)))
	tok := table.take(nil, kindSend)
	require.Nil(t, table.find(newToken(0, 0, kindReceive)), "of another kind")
	require.Nil(t, table.find(newToken(1, 0, kindSend)), "of a slot that is not there")
	table.release(newToken(0, 1, kindSend)) // of a request that is still to come
	require.NotNil(t, table.find(tok))
}

func TestASlotThatIsReleasedTwiceIsFreeOnce(t *testing.T) {
	table := newSlotTable()
	tok := table.take(nil, kindSend)
	table.release(tok)
	table.release(tok)
	require.NotEqual(t, table.take(nil, kindSend).slot(), table.take(nil, kindSend).slot())
	require.Equal(t, 2, table.taken)
}

func TestTheSlotTableNamesItsLimit(t *testing.T) {
	table := slotTable{free: noSlot, slots: make([]slot, maxSlots)}
	require.PanicsWithValue(t, "ops: more than 4194304 requests are in flight on one port", func() {
		table.take(nil, kindSend)
	})
}
