package ops

import (
	"math/rand/v2"
	"testing"
)

// FuzzDispatch lets users and kernel do anything that they may, in any order. No op is lost or completes twice, no byte
// is lost or doubled, nothing is left, and nothing waits while it could go on.
func FuzzDispatch(f *testing.F) {
	for seed := range uint64(300) {
		random := rand.New(rand.NewPCG(seed, 1))
		script := make([]byte, 50+random.IntN(2000))
		for i := range script {
			script[i] = byte(random.Uint32())
		}
		f.Add(script)
	}
	f.Fuzz(func(t *testing.T, script []byte) { playChaos(t, script) })
}
