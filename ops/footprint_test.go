package ops

import (
	"reflect"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

// What a connection takes decides how many a machine can hold: whoever adds a field to these asks first whether every
// connection needs it, or belongs into socketExtra or opExtra.
func TestAnIdleConnectionStaysSmall(t *testing.T) {
	if strconv.IntSize != 64 {
		t.Skip("sizes are those of 64 bits")
	}
	require.LessOrEqual(t, reflect.TypeFor[Socket]().Size(), uintptr(240), "Socket")
	require.LessOrEqual(t, reflect.TypeFor[Op]().Size(), uintptr(256), "Op")
}
