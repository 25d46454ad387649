package ops

// opQueue is a first-in-first-out line of ops, linked through the ops themselves: an op stands in one line at
// a time.
type opQueue struct {
	head, tail *Op
	count      int
}

func (q *opQueue) push(o *Op) {
	o.next = nil
	if q.tail == nil {
		q.head = o
	} else {
		q.tail.next = o
	}
	q.tail = o
	q.count++
}

func (q *opQueue) pop() *Op {
	o := q.head
	if o == nil {
		return nil
	}
	q.head = o.next
	if q.head == nil {
		q.tail = nil
	}
	o.next = nil
	q.count--
	return o
}

// has tells whether an op stands in the line.
func (q *opQueue) has(op *Op) bool {
	for o := q.head; o != nil; o = o.next {
		if o == op {
			return true
		}
	}
	return false
}

// removeAfter takes out the op behind the first n, n being 0 or 1.
func (q *opQueue) removeAfter(n int) *Op {
	if n == 0 {
		return q.pop()
	}
	first := q.pop()
	o := q.pop()
	front := opQueue{}
	front.push(first)
	q.prepend(&front)
	return o
}

// quickAtFront counts the sends with DontWait before the first one without.
func (q *opQueue) quickAtFront() int {
	n := 0
	for o := q.head; o != nil && o.quick; o = o.next {
		n++
	}
	return n
}

// cancelledAmong tells whether the cancel of one of the first n ops was asked for.
func (q *opQueue) cancelledAmong(n int) bool {
	for o := q.head; o != nil && n > 0; o, n = o.next, n-1 {
		if o.cancelled {
			return true
		}
	}
	return false
}

// prepend puts the ops of another line in front of this one.
func (q *opQueue) prepend(front *opQueue) {
	for o := q.pop(); o != nil; o = q.pop() {
		front.push(o)
	}
	*q = *front
}

// takeCancelled unlinks every op whose cancel was asked for, from the one after skip on, and gives them in
// their order.
func (q *opQueue) takeCancelled(skip int) (taken opQueue) {
	kept := opQueue{}
	for i := 0; q.head != nil; i++ {
		o := q.pop()
		if i >= skip && o.cancelled {
			taken.push(o)
		} else {
			kept.push(o)
		}
	}
	*q = kept
	return taken
}
