package echod

import (
	"errors"
	"reflect"
	"regexp"
	"slices"

	"github.com/alecthomas/kong"
)

// reading is one look at all that configures echod: the command line, the environment and the file.
type reading struct {
	process
	done   bool             // help or the version was printed
	status int              // when done
	typed  map[string]bool  // the flags on the command line, by name
	given  map[string]given // the values of other flags, by name; nil until they were looked for
	faults []error          // what is wrong with the environment and the file
}

// given is the value of a flag that is not on the command line.
type given struct {
	value  any    // as kong takes it
	origin string // where people find it: "ECHOD_MAX_CONNS", or "/etc/echod.toml:3: max-conns"
}

// read fills in the commands, and finds the one that the command line names. The error has all that is wrong, joined.
func (r *reading) read(c *commands) (chosen command, err error) {
	parser, err := kong.New(c,
		kong.Name("echod"),
		kong.Help(printHelp),
		defaults(),
		kong.PostBuild(describe),
		kong.Writers(r.stdout, r.stderr),
		kong.Resolvers(r),
		kong.Exit(func(code int) { r.status, r.done = code, true }),
	)
	if err != nil {
		return nil, err
	}
	ctx, err := parser.Parse(joinNegatives(r.args))
	if err != nil || r.done {
		return nil, errors.Join(append(r.faults, err)...)
	}
	chosen = ctx.Selected().Target.Addr().Interface().(command)
	if chosen == &c.Serve {
		r.faults = append(r.faults, r.blame(c.Serve)...)
	}
	return chosen, errors.Join(r.faults...)
}

// joinNegatives writes --max-conns -5 as --max-conns=-5. No flag begins with a digit; but kong takes -5 for one, and
// would not tell which values are right.
func joinNegatives(args []string) (joined []string) {
	for _, arg := range args {
		last := len(joined) - 1
		if last >= 0 && negative.MatchString(arg) && longFlag.MatchString(joined[last]) {
			joined[last] += "=" + arg
			continue
		}
		joined = append(joined, arg)
	}
	return joined
}

var (
	negative = regexp.MustCompile(`^-[0-9.]`)
	longFlag = regexp.MustCompile(`^--[a-z-]+$`) // that has no value yet
)

// Resolve is how kong asks for the value of a flag that is not on the command line; nil when nobody gave one.
func (r *reading) Resolve(ctx *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	if r.given == nil {
		r.gather(ctx)
	}
	return r.given[flag.Name].value, nil
}

// Validate is a part of kong's interface; values are looked at when they are found.
func (r *reading) Validate(*kong.Application) error { return nil }

// gather looks for the values that are not on the command line. The environment goes before the file.
func (r *reading) gather(ctx *kong.Context) {
	r.typed, r.given = map[string]bool{}, map[string]given{}
	if r.done { // whoever asks for help does not need to have everything right
		return
	}
	for _, step := range ctx.Path {
		if step.Flag != nil {
			r.typed[step.Flag.Name] = true
		}
	}
	flags := ctx.Flags()
	if path, origin := r.file(ctx, flags); path != "" {
		r.fromFile(path, origin, slices.DeleteFunc(slices.Clone(flags), notInFile))
	}
	r.fromEnvironment(slices.DeleteFunc(flags, func(flag *kong.Flag) bool { return r.typed[flag.Name] }))
}

// file is the path of the configuration file, and who named it; "" when nobody did.
func (r *reading) file(ctx *kong.Context, flags []*kong.Flag) (path, origin string) {
	i := slices.IndexFunc(flags, func(flag *kong.Flag) bool { return flag.Name == "config" })
	if i < 0 { // the command takes none
		return "", ""
	}
	if r.typed["config"] {
		return ctx.FlagValue(flags[i]).(string), "--config"
	}
	return r.lookup(flags[i]), variable(flags[i])
}

// tryParse finds out whether kong would take the value, without giving it to the flag.
func tryParse(flag *kong.Flag, value any) error {
	trial := reflect.New(flag.Target.Type()).Elem()
	err := flag.Parse(kong.Scan().PushTyped(value, kong.FlagValueToken), trial)
	if cause := errors.Unwrap(err); cause != nil {
		return cause // without the name of a flag, that nobody typed
	}
	return err
}
