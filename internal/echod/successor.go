package echod

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/ringport/ringport/server"
)

// successionLimit is how long a successor may take to serve: looking up names is the longest part of it.
const successionLimit = 30 * time.Second

// readyWord is what a successor says when it serves.
var readyWord = []byte("ready\n")

// successor is a process that takes over the listeners of this one.
type successor struct {
	command *exec.Cmd
	served  chan error // nil when it serves, or why it never will; then it is gone
}

// program is a command line to start again, as it was when this process began.
type program struct {
	path string
	args []string // the first one is the program's name
}

// ownProgram is the program that this process runs. The path is the one by which it was started, and not the file that
// it led to: whoever installs a new version puts it there.
func ownProgram(args []string) program {
	path, err := exec.LookPath(args[0])
	if err == nil {
		path, err = filepath.Abs(path)
	}
	if err != nil { // whoever started it chose another name
		path = "/proc/self/exe"
	}
	return program{path: path, args: args}
}

// start starts the program with an inheritance, and waits in a goroutine until it serves. The files of the
// inheritance stay the caller's.
func (p program) start(i inheritance, limit time.Duration) (*successor, error) {
	hearing, telling, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer telling.Close() // so that the end of the successor is the end of the pipe
	i.ready = telling
	command := &exec.Cmd{Path: p.path, Args: p.args, Env: environmentOfSuccessor(os.Environ()),
		Stdout: os.Stdout, Stderr: os.Stderr}
	variable, err := i.bequeath(command)
	if err == nil {
		command.Env = append(command.Env, successionVariable+"="+variable)
		err = command.Start()
	}
	if err != nil {
		return nil, errors.Join(err, hearing.Close())
	}
	s := &successor{command: command, served: make(chan error, 1)}
	go s.await(hearing, limit)
	return s, nil
}

// bequeath gives the command the files, and is the will that tells it of them.
func (i inheritance) bequeath(command *exec.Cmd) (variable string, err error) {
	give := func(h heirloom) willed {
		command.ExtraFiles = append(command.ExtraFiles, h.File)
		return willed{Descriptor: 2 + len(command.ExtraFiles), Name: h.Name, Flag: h.flag, Owned: h.Owned}
	}
	w := will{Sockets: []willed{}}
	for _, s := range i.sockets {
		w.Sockets = append(w.Sockets, give(s))
	}
	if i.admin.File != nil {
		admin := give(i.admin)
		w.Admin = &admin
	}
	w.Ready = give(heirloom{Inherited: server.Inherited{File: i.ready}}).Descriptor
	text, err := json.Marshal(w)
	return string(text), err
}

// environmentOfSuccessor leaves out what is meant for this process alone: what tells of its descriptors, and that it
// is the one whose watchdog is to be fed.
func environmentOfSuccessor(environment []string) []string {
	return slices.DeleteFunc(slices.Clone(environment), func(v string) bool {
		name, _, _ := strings.Cut(v, "=")
		return slices.Contains([]string{
			successionVariable, "LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "WATCHDOG_PID", "MAINPID",
		}, name)
	})
}

// outcome brings nil when the successor serves, and otherwise an error; nothing when there is none.
func (s *successor) outcome() <-chan error {
	if s == nil {
		return nil
	}
	return s.served
}

// stop has a successor that is being started end, too, when this process is told to.
func (s *successor) stop() {
	if s != nil {
		_ = s.command.Process.Signal(syscall.SIGTERM) // fails when it has ended
	}
}

// await waits until the successor serves, or ends it when it does not in time.
func (s *successor) await(hearing *os.File, limit time.Duration) {
	defer hearing.Close()
	word := make([]byte, len(readyWord))
	err := hearing.SetReadDeadline(time.Now().Add(limit))
	if err == nil {
		_, err = io.ReadFull(hearing, word)
	}
	if err == nil {
		s.served <- nil
		_ = s.command.Wait() // it may end before this process does
		return
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = fmt.Errorf("it did not serve within %v", limit)
	} else {
		err = errors.New("it ended before it served")
	}
	_ = s.command.Process.Kill()
	_ = s.command.Wait()
	s.served <- fmt.Errorf("echod: the successor %s, process %d: %w (%v)",
		s.command.Path, s.command.Process.Pid, err, s.command.ProcessState)
}
