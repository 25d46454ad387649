// Package server runs TCP, Unix and UDP services on completion ports: listeners, sessions and their limits. It is
// policy only; what moves the bytes is package ops.
//
// A Server consists of shards. Each has a port, with the goroutine that owns it, a listener for every address, and the
// sessions of the connections that the kernel gave to that listener. (Shards have TCP sockets of their own, by
// SO_REUSEPORT, and share Unix sockets and inherited ones.) A Handler hears of sessions on the goroutine of their
// shard:
//
//	accept -> Handler.Opened -> Handler.Received ... -> Handler.Closed
//
// # What is queued
//
// Whatever a session is given to send goes out in order. All that a session is given in one turn of the port becomes
// one system call, which takes what the socket takes at once. The rest is copied to a queue of the session's own, and
// the receive buffers are released, so that peers who do not read cost their queue and never the buffers that all
// share. From Config.HighWater on the session's receiving pauses, until half of that is left; TCP then slows the
// peer down.
//
// # How a session ends
//
// By itself when the peer ends its side, with Session.Close, or after Config.Lifetime: what is queued goes out, then
// the end of the stream, then the session reads and discards until the peer has ended its side too, or
// Config.LingerTimeout has passed.
// Linux throws away what the peer has not read yet when a connection is closed that still receives, so nothing less
// keeps every byte. An error or a timeout closes the connection at once. Handler.Closed is told which it was.
//
// # One server after another
//
// Server.ListenerFiles gives duplicates of the listening sockets, which another process can pass to its server as
// Config.Inherited. Once that one is served, Server.Retire ends the first: its clients are served to their end, and the
// listeners stay with the second, so that nobody is refused.
//
// # Datagrams
//
// For udp:// addresses every shard has a socket, and a [DatagramHandler] writes the answer over what was received. The
// sender of a datagram is whatever the sender says, so that a server which answers all can be made to send to hosts
// that never asked, or to another such server, for ever. Therefore only loopback addresses are served unless
// DatagramConfig.Public is set, answers are never longer than what they answer, and datagrams are dropped, and counted
// by their [DropReason], in this order:
//
//   - from ports below 1024, and from ports that this server listens on;
//   - from or to what cannot be one host: multicast, broadcast and unspecified addresses;
//   - longer than a buffer;
//   - with the traffic class of RFC 8622 (lower effort), which is that of all answers: two servers that are made to
//     answer each other stop after the first answer, unless a router between them clears the class;
//   - beyond the rate of their source, and then beyond the rate of all. Whoever forges many sources has a share for
//     each, and may use up that of all: so much of the danger is left.
//
// All datagrams of a source go to the same shard as long as sources are limited.
package server
