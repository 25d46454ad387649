package peer

import (
	"fmt"
	"os"
)

// Ready prints the one line that says that clients can connect, and where.
func Ready(network, host string) {
	fmt.Println("ready", Address{Network: network, Host: host})
}

// Fail prints why the server cannot serve, and ends it.
func Fail(err error) {
	fmt.Fprintln(os.Stderr, "cannot serve:", err)
	os.Exit(1)
}
