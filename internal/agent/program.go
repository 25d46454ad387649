package agent

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"time"
)

// How long an agent may take to start a program, and to end it: longer than it gives the program itself.
const (
	startPatience = 10 * time.Second
	stopPatience  = 10 * time.Second
)

// Program is a program that an agent has started.
type Program struct {
	conn  *net.UnixConn
	words *json.Decoder
	pid   int
	ended chan struct{}
	err   error // how it ended; not to be read before that
}

// Start has the agent at the socket start a program on the CPUs, on any when there are none. Output gets what it
// prints, errors too.
func Start(socket string, argv []string, cpus []int, output io.Writer) (*Program, error) {
	conn, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: socket, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("agent: %w; does echobench agent run there?", err)
	}
	p := &Program{conn: conn, words: json.NewDecoder(conn), ended: make(chan struct{})}
	if err := p.ask(request{Command: argv, CPUs: cpus}); err != nil {
		return nil, errors.Join(fmt.Errorf("agent: at %s: %w", socket, err), conn.Close())
	}
	go p.listen(output)
	return p, nil
}

// ask sends the request and takes the first answer.
func (p *Program) ask(r request) error {
	if err := p.conn.SetDeadline(time.Now().Add(startPatience)); err != nil {
		return err
	}
	if err := json.NewEncoder(p.conn).Encode(r); err != nil {
		return fmt.Errorf("ask for %s: %w", r.Command[0], err)
	}
	var a answer
	if err := p.words.Decode(&a); err != nil {
		return fmt.Errorf("wait for the start of %s: %w", r.Command[0], err)
	}
	if a.Refusal != "" {
		return errors.New(a.Refusal)
	}
	p.pid = a.PID
	return p.conn.SetDeadline(time.Time{})
}

// listen takes the answers until the last.
func (p *Program) listen(output io.Writer) {
	defer close(p.ended)
	defer p.conn.Close()
	for {
		var a answer
		if err := p.words.Decode(&a); err != nil {
			p.err = fmt.Errorf("agent: it went away: %w", err)
			return
		}
		_, _ = output.Write(a.Output) // what becomes of it there is not the program's matter
		if a.Ended {
			if a.Failure != "" {
				p.err = errors.New(a.Failure)
			}
			return
		}
	}
}

// PID is the number of its process, as the agent sees it.
func (p *Program) PID() int { return p.pid }

// Ended is closed when it has ended, and all that it printed has been written; or when the agent has gone.
func (p *Program) Ended() <-chan struct{} { return p.ended }

// Err says how it ended: nil with status 0. It waits for the end.
func (p *Program) Err() error {
	<-p.ended
	return p.err
}

// Stop has the agent end it, and waits until it has. An agent that does not answer is given up.
func (p *Program) Stop() {
	_ = p.conn.SetReadDeadline(time.Now().Add(stopPatience))
	_ = p.conn.CloseWrite()
	<-p.ended
}
