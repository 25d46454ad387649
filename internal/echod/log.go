package echod

import (
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
)

// logger writes to w in the format that was asked for, from the level on that threshold has, which may be changed while
// it is used.
func (o logOptions) logger(w io.Writer) (log *slog.Logger, threshold *slog.LevelVar) {
	threshold = new(slog.LevelVar)
	threshold.Set(slog.Level(o.LogLevel))
	options := &slog.HandlerOptions{Level: threshold}
	if o.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(w, options)), threshold
	}
	return slog.New(slog.NewTextHandler(w, options)), threshold
}

// level is a slog.Level that takes the four names only, not sums such as INFO+2.
type level slog.Level

// UnmarshalText reads the name of a level.
func (l *level) UnmarshalText(text []byte) error {
	if !slices.Contains([]string{"debug", "info", "warn", "error"}, strings.ToLower(string(text))) {
		return fmt.Errorf("%q is no level; write debug, info, warn or error", text)
	}
	return (*slog.Level)(l).UnmarshalText(text)
}

// String is the name of the level, as UnmarshalText takes it.
func (l level) String() string { return strings.ToLower(slog.Level(l).String()) }

// format is how log lines are written.
type format string

// UnmarshalText reads the name of a format.
func (f *format) UnmarshalText(text []byte) error {
	*f = format(text)
	if *f != "text" && *f != "json" {
		return fmt.Errorf("%q is no format; write text or json", text)
	}
	return nil
}
