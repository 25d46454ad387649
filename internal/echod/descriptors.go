package echod

import (
	"log/slog"
	"math"

	"golang.org/x/sys/unix"
)

// What descriptors are kept for, beside connections.
const (
	// ownDescriptors is for the process: its streams, those of Go's runtime, the pipes to a successor, and files that
	// are read for a moment.
	ownDescriptors = 16
	// shardDescriptors is for a shard: the ring, and what wakes it up.
	shardDescriptors = 2
	// listenerDescriptors is for a listener of a shard: the socket, its duplicate for a successor, and the connection
	// that is accepted beyond the limit and waits.
	listenerDescriptors = 3
	// leavingShare is the part of all, one in so many, for connections that have ended and are not closed yet.
	leavingShare = 32
	// adminShare is the part of all, one in so many, that the admin pages have at most.
	adminShare = 8
)

// descriptors is how the descriptors of the process are divided.
type descriptors struct {
	limit     int  // on the open files of the process
	shards    int  // that it has
	listeners int  // of each shard
	admin     bool // it has admin pages
}

// openFiles is the limit on the open files of this process. Go has raised it to the hard one.
func openFiles() int {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil { // which it does for no valid arguments
		return math.MaxInt32
	}
	return int(min(limit.Cur, math.MaxInt32))
}

// adminConns is how many connections the admin pages may have at a time.
func (d descriptors) adminConns() int { return min(adminConns, max(d.limit/adminShare, 1)) }

// reserve is how many are kept for what is no connection of a client.
func (d descriptors) reserve() int {
	n := ownDescriptors + d.shards*(shardDescriptors+listenerDescriptors*d.listeners) + d.limit/leavingShare
	if d.admin {
		n += 2 + d.adminConns() // the listener, and its duplicate for a successor
	}
	return n
}

// room is how many connections of clients there are descriptors for, one at least.
func (d descriptors) room() int { return max(d.limit-d.reserve(), 1) }

// lower is as many of the connections as there is room for.
func (d descriptors) lower(maxConns int) int { return min(maxConns, d.room()) }

// tellLowered warns when there are descriptors for fewer connections than were asked for.
func (d descriptors) tellLowered(log *slog.Logger, maxConns int) {
	if room := d.room(); room < maxConns {
		log.Warn("fewer connections are served than --max-conns says, since the limit on open files is too low for them; "+
			"raise it (LimitNOFILE= in the unit, ulimit -n, docker run --ulimit nofile=), or lower --max-conns",
			"max_conns", maxConns, "served", room, "open_files", d.limit, "want_open_files", d.want(maxConns))
	}
}

// want is a limit on open files that leaves room for so many connections.
func (d descriptors) want(maxConns int) int {
	for d.limit = maxConns; d.limit-d.reserve() < maxConns; {
		d.limit += maxConns - (d.limit - d.reserve())
	}
	return d.limit
}
