// Command echobench measures echo servers, on io_uring.
//
//	echobench run tcp://127.0.0.1:7007                            one connection, one message at a time
//	echobench run tcp://127.0.0.1:7007 --conns 1000 --pid 4711    and what it costs the server
//	echobench run tcp://127.0.0.1:7007 --conns 64 --rate 50000    latencies at a load, counted from the schedule
//	echobench run --help                                          all flags
//	echobench compare --servers servers.toml                      several servers under several loads, and a report
//	echobench report bin/bench/report-DATE                        writes that report anew, from its figures
//	echobench agent /shared/agent.sock                            starts servers for it in another container
//
// It verifies every byte that comes back, and checks its own figures: a run in which the generator was late, or in
// which counts do not agree, is void and says so.
//
// The exit status:
//
//	0  the run is sound, or the comparison measured its first server
//	1  it failed, or is void
//	2  the command line is wrong
package main

import (
	"os"

	"github.com/ringport/ringport/internal/echobench"
)

func main() { os.Exit(echobench.Main()) }
