package echod

import (
	"context"
	"log/slog"
	"time"
)

// shortageInterval is the time between two lines about a shortage, at least: it may come and go with each client.
const shortageInterval = time.Minute

// shortage tells the log when listeners find no free descriptor. Its clients wait, and nothing else shows it.
type shortage struct {
	refused func() uint64 // accepts so far that found none
	log     *slog.Logger
	now     func() time.Time

	told   uint64    // of the accepts that were refused
	toldAt time.Time // zero: never
}

// look tells the log when there is something new, and it is time for a line.
func (s *shortage) look(context.Context) {
	refused := s.refused()
	now := s.now()
	if refused == s.told || !s.toldAt.IsZero() && now.Sub(s.toldAt) < shortageInterval {
		return
	}
	s.log.Warn("no descriptor is free for new connections, which wait; raise the limit on open files (LimitNOFILE= in "+
		"the unit, ulimit -n, fs.file-max for the machine), or lower --max-conns",
		"refused_accepts", refused-s.told, "open_files", openFiles())
	s.told, s.toldAt = refused, now
}
