package load

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"time"
)

// moment is a time of the generator's monotonic clock, counted from its start.
type moment = time.Duration

// trail is the messages of a stream that are on their way. They come back in their order.
type trail struct {
	mark       uint64
	sent, back uint64   // messages begun; messages that came back whole
	at         int      // bytes of the next one that came back
	began      []moment // of message n at n modulo its length, a power of two
	since      moment   // when the server last moved, or had something to do again
	counted    uint64   // back, when the window began
}

// EchoError says where what came back first differs from what was sent.
type EchoError struct {
	// Offset is the byte, counted from the first that came back on the connection, and 0 of a datagram.
	Offset uint64
	// Message is the number of the message on its connection, and At the byte in it. Both count from 0.
	Message uint64
	At      int
	// Got and Want are the byte. They mean nothing when the difference is in the length: then Extra bytes came back
	// that were not sent, or the last Missing bytes of a datagram did not.
	Got, Want byte
	Extra     int
	Missing   int
	// Looks says what it looks like instead, "" when that is not known.
	Looks string
}

// Error tells the place and both bytes.
func (e *EchoError) Error() string {
	text := fmt.Sprintf("wrong echo: byte %d (byte %d of message %d) is 0x%02x, want 0x%02x",
		e.Offset, e.At, e.Message, e.Got, e.Want)
	if e.Extra > 0 {
		text = fmt.Sprintf("wrong echo: from byte %d on came %d bytes that were not sent", e.Offset, e.Extra)
	}
	if e.Missing > 0 {
		text = fmt.Sprintf("wrong echo: message %d lacks its last %d bytes", e.Message, e.Missing)
	}
	if e.Looks != "" {
		text += "; " + e.Looks
	}
	return text
}

// outstanding is how many messages are on their way.
func (t *trail) outstanding() int { return int(t.sent - t.back) }

// begin puts a message on its way.
func (t *trail) begin(began, now moment) {
	if t.sent == t.back {
		t.since = now
	}
	if t.sent-t.back == uint64(len(t.began)) {
		t.grow()
	}
	t.began[t.sent&uint64(len(t.began)-1)] = began
	t.sent++
}

// grow makes room for more messages: for as many as were on their way at a time, and not for all that may be.
func (t *trail) grow() {
	larger := make([]moment, max(2*len(t.began), 1))
	for n := t.back; n < t.sent; n++ {
		larger[n&uint64(len(larger)-1)] = t.began[n&uint64(len(t.began)-1)]
	}
	t.began = larger
}

// end takes the next message off and tells when it began.
func (t *trail) end() (began moment) {
	began = t.began[t.back&uint64(len(t.began)-1)]
	t.back++
	return began
}

// ages is how long the messages on their way have been so, summed up.
func (t *trail) ages(now moment) (sum moment) {
	for n := t.back; n < t.sent; n++ {
		sum += now - t.began[n&uint64(len(t.began)-1)]
	}
	return sum
}

// offset is the number of bytes that came back.
func (t *trail) offset(size int) uint64 { return t.back*uint64(size) + uint64(t.at) }

// verify compares data that came back with what was sent, and tells how many messages it completes. They are still to
// be ended.
func (t *trail) verify(p *payload, data []byte) (whole int, wrong *EchoError) {
	for len(data) > 0 {
		number := t.back + uint64(whole)
		if number == t.sent {
			return whole, t.extra(p, data, number)
		}
		n := min(p.size-t.at, len(data))
		right := false
		if n == p.size {
			right = p.isMessage(data[:n], number, t.mark)
		} else {
			right = p.isPart(data[:n], t.at, number, t.mark)
		}
		if !right {
			return whole, t.difference(p, data, number)
		}
		data = data[n:]
		if t.at += n; t.at == p.size {
			t.at = 0
			whole++
		}
	}
	return whole, nil
}

// extra describes bytes beyond what was sent.
func (t *trail) extra(p *payload, data []byte, number uint64) *EchoError {
	return &EchoError{
		Offset: number * uint64(p.size), Message: number, Got: data[0], Extra: len(data), Looks: t.looks(p, data),
	}
}

// difference describes the first byte that is wrong.
func (t *trail) difference(p *payload, data []byte, number uint64) *EchoError {
	i, want := p.firstDifference(data, t.at, number, t.mark)
	e := &EchoError{
		Offset: number*uint64(p.size) + uint64(t.at+i), Message: number, At: t.at + i, Got: data[i], Want: want,
	}
	if t.at == 0 {
		e.Looks = t.looks(p, data)
	}
	if e.Looks == "" {
		e.Looks = p.moved(data, t.at, number, t.mark)
	}
	return e
}

// looks recognises the header of another message of this connection: one that came twice, or too early.
func (t *trail) looks(p *payload, data []byte) string {
	if len(data) < headerSize || binary.LittleEndian.Uint64(data[8:]) != t.mark {
		return ""
	}
	number := binary.LittleEndian.Uint64(data)
	n := min(len(data), p.size)
	if number >= t.sent || !p.isPart(data[:n], 0, number, t.mark) {
		return ""
	}
	return fmt.Sprintf("it is message %d of this connection", number)
}

// recognised is how many bytes must agree before the rest of a message counts as recognised.
const recognised = 8

// moved recognises a message that goes on some bytes too early or too late: bytes were lost, or came twice.
func (p *payload) moved(data []byte, at int, number, mark uint64) string {
	message := make([]byte, p.size)
	p.put(message, number, mark)
	i, _ := p.firstDifference(data, at, number, mark)
	rest := data[i:min(len(data), p.size-at)]
	if len(rest) < recognised {
		return ""
	}
	there := bytes.Index(message, rest[:recognised])
	switch {
	case there > at+i:
		return fmt.Sprintf("%d bytes before it were lost", there-at-i)
	case there >= 0 && there < at+i:
		return fmt.Sprintf("%d bytes before it came twice", at+i-there)
	}
	return ""
}
