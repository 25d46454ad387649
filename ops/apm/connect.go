package apm

import (
	"errors"
	"net/netip"

	"github.com/ringport/ringport/ops"
)

// BeginConnect starts to connect the socket to an endpoint. callback may be nil; state is what Result.State gives
// it. See ops.Socket.ConnectAsync.
func BeginConnect(s *ops.Socket, ep ops.Endpoint, callback func(*Result), state any) (*Result, error) {
	r := newResult(connectPair, s, callback, state)
	r.op.RemoteEndpoint = ep
	return r.begin(s, (*ops.Socket).ConnectAsync)
}

// BeginConnectHost starts to connect the socket to a host by its name, or by its address in text. A name's
// addresses are tried as ops.Socket.ConnectAsync says.
func BeginConnectHost(s *ops.Socket, host string, port uint16, callback func(*Result), state any) (*Result, error) {
	return BeginConnect(s, ops.DNSEndpoint(host, port), callback, state)
}

// BeginConnectAddresses starts to connect the socket to the first of the addresses that answers, trying one after
// the other, in their order. Those that the socket's family cannot reach are passed over. When none answers, the
// error is the last one's. No addresses are refused with ops.ErrArgument.
func BeginConnectAddresses(s *ops.Socket, addresses []netip.Addr, port uint16, callback func(*Result), state any,
) (*Result, error) {
	if len(addresses) == 0 {
		return nil, connectPair.argument("there are no addresses")
	}
	r := newResult(connectPair, s, callback, state)
	r.follow = connectFollowing
	for _, a := range addresses {
		r.addresses = append(r.addresses, ops.IPEndpoint(netip.AddrPortFrom(a, port)))
	}
	return r.begin(s, connectNext)
}

// EndConnect waits for a BeginConnect, BeginConnectHost or BeginConnectAddresses.
func EndConnect(r *Result) error {
	_, err := r.end(connectPair)
	return err
}

// connectFollowing goes on after an address that did not answer.
func connectFollowing(r *Result) (pending bool) {
	err := r.op.Err()
	if err == nil || len(r.addresses) == 0 || refused(&r.op, err) {
		return false
	}
	return connectNext(r.op.Socket(), &r.op)
}

// connectNext starts with the next address, and goes on while there is nothing to wait for.
func connectNext(s *ops.Socket, op *ops.Op) (pending bool) {
	r := op.UserToken.(*Result)
	for {
		op.RemoteEndpoint, r.addresses = r.addresses[0], r.addresses[1:]
		if s.ConnectAsync(op) {
			return true
		}
		err := op.Err()
		otherFamily := errors.Is(err, ops.ErrUnsupported)
		if len(r.addresses) == 0 || err == nil || !otherFamily && refused(op, err) {
			return false
		}
	}
}
