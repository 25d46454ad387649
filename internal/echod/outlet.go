package echod

import (
	"io"
	"sync/atomic"
	"time"
)

const (
	// outletLines is how many lines wait for a log that takes none: enough for a burst, and a few hundred KiB at most.
	outletLines = 1024
	// outletPatience is how long the end of the process waits for a log that takes no lines.
	outletPatience = time.Second
)

// outlet takes log lines and never keeps anybody waiting, so that a log that is full or whose reader hangs does not
// stop a shard. A goroutine writes the lines. When too many wait, further ones are dropped and counted; when a write
// fails, the line is lost, since there is nowhere left to complain.
type outlet struct {
	lines   chan []byte
	dropped atomic.Uint64
	lost    func(lines uint64) // says on the log itself how many were dropped
	closing chan struct{}
	closed  chan struct{}
}

// newOutlet makes an outlet that writes to w. The goroutine calls lost, which may write to w, after lines were dropped.
func newOutlet(w io.Writer, lost func(lines uint64)) *outlet {
	o := &outlet{
		lines: make(chan []byte, outletLines), lost: lost,
		closing: make(chan struct{}), closed: make(chan struct{}),
	}
	go o.write(w)
	return o
}

// Write takes one line. It never fails: what a logger could do about it, nobody would see.
func (o *outlet) Write(line []byte) (int, error) {
	select {
	case o.lines <- append([]byte(nil), line...): // a slog.Handler uses its memory again
	default:
		o.dropped.Add(1)
	}
	return len(line), nil
}

// write brings the lines to w until the outlet is closed and empty.
func (o *outlet) write(w io.Writer) {
	defer close(o.closed)
	for {
		select {
		case line := <-o.lines:
			o.put(w, line)
			continue
		default:
		}
		select {
		case line := <-o.lines:
			o.put(w, line)
		case <-o.closing:
			if len(o.lines) == 0 {
				return
			}
		}
	}
}

// put writes a line, and after it how many did not find room behind it.
func (o *outlet) put(w io.Writer, line []byte) {
	_, _ = w.Write(line)
	if len(o.lines) > 0 {
		return // the dropped ones came after those
	}
	if n := o.dropped.Swap(0); n > 0 {
		o.lost(n)
	}
}

// close writes what is left, for as long as the log takes it without a long wait. Nothing may be written afterwards.
func (o *outlet) close() {
	close(o.closing)
	select {
	case <-o.closed:
	case <-time.After(outletPatience):
	}
}
