package uring

import "sync/atomic"

// What the external tests need of the inside.
const (
	FullSpeed    = fullSpeed
	RawBatch     = rawBatch
	MinEntries   = minEntries
	MinCQEntries = minCQEntries
	TrialEntries = trialEntries
	TrialBytes   = trialBytes
	TrialGroup   = trialGroup
)

var (
	KernelAtLeast = kernelAtLeast
	KernelVersion = kernelVersion
	Refusal       = refusal
	Absence       = absence
	PollWord      = pollWord
)

// ForgetProbe makes the next Probe run the self-test again.
func ForgetProbe() {
	probed.Lock()
	defer probed.Unlock()
	probed.done = false
}

// SetDropped sets the kernel's count of dropped completions, as only a kernel without memory does.
func (r *Ring) SetDropped(n uint32) { atomic.StoreUint32(r.cq.koverflow, n) }

// Buffers is the buffer ring of the self-test: TrialEntries buffers of TrialBytes in group TrialGroup.
type Buffers struct{ b *trialBuffers }

// NewBuffers registers it and posts all buffers.
func NewBuffers(ring *Ring) (*Buffers, error) {
	b, err := newTrialBuffers(ring)
	return &Buffers{b}, err
}

// Take gives a copy of what a buffer holds and posts it again.
func (b *Buffers) Take(id uint16, n int32) string {
	content := string(b.b.page[2048+int(id)*trialBytes:][:n])
	b.b.post(id)
	return content
}

// Close takes the buffers back.
func (b *Buffers) Close() { b.b.close() }

// Timeout gives what the kernel was last told to wait at most.
func (r *Ring) Timeout() Timespec { return Timespec(r.ts) }
