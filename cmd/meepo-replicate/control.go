package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/meepo-replicate/meepo/mappings"
	"github.com/meepo-replicate/meepo/replicate"
	"github.com/meepo-replicate/meepo/source"
)

// controlSuffix makes the socket's path of the state's.
const controlSuffix = ".sock"

// control is what a run answers to other processes of its user: HTTP over a unix socket beside the state file. See docs/control.md.
type control struct {
	run    *replicate.Replicator
	source sourceDriver
	server *http.Server
	owned  sync.WaitGroup
}

// serveControl begins to answer. The run has the state's lock, so that a socket which is there is a killed run's. A path that is too
// long for a socket is no reason not to run.
func serveControl(path string, run *replicate.Replicator, src sourceDriver, log *slog.Logger) *control {
	c := &control{run: run, source: src}
	listener, err := listenPrivately(path)
	if err != nil {
		log.Warn("other commands cannot ask this run, they take what the state file says", "socket", path, "error", err)
		return c
	}
	c.server = &http.Server{Handler: c.routes(), ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug), ReadHeaderTimeout: 5 * time.Second}
	c.owned.Go(func() {
		if err := c.server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			log.Error("other commands cannot ask this run any more", "error", err)
		}
	})
	return c
}

// listenPrivately makes a socket that only its owner may use, from its first moment on.
func listenPrivately(path string) (net.Listener, error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	const ownerOnly = 0o177
	before := syscall.Umask(ownerOnly)
	defer syscall.Umask(before)
	return net.Listen("unix", path)
}

// close ends it, and what is being asked.
func (c *control) close(context.Context) error {
	if c.server == nil {
		return nil
	}
	err := c.server.Close()
	c.owned.Wait()
	return err
}

func (c *control) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/status", func(w http.ResponseWriter, _ *http.Request) { answerJSON(w, http.StatusOK, c.run.Status()) })
	mux.HandleFunc("GET /v1/key", c.key)
	mux.HandleFunc("GET /v1/wait", c.wait)
	return mux
}

// refusal is what is answered instead of what was asked for.
type refusal struct {
	Error  string `json:"error"`
	Advice string `json:"what_to_do,omitempty"`
}

func refuse(w http.ResponseWriter, status int, text, advice string) {
	answerJSON(w, status, refusal{text, advice})
}

func answerJSON(w http.ResponseWriter, status int, document any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(document) // whoever asked may be gone
}

// key answers where a key is: ?mapping=orders/shop.orders&key=17.
func (c *control) key(w http.ResponseWriter, r *http.Request) {
	plan := mappings.PlanID(r.URL.Query().Get("mapping"))
	key, err := c.run.ParseKey(plan, r.URL.Query().Get("key"))
	if err != nil {
		state := c.run.KeyState(mappings.DocKey{Plan: plan})
		if state.State == replicate.KeyParked || state.State == replicate.KeyUnknown { // no key can be read without its mapping
			answerJSON(w, http.StatusOK, state)
			return
		}
		refuse(w, http.StatusBadRequest, err.Error(), "write the key as the table has it, several columns joined by commas in the key's order")
		return
	}
	answerJSON(w, http.StatusOK, c.run.KeyState(mappings.DocKey{Plan: plan, Key: key}))
}

// wait answers when the target holds everything up to a position: ?position=now&timeout=2s.
func (c *control) wait(w http.ResponseWriter, r *http.Request) {
	timeout, err := time.ParseDuration(r.URL.Query().Get("timeout"))
	if err != nil || timeout <= 0 {
		refuse(w, http.StatusBadRequest, "timeout is no time", "write it as 500ms, 2s or 1m")
		return
	}
	text := r.URL.Query().Get("position")
	if text == "" {
		text = "now"
	}
	want, err := positionMeant(r.Context(), c.source, text)
	if err != nil {
		_, fix := messageOf(err)
		refuse(w, http.StatusBadRequest, err.Error(), fix)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), timeout)
	defer cancel()
	switch err := c.run.AwaitSaved(ctx, want); {
	case err == nil:
		answerJSON(w, http.StatusOK, struct {
			Position source.Position `json:"position"`
		}{want})
	case errors.Is(err, context.DeadlineExceeded):
		refuse(w, http.StatusGatewayTimeout, fmt.Sprintf("the target does not hold everything up to %s after %s", want, timeout), "see /v1/status, or wait longer")
	default:
		refuse(w, http.StatusInternalServerError, err.Error(), "")
	}
}

// askControl asks the run on a state for a document; false: nobody answers there.
func askControl(ctx context.Context, state, path string, into any) (bool, error) {
	dialer := &net.Dialer{}
	client := &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, "unix", state+controlSuffix)
		},
	}}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://run"+path, http.NoBody)
	if err != nil {
		return false, err
	}
	response, err := client.Do(request)
	if err != nil {
		if ctx.Err() != nil {
			return false, context.Cause(ctx)
		}
		return false, nil //nolint:nilerr // a run of an earlier version, or none
	}
	defer response.Body.Close()
	if response.StatusCode == http.StatusOK {
		return true, json.NewDecoder(response.Body).Decode(into)
	}
	var wrong refusal
	if err := json.NewDecoder(response.Body).Decode(&wrong); err != nil {
		return true, fmt.Errorf("the run answers %s", response.Status)
	}
	return true, &usageError{wrong.Error, wrong.Advice}
}
