package echod

import (
	"errors"
	"fmt"
	"regexp"

	"github.com/alecthomas/kong"
)

// valueError is a value that does not do.
type valueError struct {
	flag string // without the dashes
	what string // such as "is 0, want more"
}

func (e *valueError) Error() string { return "--" + e.flag + " " + e.what }

// blame finds what is wrong with values that could be read, and says where they were given. To find whose fault it is,
// each value is tried alone among defaults, and found guilty of the faults that it has there too.
func (r *reading) blame(o serveOptions) (faults []error) {
	wrong := leaves(o.check())
	if len(wrong) == 0 {
		return nil
	}
	origins := r.origins(o)
	for _, fault := range wrong {
		if origin, ok := origins[fault.Error()]; ok {
			fault = relocate(fault, origin)
		}
		faults = append(faults, fault)
	}
	return faults
}

// origins is where the values were given that have faults, by the text of the fault.
func (r *reading) origins(o serveOptions) map[string]string {
	found := map[string]string{}
	var alone commands
	twins := settings(&alone)
	for i, flag := range settings(&commands{Serve: o}) {
		origin := r.origin(flag)
		if origin == "" {
			continue
		}
		twin := twins[i]
		for _, other := range twins {
			_ = other.Reset() // the defaults are right
		}
		twin.Target.Set(flag.Target)
		for _, fault := range leaves(alone.Serve.check()) {
			found[fault.Error()] = origin
		}
	}
	return found
}

// origin is where the flag's value was given; "" when it is the default.
func (r *reading) origin(flag *kong.Flag) string {
	if r.typed[flag.Name] {
		return "--" + flag.Name
	}
	return r.given[flag.Name].origin
}

// fieldFault is how the server tells of a field of its Config. People know the flag's name.
var fieldFault = regexp.MustCompile(`^server: [\w.]+ (is .*)$`)

// relocate tells a fault with the place where the value was given.
func relocate(fault error, origin string) error {
	var value *valueError
	if errors.As(fault, &value) {
		return fmt.Errorf("%s %s", origin, value.what)
	}
	if match := fieldFault.FindStringSubmatch(fault.Error()); match != nil {
		return fmt.Errorf("%s %s", origin, match[1])
	}
	return fmt.Errorf("%s: %w", origin, fault)
}

// leaves is the errors that were joined, none for nil.
func leaves(err error) (all []error) {
	if err == nil {
		return nil
	}
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []error{err}
	}
	for _, one := range joined.Unwrap() {
		all = append(all, leaves(one)...)
	}
	return all
}
