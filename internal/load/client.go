package load

// client is one connection of a run, or one UDP socket. All of it happens on the port's goroutine.
type client interface {
	// open connects it; the generator hears of it by connected or fail.
	open()
	// pump sends what may be on its way in a closed loop, and is not.
	pump(now moment)
	// ready says whether one more message can be sent at once.
	ready() bool
	// inLine is its place among those that are ready.
	inLine() *lineNode
	// send sends one message that should have been sent at a moment; only when it is ready.
	send(intended, now moment)
	// beginWindow notes what came back before, and tells how long the messages on their way have been so, summed up.
	beginWindow(now moment) (ages moment)
	// endWindow tells that again, and how many messages came back in the window.
	endWindow(now moment) (ages moment, echoes uint64)
	// drain makes it wait for nothing but answers.
	drain()
	// expire looks for answers that have taken too long.
	expire(now moment)
	// finish ends it; the generator hears of it by closed.
	finish()
}

// line is the clients that are ready for a message, first in first out, so that they take turns.
type line struct {
	head, tail *lineNode
}

// lineNode is a client's place in the line.
type lineNode struct {
	client client
	next   *lineNode
	stands bool
}

// push lets a client stand at the end; one that stands in the line already keeps its place.
func (l *line) push(n *lineNode) {
	if n.stands {
		return
	}
	n.stands = true
	if l.tail == nil {
		l.head = n
	} else {
		l.tail.next = n
	}
	l.tail = n
}

// pop takes the first one off, nil when nobody stands there.
func (l *line) pop() client {
	n := l.head
	if n == nil {
		return nil
	}
	if l.head = n.next; l.head == nil {
		l.tail = nil
	}
	n.next, n.stands = nil, false
	return n.client
}
