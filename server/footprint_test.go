package server

import (
	"reflect"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

// The heap has a size class of 448 bytes, and the next one is 480: whoever adds a field that most sessions do not use
// most of the time finds a place for it in parting or queue.
func TestAnIdleSessionStaysSmall(t *testing.T) {
	if strconv.IntSize != 64 {
		t.Skip("sizes are those of 64 bits")
	}
	require.LessOrEqual(t, reflect.TypeFor[Session]().Size(), uintptr(448))
}
