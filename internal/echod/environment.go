package echod

import (
	"fmt"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

const envPrefix = "ECHOD_"

// typedOnly is the flags that are neither in the environment nor in the file: they say what to do this time.
var typedOnly = []string{"help", "version", "check-config", "print-config", "timeout"}

// variable is the environment variable of a flag: ECHOD_MAX_CONNS for --max-conns; "" for those that have none.
func variable(flag *kong.Flag) string {
	if slices.Contains(typedOnly, flag.Name) {
		return ""
	}
	return envPrefix + strings.ToUpper(strings.ReplaceAll(flag.Name, "-", "_"))
}

// fromEnvironment gives the flags the values of their variables. A value that cannot be read is told with the
// variable's name: the one who finds the message did not type a flag.
func (r *reading) fromEnvironment(flags []*kong.Flag) {
	for _, flag := range flags {
		value := r.lookup(flag)
		if value == "" {
			continue
		}
		if err := tryParse(flag, value); err != nil {
			r.faults = append(r.faults, fmt.Errorf("%s=%q in the environment: %w", variable(flag), value, err))
			continue
		}
		r.given[flag.Name] = given{value, variable(flag)}
	}
}

// lookup is the value of the flag's variable; an empty variable is as good as none.
func (r *reading) lookup(flag *kong.Flag) string {
	name := variable(flag)
	if name == "" {
		return ""
	}
	value, _ := r.lookupEnv(name)
	return value
}
