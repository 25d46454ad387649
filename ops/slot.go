package ops

// slot is a request's place in the port's table from its submission to its last completion.
type slot struct {
	socket     *Socket
	op         *Op    // the request is that of one op, where a socket may have several
	target     token  // of a cancel: the request that it is to end
	generation uint32 // of the request in it, or of the next one
	kind       kind   // kindNone: the slot is not taken
	next       uint32 // the free slot below this one
}

// slotTable holds the requests that the kernel has. Under the port's lock.
type slotTable struct {
	slots []slot
	free  uint32 // the first free slot, or noSlot
	taken int
}

const (
	noSlot   = ^uint32(0)
	maxSlots = 1 << 22 // far above what descriptors allow; a table that large has a leak
)

func newSlotTable() slotTable { return slotTable{free: noSlot} }

// take gives a request its slot and its token.
func (t *slotTable) take(s *Socket, k kind) token { return t.takeFor(s, nil, k) }

// takeFor is take for the request of one op.
func (t *slotTable) takeFor(s *Socket, op *Op, k kind) token {
	i := t.free
	if i == noSlot {
		if len(t.slots) == maxSlots {
			panic("ops: more than 4194304 requests are in flight on one port")
		}
		t.slots = append(t.slots, slot{next: noSlot})
		i = uint32(len(t.slots) - 1)
	} else {
		t.free = t.slots[i].next
	}
	sl := &t.slots[i]
	sl.socket, sl.op, sl.kind = s, op, k
	t.taken++
	return newToken(i, sl.generation, k)
}

// has tells whether a socket has a request for an op.
func (t *slotTable) has(s *Socket, op *Op) bool {
	for i := range t.slots {
		if t.slots[i].kind != kindNone && t.slots[i].socket == s && t.slots[i].op == op {
			return true
		}
	}
	return false
}

// find gives the slot of a token, or nil when the token is stale or was never given.
func (t *slotTable) find(tok token) *slot {
	i := tok.slot()
	if i >= uint32(len(t.slots)) {
		return nil
	}
	sl := &t.slots[i]
	if sl.kind == kindNone || sl.kind != tok.kind() || sl.generation != tok.generation() {
		return nil
	}
	return sl
}

// release ends a request. Its token is stale from now on.
func (t *slotTable) release(tok token) {
	sl := t.find(tok)
	if sl == nil {
		return
	}
	*sl = slot{generation: (sl.generation + 1) & generationMask, next: t.free}
	t.free = tok.slot()
	t.taken--
}
