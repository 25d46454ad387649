package echod

import (
	"errors"
	"fmt"
	"strings"

	"github.com/ringport/ringport/ops"
)

// check holds all that must hold of what can be read, whoever asks for it.
func (o serveOptions) check() error { return errors.Join(o.config(nil).Validate(), o.validate()) }

// validate holds what the server's configuration does not. There zero stands for the default; here the flags have the
// defaults, so that a zero is somebody's wish, and what it would wish for does not exist.
func (o serveOptions) validate() error {
	var wrong []error
	for _, f := range []struct {
		flag string
		zero bool
	}{
		{"max-conns", o.Limits.MaxConns == 0},
		{"backlog", o.Limits.Backlog == 0},
		{"linger-timeout", o.Timeouts.LingerTimeout == 0},
		{"high-water", o.Memory.HighWater == 0},
		{"udp-source-burst", o.Datagrams.SourceBurst == 0},
		{"udp-sources", o.Datagrams.Sources == 0},
	} {
		if f.zero {
			wrong = append(wrong, &valueError{f.flag, "is 0, want more"})
		}
	}
	// To the server a negative rate is none.
	for _, f := range []struct {
		flag string
		rate int
	}{
		{"udp-source-rate", o.Datagrams.SourceRate},
		{"udp-total-rate", o.Datagrams.TotalRate},
	} {
		if f.rate < 0 {
			wrong = append(wrong, &valueError{f.flag, fmt.Sprintf("is %d, want 0 or more", f.rate)})
		}
	}
	if t := o.Timeouts.DrainTimeout; t < 0 {
		wrong = append(wrong, &valueError{"drain-timeout", fmt.Sprintf("is %v, want 0s or more", t)})
	}
	return errors.Join(append(wrong, o.Admin.validate())...)
}

func (o adminOptions) validate() error {
	if o.Admin == "" {
		if o.Pprof {
			return &valueError{"pprof", "needs an admin address; write for example --admin 127.0.0.1:9107"}
		}
		return nil
	}
	if strings.HasPrefix(o.Admin, "unix://") {
		if _, _, err := ops.ParseEndpoint(o.Admin); err != nil {
			return &valueError{"admin", fmt.Sprintf("is wrong: %v", err)}
		}
		return nil
	}
	if _, _, err := ops.ParseEndpoint("tcp://" + o.Admin); err != nil {
		return &valueError{"admin", fmt.Sprintf("is %q, want an address and a port, as in 127.0.0.1:9107, or unix:///PATH",
			o.Admin)}
	}
	return nil
}
