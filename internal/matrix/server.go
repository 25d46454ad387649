package matrix

import (
	"fmt"
	"net"
	"slices"
	"strings"
)

// AddressMark stands in a Server.Command for the address that the server is to listen on.
const AddressMark = "{addr}"

// Server is an echo server that is measured.
type Server struct {
	// Name is what it is called: short, one word.
	Name string `toml:"name" json:"name"`
	// Group is what it is compared with as a kind: "go", "c", any word. The first server's own does not matter.
	Group string `toml:"group" json:"group"`
	// Command is the program and its arguments. AddressMark is replaced by where to listen: tcp://127.0.0.1:0,
	// udp://127.0.0.1:0 or unix:///some/path. When clients can connect, the server prints a line with the word ready
	// and the address, with the port that 0 became, on its standard output or error.
	Command []string `toml:"command" json:"command"`
	// Version is a program and its arguments that print the version; empty: it has none.
	Version []string `toml:"version" json:"-"`
	// Networks are those that it serves: tcp, unix, udp.
	Networks []string `toml:"networks" json:"networks"`
	// Host is the IP address that it listens on; 127.0.0.1 if there is none.
	Host string `toml:"host" json:"host,omitempty"`
	// Agent is the socket of an agent that starts its programs where they are, in a container; without one they are
	// here. Both must have the same process numbers, and for Unix sockets the same folder for temporary files.
	Agent string `toml:"agent" json:"agent,omitempty"`
}

// networks are all that there are.
var networks = []string{"tcp", "unix", "udp"}

// Validate says what is wrong with it.
func (s Server) Validate() error {
	switch {
	case s.Name == "" || !isWord(s.Name):
		return fmt.Errorf("matrix: a server is called %q; want letters, digits, dots and dashes", s.Name)
	case len(s.Command) == 0:
		return fmt.Errorf("matrix: server %s has no command; give the program and its arguments", s.Name)
	case !slices.ContainsFunc(s.Command, func(arg string) bool { return strings.Contains(arg, AddressMark) }):
		return fmt.Errorf("matrix: the command of server %s does not contain %s, so it cannot be told where to listen",
			s.Name, AddressMark)
	case len(s.Networks) == 0:
		return fmt.Errorf("matrix: server %s serves no networks; name some of %v", s.Name, networks)
	case s.Host != "" && net.ParseIP(s.Host) == nil:
		return fmt.Errorf("matrix: server %s has the host %q; want the IP address that it listens on", s.Name, s.Host)
	}
	for _, n := range s.Networks {
		if !slices.Contains(networks, n) {
			return fmt.Errorf("matrix: server %s has the network %q; there are %v", s.Name, n, networks)
		}
	}
	return nil
}

// Serves says whether it can meet the load.
func (s Server) Serves(l Load) bool { return slices.Contains(s.Networks, l.Network) }

// commandFor is the command with the address in it.
func (s Server) commandFor(address string) []string {
	command := make([]string, len(s.Command))
	for i, arg := range s.Command {
		command[i] = strings.ReplaceAll(arg, AddressMark, address)
	}
	return command
}

// isWord says whether a name can stand in a file's name, in a benchmark's and on a command line.
func isWord(name string) bool {
	return !strings.ContainsFunc(name, func(r rune) bool {
		letter := 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9'
		return !letter && r != '-' && r != '.'
	})
}
