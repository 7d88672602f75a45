package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/meepo-replicate/meepo/replicate"
	"github.com/meepo-replicate/meepo/replicate/metrics"
	"github.com/meepo-replicate/meepo/source"
)

// endpoint serves what machines ask a run: /metrics, /healthz and /readyz. Nil serves nothing.
type endpoint struct {
	metrics *metrics.Metrics
	status  atomic.Pointer[func() replicate.Status]
	server  *http.Server
	at      string // its address, with the port that it got
	owned   sync.WaitGroup
}

// checkListen looks at the address of --listen; empty means off.
func checkListen(address string) error {
	if address == "" {
		return nil
	}
	_, port, err := net.SplitHostPort(address)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil {
		return fmt.Errorf("%q is not an address and port, such as 127.0.0.1:9187 or :9187", address)
	}
	return nil
}

// listen begins to serve at the address. An empty one gives nil.
func listen(ctx context.Context, address string, log *slog.Logger) (*endpoint, error) {
	if address == "" {
		return nil, nil
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, &source.HintError{Err: fmt.Errorf("serve metrics: %w", err),
			Advice: "choose another address with --listen, or see what has the port: ss -ltnp"}
	}
	e := &endpoint{metrics: metrics.New(), at: listener.Addr().String()}
	e.server = &http.Server{
		Handler: e.routes(), ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug), MaxHeaderBytes: 16 << 10,
		ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 30 * time.Second, IdleTimeout: 2 * time.Minute,
	}
	log.Info("listening", "address", listener.Addr().String(), "paths", "/metrics /healthz /readyz")
	e.owned.Go(func() {
		if err := e.server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			log.Error("metrics are not served any more", "error", err)
		}
	})
	return e, nil
}

// address is where it is served; empty: nowhere.
func (e *endpoint) address() string {
	if e == nil {
		return ""
	}
	return e.at
}

func (e *endpoint) routes() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", e.metrics.Handler())
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, "healthy", e.now().Unhealthy())
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, "caught up", e.now().Unready()...)
	})
	return mux
}

// answer says 200, or 503 with what is wrong.
func answer(w http.ResponseWriter, well string, wrong ...string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	text := strings.Join(wrong, "\n")
	if text == "" {
		text = well
	} else {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	_, _ = io.WriteString(w, text+"\n") // whoever asked may be gone
}

// now is the status of the run, empty before it begins.
func (e *endpoint) now() replicate.Status {
	if status := e.status.Load(); status != nil {
		return (*status)()
	}
	return replicate.Status{}
}

// observer is what the run is to tell; nil if nothing is served.
func (e *endpoint) observer() *replicate.Observer {
	if e == nil {
		return nil
	}
	return e.metrics.Observer()
}

// watch answers from this status from now on.
func (e *endpoint) watch(status func() replicate.Status) {
	if e != nil {
		e.status.Store(&status)
		e.metrics.Watch(status)
	}
}

// close stops serving, lets answers under way end for a moment, and waits.
func (e *endpoint) close(ctx context.Context) error {
	if e == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	if err := e.server.Shutdown(ctx); err != nil {
		_ = e.server.Close() // somebody reads slowly; the run does not wait for that
	}
	e.owned.Wait()
	return nil
}
