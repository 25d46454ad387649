package main

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

const envPrefix = "ECHOD_"

// typedOnly is the flags without a variable: they say what to do this time.
var typedOnly = []string{"help", "version", "timeout"}

// variable is the environment variable of a flag: ECHOD_MAX_CONNS for --max-conns; "" for those that have none.
func variable(flag *kong.Flag) string {
	if slices.Contains(typedOnly, flag.Name) {
		return ""
	}
	return envPrefix + strings.ToUpper(strings.ReplaceAll(flag.Name, "-", "_"))
}

// environment gives the flags that are not on the command line their values. A value that cannot be read is reported
// with its variable's name: the one who finds the message did not type a flag.
func environment(lookup func(string) (string, bool)) kong.Resolver {
	return kong.ResolverFunc(func(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
		name := variable(flag)
		if name == "" {
			return nil, nil
		}
		value, _ := lookup(name)
		if value == "" {
			return nil, nil
		}
		trial := reflect.New(flag.Target.Type()).Elem()
		if err := flag.Parse(kong.Scan().PushTyped(value, kong.FlagValueToken), trial); err != nil {
			return nil, fmt.Errorf("%s=%q in the environment: %w", name, value, withoutFlag(err))
		}
		return value, nil
	})
}

// withoutFlag drops the name of the flag that kong puts before an error, and will put there again.
func withoutFlag(err error) error {
	if cause := errors.Unwrap(err); cause != nil {
		return cause
	}
	return err
}
