package echod

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/ringport/ringport/server"
)

// successionVariable tells a process what the one before it leaves to it. It does not begin like the variables of the
// flags, with which it has nothing to do.
const successionVariable = "_ECHOD_SUCCESSION"

// will is what successionVariable holds, in JSON: numbers of descriptors that the process has, and what they are for.
type will struct {
	Sockets []willed `json:"sockets"`
	Admin   *willed  `json:"admin,omitempty"`
	Ready   int      `json:"ready"` // the pipe to say in that the process serves
}

// willed is a descriptor of a will.
type willed struct {
	Descriptor int    `json:"descriptor"`
	Name       string `json:"name,omitempty"`
	Flag       string `json:"flag,omitempty"` // the --listen or --admin that it was made for; "": the service manager's
	Owned      bool   `json:"owned,omitempty"`
}

// inheritance is what a process got from whoever started it.
type inheritance struct {
	sockets []heirloom
	admin   heirloom // its File is nil when there is none
	ready   *os.File // where the process before this one hears that this one serves; nil: there was none
}

// heirloom is an inherited socket.
type heirloom struct {
	server.Inherited
	flag string // the --listen or --admin that it was made for; "": the service manager made it
}

// succeeded reads a will; an empty one leaves nothing.
func succeeded(variable string) (i inheritance, err error) {
	if variable == "" {
		return i, nil
	}
	var w will
	if err := json.Unmarshal([]byte(variable), &w); err != nil {
		return i, fmt.Errorf("echod: read $%s, which only another echod sets: %w", successionVariable, err)
	}
	for _, s := range w.Sockets {
		h, err := s.take()
		if err != nil {
			return i, err
		}
		i.sockets = append(i.sockets, h)
	}
	if w.Admin != nil {
		if i.admin, err = w.Admin.take(); err != nil {
			return i, err
		}
	}
	ready, err := willed{Descriptor: w.Ready, Name: "ready"}.take()
	i.ready = ready.File
	return i, err
}

// take makes a file of the descriptor, which no child of this process gets.
func (w willed) take() (heirloom, error) {
	// The standard descriptors are nobody's to leave.
	if w.Descriptor <= 2 {
		return heirloom{}, fmt.Errorf("echod: descriptor %d in $%s is a standard one", w.Descriptor, successionVariable)
	}
	if _, err := unix.FcntlInt(uintptr(w.Descriptor), unix.F_SETFD, unix.FD_CLOEXEC); err != nil {
		return heirloom{}, fmt.Errorf("echod: descriptor %d in $%s: %w", w.Descriptor, successionVariable,
			os.NewSyscallError("fcntl", err))
	}
	file := os.NewFile(uintptr(w.Descriptor), w.Name)
	return heirloom{Inherited: server.Inherited{Name: w.Name, File: file, Owned: w.Owned}, flag: w.Flag}, nil
}

// isActivated is whether the service manager listens for this process, or did for one before it.
func (i *inheritance) isActivated() bool {
	return slices.ContainsFunc(i.sockets, func(s heirloom) bool { return s.flag == "" })
}

// split closes the sockets of --listen flags that are given no more, since the configuration has changed, and returns
// the flags for which there is no socket.
func (i *inheritance) split(flags []string) (rest []string) {
	i.sockets = slices.DeleteFunc(i.sockets, func(s heirloom) bool {
		gone := s.flag != "" && !slices.Contains(flags, s.flag)
		if gone {
			_ = s.File.Close()
		}
		return gone
	})
	return slices.DeleteFunc(slices.Clone(flags), func(flag string) bool {
		return slices.ContainsFunc(i.sockets, func(s heirloom) bool { return s.flag == flag })
	})
}

// flags is the --listen flag of each address that was inherited with one.
func (i *inheritance) flags() map[string]string {
	flags := map[string]string{}
	for _, s := range i.sockets {
		if s.flag != "" {
			flags[s.Name] = s.flag
		}
	}
	return flags
}

// addresses is how many addresses the sockets have: those that were made for a flag are several of one address, by whose
// name they go; of those of the service manager each has its own.
func (i *inheritance) addresses() (n int) {
	made := map[string]bool{}
	for _, s := range i.sockets {
		if s.flag == "" {
			n++
		} else {
			made[s.Name] = true
		}
	}
	return n + len(made)
}

// takeAdmin is the listener of the admin pages if it was made for this --admin, or nil.
func (i *inheritance) takeAdmin(flag string) *os.File {
	file := i.admin.File
	i.admin.File = nil
	if file != nil && i.admin.flag != flag {
		_ = file.Close()
		return nil
	}
	return file
}

// release closes the sockets, of which others have duplicates by now.
func (i *inheritance) release() {
	for _, s := range i.sockets {
		_ = s.File.Close()
	}
	i.sockets = nil
	if i.admin.File != nil {
		_ = i.admin.File.Close()
		i.admin.File = nil
	}
}

// tellReady tells the process before this one that this one serves. If nobody listens any more, it serves all the same.
func (i *inheritance) tellReady() {
	if i.ready == nil {
		return
	}
	_, _ = i.ready.Write(readyWord)
	_ = i.ready.Close()
	i.ready = nil
}
