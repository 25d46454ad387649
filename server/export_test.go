package server

// What tests see of the inside.
var SourceOf = sourceOf

// Source is what SourceOf gives.
type Source = source

// Queue is the queue of a session that is blocked.
type Queue struct{ queue }

func (q *Queue) Push(b []byte) { q.push(b) }
func (q *Queue) Chunk() []byte { return q.chunk() }
func (q *Queue) Advance(n int) { q.advance(n) }
func (q *Queue) Size() int     { return q.size() }

// DrainGrace is how long a peer may be silent in a shutdown.
const DrainGrace = drainGrace

// ChunkSize is the most that Chunk gives.
const ChunkSize = chunkSize
