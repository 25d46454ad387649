package server

import (
	"errors"
	"fmt"
	"net"
	"os"

	"golang.org/x/sys/unix"

	"github.com/ringport/ringport/ops"
)

// steer has the kernel give all datagrams of one source to the same shard, which alone counts them then; otherwise a
// source that changes its port would have a bucket on every shard. Where sources are not limited the kernel spreads
// their ports over the shards. It concerns the sockets that this server has bound; those that it was given come with
// what their maker told the kernel.
func (s *Server) steer(b *bound, cfg DatagramConfig) {
	if b.network != "udp" || b.inherited || len(b.sockets) < 2 {
		return
	}
	set := detachSteering
	if cfg.SourceRate > 0 {
		set = attachSteering
	}
	if err := set(b.sockets[0], len(b.sockets)); err != nil && !errors.Is(err, net.ErrClosed) {
		s.log.Warn("every shard limits the senders of datagrams by itself", "address", b.String(), "error", err)
	}
}

// resteer does what another configuration asks for.
func (s *Server) resteer(cfg DatagramConfig) {
	if (s.limits.Load().datagrams.SourceRate > 0) == (cfg.SourceRate > 0) {
		return
	}
	for _, b := range s.bounds {
		s.steer(b, cfg)
	}
}

// attachSteering lets a program choose among the sockets of one address, in the order of their binds. A choice that
// does not exist makes the kernel choose as without it.
func attachSteering(socket *ops.Socket, sockets int) (err error) {
	filter := steering(uint32(sockets))
	program := &unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	return control(socket, func(fd int) error {
		return unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_REUSEPORT_CBPF, program)
	})
}

func detachSteering(socket *ops.Socket, _ int) error {
	return control(socket, func(fd int) error {
		err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_DETACH_REUSEPORT_BPF, 0)
		if err == unix.ENOENT {
			return nil // there is none
		}
		return err
	})
}

func control(socket *ops.Socket, set func(fd int) error) (err error) {
	if closed := socket.Control(func(fd uintptr) { err = set(int(fd)) }); closed != nil {
		return closed
	}
	if err != nil {
		return fmt.Errorf("server: choose a shard by sender: %w", os.NewSyscallError("setsockopt", err))
	}
	return nil
}

// Offsets of what identifies a source, from the beginning of the IP header.
const (
	source4     = 12
	source6High = 8
	source6Low  = 12
)

// netOffset is added to an offset that counts from the IP header.
const netOffset = 0xfff00000 // SKF_NET_OFF of linux/filter.h, as an unsigned number

// steering is the program: a hash of the IPv4 address, or of the network of an IPv6 address, modulo the sockets.
func steering(sockets uint32) []unix.SockFilter {
	const spread = 0x9e3779b1 // 2^32 divided by the golden ratio: neighbours go far apart
	return []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_B | unix.BPF_ABS, K: netOffset},
		{Code: unix.BPF_ALU | unix.BPF_RSH | unix.BPF_K, K: 4}, // the version
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: 6, Jt: 2},
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: netOffset + source4},
		{Code: unix.BPF_JMP | unix.BPF_JA, K: 4},
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: netOffset + source6High},
		{Code: unix.BPF_MISC | unix.BPF_TAX},
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: netOffset + source6Low},
		{Code: unix.BPF_ALU | unix.BPF_XOR | unix.BPF_X},
		{Code: unix.BPF_ALU | unix.BPF_MUL | unix.BPF_K, K: spread},
		{Code: unix.BPF_ALU | unix.BPF_RSH | unix.BPF_K, K: 16},
		{Code: unix.BPF_ALU | unix.BPF_MOD | unix.BPF_K, K: sockets},
		{Code: unix.BPF_RET | unix.BPF_A},
	}
}
