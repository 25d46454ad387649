//go:build ringdebug

package bufring

// Poison is what a released buffer is filled with in debug builds.
const Poison = 0xDB

// poison overwrites a released buffer, so that reading it on shows at once.
func poison(b []byte) {
	for i := range b {
		b[i] = Poison
	}
}
