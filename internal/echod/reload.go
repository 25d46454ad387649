package echod

import (
	"errors"
	"io"
	"log/slog"
	"reflect"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/ringport/ringport/server"
)

// running is what a reload changes.
type running struct {
	process
	server    interface{ Reload(server.Config) error } // *server.Server
	log       *slog.Logger
	threshold *slog.LevelVar // of the log
}

// reload reads the file again and has what is running take the new settings, as far as that can be done without a
// restart. It returns the options that hold from now on. When anything is wrong nothing changes. The log says what
// happened.
func (r running) reload(now serveOptions) serveOptions {
	next, err := now.reread(r.process)
	if err == nil {
		err = r.server.Reload(next.reloadConfig())
	}
	if errors.Is(err, errNoFile) {
		r.log.Warn("there is nothing to reload: no --config was given")
		return now
	}
	if err != nil {
		r.log.Error("the configuration is not reloaded, the old one stays", "error", oneLine(err))
		return now
	}
	r.threshold.Set(slog.Level(next.Log.LogLevel))
	r.log.Info("configuration reloaded", "changed", strings.Join(next.changed, ","))
	if len(next.waiting) > 0 {
		r.log.Warn("some settings change only by a restart", "settings", strings.Join(next.waiting, ","))
	}
	return next.serveOptions
}

// reread is the options of another look at the file, with the same command line and environment.
type reread struct {
	serveOptions
	changed []string // settings that have new values
	waiting []string // settings with new values in the file that need a restart; the old ones are in the options
}

var errNoFile = errors.New("there is no file to read again")

// reread reads everything again that these options were read from.
func (o serveOptions) reread(p process) (reread, error) {
	if o.File.Config == "" {
		return reread{}, errNoFile
	}
	var c commands
	r := reading{process: p}
	r.stdout, r.stderr = io.Discard, io.Discard
	if _, err := r.read(&c); err != nil {
		return reread{}, err
	}
	next := reread{}
	before := settings(&commands{Serve: o})
	for i, flag := range settings(&c) {
		switch old := before[i].Target; {
		case reflect.DeepEqual(flag.Target.Interface(), old.Interface()):
		case reloadable(flag):
			next.changed = append(next.changed, flag.Name)
		default:
			next.waiting = append(next.waiting, flag.Name)
			flag.Target.Set(old)
		}
	}
	next.serveOptions = c.Serve
	return next, nil
}

// reloadable tells whether a setting can change without a restart.
func reloadable(flag *kong.Flag) bool { return flag.Tag.Has("reload") }

// reloadConfig is the configuration for Server.Reload. The number of shards was settled at the start, when the runtime
// had as many threads as CPUs.
func (o serveOptions) reloadConfig() server.Config {
	cfg := o.config(nil)
	cfg.Shards = 0
	return cfg
}
