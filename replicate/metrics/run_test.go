package metrics_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/meepo-replicate/meepo/mappings"
	"github.com/meepo-replicate/meepo/replicate"
	"github.com/meepo-replicate/meepo/replicate/metrics"
	"github.com/meepo-replicate/meepo/replicate/state"
	"github.com/meepo-replicate/meepo/source"
	"github.com/meepo-replicate/meepo/source/sourcetest"
	"github.com/meepo-replicate/meepo/targets"
	"github.com/meepo-replicate/meepo/targets/targettest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// run is an engine between a source and a target in memory, with its metrics. It lives in a synctest
// bubble, so that an alert that takes a quarter of an hour takes none here.
type run struct {
	t       *testing.T
	source  *sourcetest.Memory
	target  *targettest.Memory
	metrics *metrics.Metrics
	scrapes []scrape
	stop    func() error
	seen    bool // by a hook
}

// scrape is what /metrics answered at a time, as tools/alerts takes it.
type scrape struct {
	At   time.Time `json:"at"`
	Text string    `json:"text"`
}

var orders = source.Table{Schema: "shop", Name: "orders"}

// outlook is a source that says how long it keeps its log.
type outlook struct {
	*sourcetest.Memory
	runway func(since time.Time) time.Duration
}

// Runway implements [source.Retention].
func (o *outlook) Runway(_ context.Context, _ source.Position, since time.Time) (time.Duration, bool, error) {
	return o.runway(since), true, nil
}

// start makes a run over two tables, one with ten rows, and waits until they are copied.
func start(t *testing.T, tweak func(*run, *replicate.Options)) *run {
	t.Helper()
	r := &run{
		t: t, target: targettest.NewMemory(t), metrics: metrics.New(),
		source: sourcetest.NewMemory(sourcetest.Table("shop.orders", 1, sourcetest.Int("id"), sourcetest.Text("v")),
			sourcetest.Table("shop.items", 1, sourcetest.Int("id"))), // what goes on when orders is parked
	}
	r.insert(0, 10)
	store, err := state.Open(t.Context(), filepath.Join(t.TempDir(), "state.db"))
	if err != nil {
		t.Fatal(err)
	}
	options := replicate.Options{
		Source: r.source, Target: r.target, State: store, Observer: r.metrics.Observer(),
		Tables: []source.Pattern{{Schema: "shop", Name: "*"}}, PollEvery: time.Minute, MarkEvery: time.Minute, RejectWindow: 20,
		Compile: func(_ context.Context, tables []source.Columns) (mappings.Compiled, error) {
			return mappings.Compile(nil, tables, mappings.Rules{})
		},
	}
	if tweak != nil {
		tweak(r, &options)
	}
	engine, err := replicate.New(options)
	if err != nil {
		t.Fatal(err)
	}
	r.metrics.Watch(engine.Status)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- engine.Run(ctx, make(chan struct{})) }()
	r.stop = func() error {
		cancel()
		return errors.Join(<-done, store.Close())
	}
	for len(engine.Status().Unready()) > 0 {
		<-time.After(time.Second)
	}
	return r
}

// end ends the run, which has to be under way still.
func (r *run) end() {
	r.t.Helper()
	if err := r.stop(); !errors.Is(err, context.Canceled) {
		r.t.Errorf("the run ended with %v", err)
	}
}

func (r *run) insert(from, to int) {
	r.t.Helper()
	r.do(func(tx *sourcetest.Tx) {
		for i := from; i < to; i++ {
			tx.Insert(orders, int64(i), fmt.Sprint("v", i))
		}
	})
}

func (r *run) do(script func(*sourcetest.Tx)) {
	r.t.Helper()
	if err := r.source.Do(script); err != nil {
		r.t.Fatal(err)
	}
}

func docKey(id int64) mappings.DocKey {
	return mappings.DocKey{Plan: "shop.orders", Key: sourcetest.Key(id)}
}

// page is what /metrics answers now.
func (r *run) page() string {
	r.t.Helper()
	answer := httptest.NewRecorder()
	r.metrics.Handler().ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	if answer.Code != http.StatusOK {
		r.t.Fatalf("scrape: %d %s", answer.Code, answer.Body)
	}
	return answer.Body.String()
}

// watch lets time pass, with signs of life from the log, and scrapes as Prometheus would.
func (r *run) watch(long time.Duration) {
	r.t.Helper()
	for end := time.Now().Add(long); time.Now().Before(end); {
		for range 3 {
			r.source.Keepalive()
			<-time.After(5 * time.Second)
		}
		r.scrapes = append(r.scrapes, scrape{time.Now(), r.page()})
	}
}

// has looks for lines of a page.
func has(t *testing.T, page string, lines ...string) {
	t.Helper()
	all := strings.Split(page, "\n")
	for _, want := range lines {
		if !slices.Contains(all, want) {
			t.Errorf("no line %s in:\n%s", want, meepo(page))
		}
	}
}

// meepo leaves out of a page what is not ours.
func meepo(page string) string {
	return strings.Join(slices.DeleteFunc(strings.Split(page, "\n"), func(l string) bool { return !strings.HasPrefix(l, "meepo_") }), "\n")
}

// hang waits until a call is given up.
func hang(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}

// reject makes the target reject documents of ids from a number on.
func (r *run) reject(from, to int) {
	for i := from; i < to; i++ {
		r.target.Reject("shop.orders", targets.ID(fmt.Sprint(i)), "mapper_parsing_exception")
	}
}
