package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"time"
)

// datagrams is a sender of datagrams who counts what comes back.
type datagrams struct {
	Address netip.AddrPort `arg:"" help:"Where the service listens, such as 127.0.0.1:7007."`
	Source  netip.AddrPort `default:"127.0.0.1:0" help:"The address to send from; ports below 1024 need a privilege."`
	Count   int            `default:"1000" help:"How many."`
	Quiet   time.Duration  `default:"500ms" help:"When nothing came back for so long, nothing will."`
}

func (d *datagrams) run(ctx context.Context) (string, error) {
	conn, err := net.DialUDP("udp", net.UDPAddrFromAddrPort(d.Source), net.UDPAddrFromAddrPort(d.Address))
	if err != nil {
		return "", fmt.Errorf("send from %v: %w", d.Source, err)
	}
	defer conn.Close()
	type result struct {
		answers int
		err     error
	}
	counted := make(chan result, 1)
	sent := make(chan struct{})
	go func() {
		n, err := d.count(conn, sent)
		counted <- result{n, err}
	}()
	for i := 0; i < d.Count && ctx.Err() == nil; i++ {
		// The kernel may have no room, and tells of refusals by ICMP here: the count of answers shows it.
		_, _ = conn.Write(payload)
	}
	close(sent)
	r := <-counted
	return fmt.Sprintf("datagrams: %d sent from %v, %d answered", d.Count, conn.LocalAddr(), r.answers), r.err
}

// payload is what the datagrams carry.
var payload = []byte("is anybody there?")

// count reads answers until none came for a while after the last datagram was sent.
func (d *datagrams) count(conn *net.UDPConn, sent <-chan struct{}) (answers int, err error) {
	answer := make([]byte, 65536)
	for {
		if err := conn.SetReadDeadline(time.Now().Add(d.Quiet)); err != nil {
			return answers, err
		}
		n, err := conn.Read(answer)
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded) && isClosed(sent):
			return answers, nil
		case err != nil:
			continue // nothing yet, or a refusal by ICMP
		case !bytes.Equal(answer[:n], payload):
			return answers, fmt.Errorf("%w: %q", errWrong, answer[:n])
		}
		answers++
	}
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// forge is one datagram that claims to be from somebody else, as those are that make two services talk to each other.
type forge struct {
	From netip.AddrPort `arg:"" help:"Whose datagram it claims to be; IPv4."`
	To   netip.AddrPort `arg:"" help:"Where it goes; IPv4."`
}

func (f *forge) run(context.Context) (string, error) {
	if err := onlyIPv4(f.From, f.To); err != nil {
		return "", err
	}
	raw, err := openRaw()
	if err != nil {
		return "", err
	}
	defer raw.close()
	if err := raw.send(udpPacket(f.From, f.To, payload), f.To); err != nil {
		return "", err
	}
	return fmt.Sprintf("forged: a datagram to %v that claims to be from %v", f.To, f.From), nil
}
