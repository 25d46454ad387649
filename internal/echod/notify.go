package echod

import (
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	systemd "github.com/coreos/go-systemd/v22/daemon"
	"golang.org/x/sys/unix"
)

// manager is the service manager that started echod, as far as it wants to hear of it (sd_notify(3)). Without one
// nothing is sent. Any goroutine may call its methods.
type manager struct {
	send func(state string) error // nil: nobody listens
	log  *slog.Logger

	mu      sync.Mutex
	muted   bool // another process speaks for the service now
	failing bool // the last message did not arrive
}

// ready says that clients are served, and reloading is over.
func (m *manager) ready(status string) { m.tell(systemd.SdNotifyReady, "STATUS="+status) }

// stopping says that the end has begun, and that it may take so long.
func (m *manager) stopping(status string, atMost time.Duration) {
	m.tell(systemd.SdNotifyStopping, "STATUS="+status, extension(atMost))
}

// extend asks for so much more time to stop in.
func (m *manager) extend(status string, atMost time.Duration) {
	m.tell("STATUS="+status, extension(atMost))
}

// extension asks that a phase may take so long from now on.
func extension(d time.Duration) string {
	return fmt.Sprintf("EXTEND_TIMEOUT_USEC=%d", d.Microseconds())
}

// reloading says that the configuration is being read again. The time goes with it in one message: units of
// Type=notify-reload wait for both.
func (m *manager) reloading() {
	var now unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &now) // fails for no clock that Linux has
	m.tell(systemd.SdNotifyReloading, fmt.Sprintf("MONOTONIC_USEC=%d", now.Nano()/int64(time.Microsecond)))
}

// status is a line for people, which "systemctl status" shows.
func (m *manager) status(status string) { m.tell("STATUS=" + status) }

// feed says that the service is well.
func (m *manager) feed() { m.tell(systemd.SdNotifyWatchdog) }

// handOver says which process is the service from now on, and is the last message of this one. The watchdog is fed
// once more, so that the other process has its whole interval.
func (m *manager) handOver(pid int) {
	m.tell(systemd.SdNotifyWatchdog, fmt.Sprintf("MAINPID=%d", pid))
	m.mu.Lock()
	defer m.mu.Unlock()
	m.muted = true
}

// tell sends the assignments in one message. The first one of those that do not arrive is logged.
func (m *manager) tell(assignments ...string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.send == nil || m.muted {
		return
	}
	err := m.send(strings.Join(assignments, "\n"))
	if err != nil && !m.failing {
		m.log.Warn("the service manager cannot be told; is NOTIFY_SOCKET right?", "error", err)
	}
	m.failing = err != nil
}

// notify sends a message to where NOTIFY_SOCKET says; without that it does nothing.
func notify(state string) error {
	_, err := systemd.SdNotify(false, state)
	return err
}
