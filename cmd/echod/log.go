package main

import (
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
)

// logger writes to w in the format and from the level on that were asked for.
func (o logOptions) logger(w io.Writer) *slog.Logger {
	options := &slog.HandlerOptions{Level: slog.Level(o.LogLevel)}
	if o.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
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
