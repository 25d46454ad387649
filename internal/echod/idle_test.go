package echod

import (
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// processorTime is how long the processor worked for the daemon so far, in clock ticks of 10 ms.
func (d *daemon) processorTime() (ticks int) {
	d.t.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", d.command.Process.Pid))
	require.NoError(d.t, err)
	// The name, which may contain anything, ends at the last parenthesis; after it come the third field and on.
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	for _, field := range fields[11:13] { // utime, stime
		n, err := strconv.Atoi(field)
		require.NoError(d.t, err)
		ticks += n
	}
	return ticks
}

func TestAnIdleDaemonUsesNoProcessor(t *testing.T) {
	d := start(t)
	client := d.dial()
	requireEcho(t, client, "hello")
	before := d.processorTime()
	require.NoError(t, client.SetReadDeadline(time.Now().Add(time.Second)))
	_, err := client.Read(make([]byte, 1))
	var timeout net.Error
	require.ErrorAs(t, err, &timeout)
	require.True(t, timeout.Timeout(), "the daemon has nothing to say")
	// Two ticks of a hundred are for what was still going on at the start; a loop that spins takes all.
	require.LessOrEqual(t, d.processorTime()-before, 2)
}
