package ops

// workList holds the sockets that have something to do at the end of the turn, linked through the sockets. Under
// the port's lock.
type workList struct{ head, tail *Socket }

func (l *workList) push(s *Socket) {
	if s.onWork {
		return
	}
	s.onWork, s.nextWork = true, nil
	if l.tail == nil {
		l.head = s
	} else {
		l.tail.nextWork = s
	}
	l.tail = s
}

func (l *workList) pop() *Socket {
	s := l.head
	if s == nil {
		return nil
	}
	if l.head = s.nextWork; l.head == nil {
		l.tail = nil
	}
	s.onWork, s.nextWork = false, nil
	return s
}

// pushFront puts a socket back that could not be served for want of room.
func (l *workList) pushFront(s *Socket) {
	if s.onWork {
		return
	}
	s.onWork, s.nextWork = true, l.head
	l.head = s
	if l.tail == nil {
		l.tail = s
	}
}

// socketQueue is a first-in-first-out line of sockets that wait for something that is scarce: a buffer, a
// descriptor. A socket stands in one of them at a time.
type socketQueue struct {
	head, tail *Socket
	count      int
}

func (q *socketQueue) push(s *Socket) {
	if s.onQueue {
		return
	}
	s.onQueue, s.nextQueue = true, nil
	if q.tail == nil {
		q.head = s
	} else {
		q.tail.nextQueue = s
	}
	q.tail = s
	q.count++
}

func (q *socketQueue) pop() *Socket {
	s := q.head
	if s == nil {
		return nil
	}
	if q.head = s.nextQueue; q.head == nil {
		q.tail = nil
	}
	s.onQueue, s.nextQueue = false, nil
	q.count--
	return s
}

// remove takes a socket out of the line, wherever it stands.
func (q *socketQueue) remove(s *Socket) {
	if !s.onQueue {
		return
	}
	for range q.count {
		if o := q.pop(); o != s {
			q.push(o)
		}
	}
}

// socketList holds every socket of a port, linked both ways through the sockets.
type socketList struct {
	head  *Socket
	count int
}

func (l *socketList) add(s *Socket) {
	s.next, s.prev = l.head, nil
	if l.head != nil {
		l.head.prev = s
	}
	l.head = s
	l.count++
}

func (l *socketList) remove(s *Socket) {
	if s.prev != nil {
		s.prev.next = s.next
	} else {
		l.head = s.next
	}
	if s.next != nil {
		s.next.prev = s.prev
	}
	s.next, s.prev = nil, nil
	l.count--
}
