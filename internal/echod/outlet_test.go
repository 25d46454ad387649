package echod

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// countLost keeps what an outlet says that it lost.
func countLost(total *uint64) func(uint64) {
	return func(lines uint64) { *total += lines }
}

func TestLogLinesComeInTheirOrder(t *testing.T) {
	var log bytes.Buffer
	var lost, want = uint64(0), strings.Builder{}
	o := newOutlet(&log, countLost(&lost))
	for i := range outletLines / 2 {
		fmt.Fprintf(o, "line %d\n", i)
		fmt.Fprintf(&want, "line %d\n", i)
	}
	o.close()
	require.Equal(t, want.String(), log.String())
	require.Zero(t, lost)
}

func TestALineIsCopied(t *testing.T) {
	read, write, err := os.Pipe()
	require.NoError(t, err)
	defer read.Close()
	o := newOutlet(write, countLost(new(uint64)))
	line := []byte("first\n")
	_, err = o.Write(line)
	require.NoError(t, err)
	copy(line, "wrong")
	o.close()
	require.NoError(t, write.Close())
	var got bytes.Buffer
	_, err = got.ReadFrom(read)
	require.NoError(t, err)
	require.Equal(t, "first\n", got.String())
}

func TestALogThatTakesNothingKeepsNobodyWaiting(t *testing.T) {
	read, write, err := os.Pipe()
	require.NoError(t, err)
	defer read.Close()
	defer write.Close()
	var lost uint64
	told := make(chan struct{}, 1)
	o := newOutlet(write, func(lines uint64) {
		lost += lines
		told <- struct{}{}
	})
	long := strings.Repeat("x", 1023) + "\n"
	const lines = 4 * outletLines // more than the pipe and the outlet hold
	for range lines {
		_, err := o.Write([]byte(long)) // returns, though nobody reads
		require.NoError(t, err)
	}

	got := make(chan int)
	go func() {
		var all bytes.Buffer
		_, _ = all.ReadFrom(read)
		got <- strings.Count(all.String(), "\n")
	}()
	<-told // what was lost, once lines go out again
	o.close()
	require.NoError(t, write.Close())
	require.Equal(t, lines, <-got+int(lost), "every line was written or counted")
	require.Positive(t, lost)
}

func TestALogThatFailsCostsItsLinesOnly(t *testing.T) {
	read, write, err := os.Pipe()
	require.NoError(t, err)
	defer write.Close()
	require.NoError(t, read.Close())
	o := newOutlet(write, countLost(new(uint64)))
	n, err := o.Write([]byte("into the void\n"))
	require.NoError(t, err)
	require.Equal(t, len("into the void\n"), n)
	o.close()
}
