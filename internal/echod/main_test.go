package echod

import (
	"fmt"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// role says, in the environment of a child, what the test binary is there.
const role = "ECHO_TEST_ROLE"

const (
	roleDaemon  = "daemon"  // echod itself
	roleRefused = "refused" // echod where io_uring_setup is refused
	roleMute    = "mute"    // a process that never says anything
)

// TestMain runs the tests, or in a child of theirs the daemon.
func TestMain(m *testing.M) {
	switch os.Getenv(role) {
	case roleDaemon:
		os.Exit(Main())
	case roleRefused:
		if err := refuseRings(); err != nil {
			fmt.Fprintln(os.Stderr, "refuse rings:", err)
			os.Exit(99)
		}
		os.Exit(Main())
	case roleMute:
		_ = unix.Pause() // until it is killed
	default:
		os.Exit(m.Run())
	}
}
