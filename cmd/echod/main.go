// Command echod sends back what it receives, over TCP, UDP (RFC 862) and Unix sockets, on io_uring. It can discard
// instead (RFC 863).
//
//	echod                                         on tcp://127.0.0.1:7007
//	echod --listen tcp://:7007 --max-conns 10000  on every address
//	echod --admin 127.0.0.1:9107                  with /metrics, /livez and /readyz
//	echod --config /etc/echod/echod.toml          as the file says
//	echod --help                                  all flags; settings are ECHOD_ variables and keys of the file as well
//	echod healthcheck tcp://127.0.0.1:7007        asks whether it works
//
// It logs one line to stderr when it is ready, with the addresses really bound. A log that is full or closed costs
// lines, never the service.
//
// Signals:
//
//	SIGTERM, SIGINT  end it: it accepts no more connections, sends what is still queued, and closes what is left after
//	                 --drain-timeout; a second one ends it at once
//	SIGHUP           reads the file of --config again: limits, times, UDP rates and the log level change, everything
//	                 else waits for a restart
//	SIGUSR1          logs one line of figures
//	SIGUSR2          starts the program again, from the path by which it was started, leaves the listeners to the new
//	                 process, and ends as after SIGTERM once that serves; no connection is refused. If it does not
//	                 serve within half a minute, this process goes on.
//
// With --take-over, a second echod may also be started beside one that is told to stop afterwards. The kernel divides
// the connections between the two, and those that wait for the one that ends may be reset: SIGUSR2 is the better way.
//
// Under systemd it says when it is ready, reloads and stops, feeds the watchdog as long as every shard turns, and
// serves on sockets that were made for it (Type=notify or notify-reload, WatchdogSec=, socket units).
//
// The exit status:
//
//	0  it served and was told to stop
//	1  it could not serve, or was told to quit at once
//	2  the command line, the environment or the file is wrong
package main

import (
	"os"

	"github.com/ringport/ringport/internal/echod"
)

func main() { os.Exit(echod.Main()) }
