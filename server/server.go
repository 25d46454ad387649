package server

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/ringport/ringport/ops"
)

// Server listens, accepts and gives the connections to a Handler. All methods may be called from any goroutine, except
// that Shutdown, Retire, Close and Lag must not be called by the handler, whose shard they wait for.
type Server struct {
	cfg     Config
	handler Handler
	log     *slog.Logger
	gate    *gate
	sources *sources
	budget  budget
	limits  atomic.Pointer[limits] // the newest; shards have their own
	totals  atomic.Pointer[totals] // of datagrams
	dropLog dropLog
	shards  []*shard
	bounds  []*bound // in the order of Config.Listen, then what is inherited besides

	reloading sync.Mutex // held while limits are set, so that every shard ends with the same

	done       chan struct{} // closed when everything is freed
	freeOnce   sync.Once
	leavePaths sync.Once // runs removePaths, or nothing when the paths are a successor's

	mu      sync.Mutex
	serving bool
	ended   bool // a shutdown has begun
	freeing bool // the ports are being closed

	err error // of closing them; set before done is closed
}

// New makes a server: it opens the ports of the shards and listens on every address that no inherited socket serves, so
// that connections wait in the backlog until Serve. Returns what Config.Validate finds wrong; the error of ops.NewPort
// when io_uring is refused; or an error with the address, or the name of the inherited socket, that wraps the errno,
// such as EADDRINUSE. A server that is not served is freed with Close.
func New(cfg Config, h Handler) (*Server, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if h == nil {
		return nil, errors.New("server: the handler is nil; Echo{} is one")
	}
	cfg = cfg.withDefaults()
	s := &Server{
		cfg: cfg, handler: h, log: cfg.Logger, sources: newSources(cfg.MaxConnsPerIP),
		done: make(chan struct{}),
	}
	s.limits.Store(cfg.limits())
	s.totals.Store(newTotals(cfg.Datagrams))
	s.dropLog.log = cfg.Logger
	if err := s.open(); err != nil {
		return nil, errors.Join(err, s.free())
	}
	s.gate = newGate(cfg.limits(), s.longestBacklog(), s.listenerCount())
	s.gate.open(s.shards)
	s.budget.shards = s.shards
	s.budget.limit(int64(cfg.MaxQueued))
	return s, nil
}

func (s *Server) open() error {
	cpus := usableCPUs()
	for i := range s.cfg.Shards {
		port, err := ops.NewPort(ops.PortConfig{
			ReadAhead: -1, // receives are multishot, and a paused session holds no buffer
			Buffers:   s.cfg.Buffers, BufferSize: s.cfg.portBufferSize(),
			Spin:     s.cfg.Spin,
			Restrict: true, // a server needs no more, and an attacker gets no more
		})
		if err != nil {
			return fmt.Errorf("server: shard %d: %w", i, err)
		}
		sh := newShard(s, port)
		s.shards = append(s.shards, sh)
		if s.cfg.PinCPUs {
			if err := sh.pin(cpus[i%len(cpus)]); err != nil {
				return err
			}
		}
	}
	return s.openListeners()
}

func (s *Server) openListeners() error {
	inherited, err := s.inherit()
	for _, address := range s.cfg.Listen {
		if err != nil {
			return err
		}
		inherited, err = s.listen(address, inherited)
	}
	s.bounds = append(s.bounds, inherited...)
	return err
}

// Features describes what the shards' rings got from the kernel. The value is a uring.Features.
func (s *Server) Features() fmt.Stringer { return s.shards[0].port.Features() }
