package uringprobe

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/ringport/ringport/uring"
)

// verdict says how ringport runs here.
type verdict string

const (
	fullSpeed   verdict = "full_speed"
	reduced     verdict = "reduced"
	unavailable verdict = "unavailable"
)

// exitStatus is what the command tells a script.
func (v verdict) exitStatus() int {
	switch v {
	case fullSpeed:
		return 0
	case reduced:
		return 1
	}
	return 2
}

// report is all that was found. Its JSON names are stable: fields may come, none goes or changes.
type report struct {
	Version    string      `json:"version"`
	Verdict    verdict     `json:"verdict"` // full_speed, reduced or unavailable
	ExitStatus int         `json:"exit_status"`
	Missing    []string    `json:"missing"` // features of full speed that the ring does without
	Problem    *problem    `json:"problem"` // null unless unavailable
	Advice     []string    `json:"advice"`
	Host       host        `json:"host"`
	Ring       *ring       `json:"ring"` // null when there is none
	Features   []feature   `json:"features"`
	Operations []operation `json:"operations"`
}

// problem says why ringport cannot run and what to do about it.
type problem struct {
	Error string `json:"error"`
	Errno string `json:"errno"` // name such as EPERM; empty when the kernel gave none
	Cause string `json:"cause"`
	Mend  string `json:"mend"`
}

// ring is what a default ring got.
type ring struct {
	Flags        []string `json:"flags"` // of io_uring_setup, in the kernel's spelling
	FlagBits     uint32   `json:"flag_bits"`
	FeatureBits  uint32   `json:"feature_bits"` // IORING_FEAT_
	SQEntries    uint32   `json:"sq_entries"`
	CQEntries    uint32   `json:"cq_entries"`
	RegisteredFD bool     `json:"registered_fd"`
}

// feature is a thing that ringport uses.
type feature struct {
	Name      string `json:"name"`
	MinKernel string `json:"min_kernel"`
	Present   bool   `json:"present"`
	Needed    bool   `json:"needed"`     // ringport does not run without it
	FullSpeed bool   `json:"full_speed"` // part of full speed
	Gives     string `json:"gives"`
}

// operation is one that a networking program may want.
type operation struct {
	Name      string `json:"name"`
	Code      uint8  `json:"code"`
	MinKernel string `json:"min_kernel"`
	Supported bool   `json:"supported"`
}

// probe tries a ring and reports.
func probe() report {
	features, err := tryRing()
	return reportOf(thisHost(), features, err)
}

// tryRing makes a default ring, as a port does, and closes it again. Features is nil when there was none.
func tryRing() (*uring.Features, error) {
	runtime.LockOSThread() // Enable ties the ring to the thread
	defer runtime.UnlockOSThread()
	r, err := uring.New(uring.Config{})
	if err != nil {
		return nil, err
	}
	defer r.Close()
	if err := r.Enable(); err != nil {
		return nil, err
	}
	f := r.Features()
	return &f, nil
}

// reportOf draws the conclusions. features is nil when err says why there is no ring.
func reportOf(h host, features *uring.Features, err error) report {
	r := report{
		Version: version(), Host: h,
		Missing: []string{}, Advice: []string{}, Features: []feature{}, Operations: []operation{},
	}
	if features != nil {
		r.describe(*features)
		err = lacking(*features)
	}
	switch {
	case err != nil:
		r.Verdict, r.Problem = unavailable, problemOf(err)
	case len(r.Missing) > 0:
		r.Verdict = reduced
	default:
		r.Verdict = fullSpeed
	}
	r.ExitStatus = r.Verdict.exitStatus()
	r.advise()
	return r
}

// describe copies what the ring got.
func (r *report) describe(f uring.Features) {
	r.Ring = &ring{
		Flags: strings.Split(f.Flags.String(), "|"), FlagBits: uint32(f.Flags), FeatureBits: f.Bits,
		SQEntries: f.SQEntries, CQEntries: f.CQEntries, RegisteredFD: f.RegisteredFD,
	}
	r.Missing = append(r.Missing, f.Missing()...)
	for _, x := range f.List() {
		r.Features = append(r.Features, feature(x))
	}
	for _, op := range uring.Operations() {
		r.Operations = append(r.Operations, operation{op.Name, op.Code, op.MinKernel, f.Supports(op.Code)})
	}
}

// lacking is the error for the first feature that ringport does not run without, nil when all are there.
func lacking(f uring.Features) error {
	for _, x := range f.List() {
		if x.Needed && !x.Present {
			return &uring.FeatureError{Name: x.Name, MinKernel: x.MinKernel}
		}
	}
	return nil
}

// problemOf finds the cause and the mend in an error.
func problemOf(err error) *problem {
	p := &problem{
		Error: err.Error(),
		Cause: "a failure that uringprobe does not know",
		Mend:  "please report it with this output",
	}
	var errno syscall.Errno
	if errors.As(err, &errno) {
		p.Errno = unix.ErrnoName(errno)
	}
	var setup *uring.SetupError
	var missing *uring.FeatureError
	switch {
	case errors.As(err, &setup):
		p.Error = fmt.Sprintf("io_uring_setup: %v", setup.Errno) // the rest of it stands below
		p.Cause, p.Mend = setup.Cause, setup.Mend
	case errors.As(err, &missing):
		p.Cause = "the kernel lacks something that ringport does not run without: " + missing.Name
		p.Mend = fmt.Sprintf("use kernel %s or newer, 6.1 for full speed", missing.MinKernel)
	}
	return p
}
