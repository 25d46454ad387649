package echod

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/pprof"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// turnLimit is how long a shard may take to come round before it counts as stuck. A busy one takes milliseconds.
const turnLimit = 5 * time.Second

// pages is what the admin pages tell about.
type pages struct {
	registry *prometheus.Registry
	alive    func(ctx context.Context) error // whether every shard turns, before ctx ends
	limit    time.Duration                   // how long a shard may take to come round
	ready    func() error
	pprof    bool
	log      *slog.Logger
}

// handler serves the pages. They only show: nothing can be changed through them.
func (p pages) handler() http.Handler {
	mux := http.NewServeMux()
	index := "echod\n"
	page := func(path, what string, show http.HandlerFunc) {
		mux.HandleFunc(path, show)
		index += fmt.Sprintf("%-16s%s\n", path, what)
	}
	page("/metrics", "figures for Prometheus", p.metrics().ServeHTTP)
	page("/livez", "whether every shard turns", p.livez)
	page("/readyz", "whether new clients are served", p.readyz)
	if p.pprof {
		page("/debug/pprof/", "profiles of the process", pprof.Index)
		mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
		mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
		mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
		mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	}
	mux.HandleFunc("/{$}", func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, index) })
	return onlyReading(mux)
}

// metrics shows the registry. A metric that cannot be read does not hide the others.
func (p pages) metrics() http.Handler {
	return promhttp.HandlerFor(p.registry, promhttp.HandlerOpts{
		ErrorLog:            slog.NewLogLogger(p.log.Handler(), slog.LevelWarn),
		ErrorHandling:       promhttp.ContinueOnError,
		MaxRequestsInFlight: adminConns,
	})
}

// livez says whether every shard turns.
func (p pages) livez(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), p.limit)
	defer cancel()
	verdict(w, p.alive(ctx))
}

// readyz says whether new clients are served.
func (p pages) readyz(w http.ResponseWriter, _ *http.Request) { verdict(w, p.ready()) }

// verdict answers ok, or what is wrong.
func verdict(w http.ResponseWriter, err error) {
	if err != nil {
		answer(w, http.StatusServiceUnavailable, oneLine(err)+"\n")
		return
	}
	answer(w, http.StatusOK, "ok\n")
}

func answer(w http.ResponseWriter, status int, text string) {
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text)) // whoever asked has gone, and misses nothing
}

// onlyReading refuses what is not GET or HEAD.
func onlyReading(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			answer(w, http.StatusMethodNotAllowed, "the pages can only be read\n")
			return
		}
		next.ServeHTTP(w, r)
	})
}
