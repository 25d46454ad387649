package main

import (
	"fmt"
	"io"
	"net"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ringport/ringport/internal/ringtest"
	"github.com/ringport/ringport/ops"
	"github.com/ringport/ringport/ops/apm"
)

var (
	almostFull = strings.Repeat("c", BufferSize-1)
	japanese   = strings.Repeat("日本語", 5000)
)

// messages are what clients send, each with the text that is to be printed of it.
var messages = []struct{ name, data, text string }{
	{"one byte", "a", "a"},
	{"one line", "This is a test\n", "This is a test\n"},
	{"as much as one receive takes", strings.Repeat("b", BufferSize), strings.Repeat("b", BufferSize)},
	{"many receives", strings.Repeat("0123456789", 30_000), strings.Repeat("0123456789", 30_000)},
	{"a character across the border", almostFull + "é!", almostFull + "é!"},
	{"characters across many borders", japanese, japanese},
	{"four bytes, three of them across", almostFull + "😀", almostFull + "😀"},
	{"no text", "e\xff", "e\uFFFD"},
	{"half a character at the end", "f\xc3", "f\uFFFD"},
}

func TestWhatAClientSendsIsPrintedWhenItIsDone(t *testing.T) {
	p := start(t)
	for _, m := range messages {
		t.Run(m.name, func(t *testing.T) {
			before := len(p.printed())
			p.socat(t, m.data)
			expected := fmt.Sprintf("Read %d bytes from socket.\n Data : %s\n", len(m.data), m.text)
			p.stdout.await(t, regexp.QuoteMeta(expected))
			require.Equal(t, 1, strings.Count(p.printed()[before:], "Read "), "once for each connection")
		})
	}
}

func TestAClientThatSendsNothingIsClosedWithoutAWord(t *testing.T) {
	p := start(t)
	p.socat(t, "")
	require.NotContains(t, p.printed(), "Read ")
	text, _ := p.stderr.read()
	require.Empty(t, text)
}

// dial connects a client of our own.
func dial(t testing.TB, p *program) *net.TCPConn {
	t.Helper()
	c, err := net.Dial("tcp", p.address)
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	require.NoError(t, c.SetDeadline(time.Now().Add(patience)))
	return c.(*net.TCPConn)
}

func TestManyClientsAreReadAtTheSameTime(t *testing.T) {
	p := start(t)
	clients := make([]*net.TCPConn, 50)
	for i := range clients {
		clients[i] = dial(t, p)
	}
	for _, piece := range []string{"\xe6", "\x97\xa5\xe6", "\x9c\xac"} { // of 日本, split inside both characters
		for _, c := range clients {
			_, err := io.WriteString(c, piece)
			require.NoError(t, err)
		}
	}
	for i, c := range clients {
		_, err := fmt.Fprintf(c, "(%d)", i)
		require.NoError(t, err)
		require.NoError(t, c.CloseWrite())
		_, err = io.Copy(io.Discard, c) // until the program has closed
		require.NoError(t, err)
		p.stdout.await(t, regexp.QuoteMeta(fmt.Sprintf(" Data : 日本(%d)\n", i)))
	}
}

func TestAClientThatBreaksOffIsReportedAndTheNextOneServed(t *testing.T) {
	p := start(t)
	c := dial(t, p)
	_, err := io.WriteString(c, "lost")
	require.NoError(t, err)
	p.stdout.await(t, `(?s)Waiting for a connection.*Waiting for a connection`) // it is accepted
	require.NoError(t, c.SetLinger(0))
	require.NoError(t, c.Close())
	p.stderr.await(t, "ConnectionReset")
	p.socat(t, "next")
	p.stdout.await(t, " Data : next\n")
	require.NotContains(t, p.printed(), "lost")
}

func TestTheListenerGoesOnWhenAnAcceptFails(t *testing.T) {
	ringtest.Require(t)
	ringtest.Descriptors(t)
	port, err := ops.NewPort(ops.PortConfig{})
	require.NoError(t, err)
	defer port.Close()
	stderr := newOutput()
	l := NewSocketListener(port, io.Discard, stderr)
	// A result of another pair is an EndAccept that fails whatever the network does.
	socket, err := port.NewSocket(ops.FamilyIPv4, ops.Dgram)
	require.NoError(t, err)

	foreign, err := apm.BeginConnect(socket, ops.IPEndpoint(somewhere), nil, nil)
	require.NoError(t, err)
	l.AcceptCallback(foreign)
	l.allDone.Wait()
	stderr.await(t, "EndAccept")
}
