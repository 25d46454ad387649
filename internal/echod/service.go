package echod

import (
	"fmt"

	"github.com/ringport/ringport/server"
)

// service is the name of what the daemon does with what it receives.
type service string

const (
	echoService    service = "echo"
	discardService service = "discard"
)

// UnmarshalText reads the name of a service.
func (s *service) UnmarshalText(text []byte) error {
	*s = service(text)
	if *s != echoService && *s != discardService {
		return fmt.Errorf("%q is no handler; write echo or discard", text)
	}
	return nil
}

// handler is the service's own.
func (s service) handler() server.Handler {
	if s == discardService {
		return server.Discard{}
	}
	return server.Echo{}
}
