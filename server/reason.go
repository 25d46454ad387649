package server

import (
	"errors"
	"syscall"
)

// EndReason is why a session ended.
type EndReason string

// The reasons for which sessions end. They are the values of a label of the daemon's metrics.
const (
	EndedByPeer     EndReason = "peer"          // the peer ended its stream, and got everything
	EndedByHandler  EndReason = "handler"       // Session.Close
	EndedIdle       EndReason = "idle_timeout"  // Config.IdleTimeout
	EndedLifetime   EndReason = "lifetime"      // Config.Lifetime
	EndedUnread     EndReason = "write_timeout" // Config.WriteTimeout
	EndedByReset    EndReason = "reset"         // the peer reset the connection
	EndedByError    EndReason = "error"         // any other error of the connection
	EndedByShutdown EndReason = "drained"       // a shutdown brought it to its end in order
	EndedByCut      EndReason = "cut"           // a shutdown did not wait for it
)

// endReasons are all of them.
var endReasons = []EndReason{
	EndedByPeer, EndedByHandler, EndedIdle, EndedLifetime, EndedUnread, EndedByReset, EndedByError, EndedByShutdown,
	EndedByCut,
}

// RejectReason is why a connection was closed as soon as it was accepted.
type RejectReason string

// The reasons for which connections are rejected.
const (
	RejectedPerIP    RejectReason = "per_ip"   // its address has Config.MaxConnsPerIP already
	RejectedDraining RejectReason = "draining" // the server shuts down
)

// rejectReasons are all of them.
var rejectReasons = []RejectReason{RejectedPerIP, RejectedDraining}

// reasonOf is the reason of an end that the connection's own failure brought.
func reasonOf(err error) EndReason {
	for _, reset := range [...]error{syscall.ECONNRESET, syscall.EPIPE, syscall.ENOTCONN} {
		if errors.Is(err, reset) {
			return EndedByReset
		}
	}
	return EndedByError
}

// DropReason is why a datagram was not answered.
type DropReason string

// The reasons for which datagrams are dropped.
const (
	DroppedPrivilegedPort DropReason = "privileged_port" // from a port below 1024, where services answer by themselves
	DroppedOwnPort        DropReason = "own_port"        // from a port that this server listens on
	DroppedLoop           DropReason = "loop"            // it is an answer: two echo servers were made to talk
	DroppedMulticast      DropReason = "multicast"       // to or from a multicast, broadcast or unspecified address
	DroppedSourceRate     DropReason = "source_rate"     // DatagramConfig.SourceRate
	DroppedTotalRate      DropReason = "total_rate"      // DatagramConfig.TotalRate or TotalBytes
	DroppedTruncated      DropReason = "truncated"       // longer than a receive buffer: the answer would be another
	DroppedUnsent         DropReason = "unsent"          // the kernel refused the answer
	DroppedBusy           DropReason = "busy"            // too many answers wait for the kernel
)
