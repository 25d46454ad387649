package load

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
)

// headerSize is the bytes that a message begins with: its number and its connection's mark.
const headerSize = 16

// places is in how many places of the block a body may begin, so that neighbours differ. A power of two.
const places = 1 << placesBits

const placesBits = 12

// payload makes the messages of a run, and checks them. Bodies are cuts of one block, so that neither making nor
// checking one computes anything for its bytes.
type payload struct {
	size  int // of a message
	block []byte
}

func newPayload(size int, seed uint64) *payload {
	block := make([]byte, size-headerSize+places)
	var key [32]byte
	binary.LittleEndian.PutUint64(key[:], seed)
	_, _ = rand.NewChaCha8(key).Read(block) // never fails
	return &payload{size: size, block: block}
}

// golden spreads small numbers over 64 bits.
const golden = 0x9E3779B97F4A7C15

// markOf is what the messages of a connection carry: the connection's number, mixed with the seed, so that what a
// server kept from another run is recognised too.
func markOf(seed uint64, conn int) uint64 {
	x := seed + golden*uint64(conn+1)
	x = (x ^ x>>30) * 0xBF58476D1CE4E5B9 // splitmix64
	x = (x ^ x>>27) * 0x94D049BB133111EB
	return x ^ x>>31
}

// body is what follows the header of a message.
func (p *payload) body(number, mark uint64) []byte {
	place := int((number*golden + mark) >> (64 - placesBits))
	return p.block[place : place+p.size-headerSize]
}

// putHeader writes the header of a message.
func putHeader(dst []byte, number, mark uint64) {
	binary.LittleEndian.PutUint64(dst, number)
	binary.LittleEndian.PutUint64(dst[8:headerSize], mark)
}

// put writes a message.
func (p *payload) put(dst []byte, number, mark uint64) {
	putHeader(dst, number, mark)
	copy(dst[headerSize:p.size], p.body(number, mark))
}

// isMessage says whether data is exactly the message.
func (p *payload) isMessage(data []byte, number, mark uint64) bool {
	return binary.LittleEndian.Uint64(data) == number &&
		binary.LittleEndian.Uint64(data[8:]) == mark &&
		bytes.Equal(data[headerSize:], p.body(number, mark))
}

// isPart says whether data is what the message has from a byte on.
func (p *payload) isPart(data []byte, at int, number, mark uint64) bool {
	if at < headerSize {
		var header [headerSize]byte
		putHeader(header[:], number, mark)
		n := min(headerSize-at, len(data))
		if !bytes.Equal(data[:n], header[at:at+n]) {
			return false
		}
		if n == len(data) {
			return true
		}
		data, at = data[n:], at+n
	}
	body := p.body(number, mark)
	return bytes.Equal(data, body[at-headerSize:at-headerSize+len(data)])
}

// firstDifference is the first byte of data that differs from what the message has from a byte on, and what it should
// be.
func (p *payload) firstDifference(data []byte, at int, number, mark uint64) (i int, want byte) {
	message := make([]byte, p.size)
	p.put(message, number, mark)
	for i = range min(len(data), p.size-at) {
		if data[i] != message[at+i] {
			return i, message[at+i]
		}
	}
	return len(data), 0
}
