package echod

import (
	"os"

	"github.com/coreos/go-systemd/v22/activation"

	"github.com/ringport/ringport/server"
)

// activated is the sockets that the service manager listens on for this process (sd_listen_fds(3)), if it does. They
// keep the names of their units' FileDescriptorName=. It takes the variables that tell of them out of the environment,
// since no child shall believe that it is meant.
func activated() (all []heirloom) {
	const removeVariables = true
	for _, file := range activation.Files(removeVariables) {
		all = append(all, heirloom{Inherited: server.Inherited{Name: file.Name(), File: file}})
	}
	return all
}

// inherit is what the process before this one left, and what the service manager did.
func inherit() (inheritance, error) {
	i, err := succeeded(os.Getenv(successionVariable))
	_ = os.Unsetenv(successionVariable) // fails for no valid name
	i.sockets = append(i.sockets, activated()...)
	return i, err
}
