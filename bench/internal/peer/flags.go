package peer

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
)

// BufferSize is the bytes that every server reads at once: what echod reads at once, too.
const BufferSize = 16 << 10

// Address is where a server listens: the parts of tcp://127.0.0.1:7007 or unix:///run/echo.sock.
type Address struct {
	Network string // tcp, udp or unix
	Host    string // host:port, or the path of a Unix socket
}

// String is the address as --listen takes it.
func (a Address) String() string { return a.Network + "://" + a.Host }

// Listen reads the command line of the server called name, which is built on the module ("" for the standard library)
// and serves the networks. It prints the version and quits when that is asked for; wrong usage ends with status 2. The
// path of a Unix socket is free afterwards: what an earlier server left there is removed.
func Listen(name, module string, networks ...string) Address {
	flags := flag.NewFlagSet(name, flag.ExitOnError)
	listen := flags.String("listen", "tcp://127.0.0.1:0", "where to listen: "+strings.Join(networks, ", ")+"://")
	show := flags.Bool("version", false, "print what the server is built on, and quit")
	_ = flags.Parse(os.Args[1:]) // ExitOnError: it does not return one
	if *show {
		fmt.Println(name, version(module))
		os.Exit(0)
	}
	address, err := parse(*listen, networks)
	if err == nil && flags.NArg() > 0 {
		err = fmt.Errorf("%q is not a flag", flags.Arg(0))
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: usage: %v; see %s -help\n", name, err, name)
		os.Exit(2)
	}
	if address.Network == "unix" {
		_ = os.Remove(address.Host) // when something else is in the way, listening says so
	}
	return address
}

// parse takes an address of one of the networks apart.
func parse(text string, networks []string) (Address, error) {
	for _, network := range networks {
		if host, ok := strings.CutPrefix(text, network+"://"); ok && host != "" {
			return Address{Network: network, Host: host}, nil
		}
	}
	return Address{}, fmt.Errorf("--listen %q: want %s://ADDRESS", text, strings.Join(networks, ":// or "))
}

// version is the version of the module that is built in, and of Go.
func version(module string) string {
	info, ok := debug.ReadBuildInfo()
	if module == "" || !ok {
		return runtime.Version()
	}
	for _, dep := range info.Deps {
		if dep.Path == module {
			return dep.Version + " " + runtime.Version()
		}
	}
	return "unknown " + runtime.Version()
}
