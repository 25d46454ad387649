package agent

// request is what a connection begins with, as JSON.
type request struct {
	Command []string `json:"command"`
	// CPUs are those that it may run on; none: any.
	CPUs []int `json:"cpus,omitempty"`
}

// answer is what comes back, as JSON, one after the other: first PID or Refusal, then any number with Output, then one
// with Ended.
type answer struct {
	PID     int    `json:"pid,omitempty"`
	Refusal string `json:"refusal,omitempty"` // why it could not be started
	Output  []byte `json:"output,omitempty"`
	Ended   bool   `json:"ended,omitempty"`
	Failure string `json:"failure,omitempty"` // how it ended, when not with status 0
}
