package replicate_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/meepo-replicate/meepo/mappings"
	"github.com/meepo-replicate/meepo/replicate"
	"github.com/meepo-replicate/meepo/replicate/replicatetest"
	"github.com/meepo-replicate/meepo/replicate/state"
	"github.com/meepo-replicate/meepo/source"
	"github.com/meepo-replicate/meepo/source/sourcetest"
	"github.com/meepo-replicate/meepo/targets"
	"github.com/meepo-replicate/meepo/targets/targettest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = 20 * time.Second

// bench is a source, a target and a state file with an engine between them that can be started,
// crashed and started again.
type bench struct {
	t      *testing.T
	source *sourcetest.Memory
	target *targettest.Memory
	path   string
	tweak  func(*replicate.Options)
	log    *logBook
}

func newBench(t *testing.T, tables ...source.Columns) *bench {
	return &bench{t: t, source: sourcetest.NewMemory(tables...), target: targettest.NewMemory(t),
		path: filepath.Join(t.TempDir(), "state.db"), log: &logBook{}}
}

func table(name string) source.Columns {
	return sourcetest.Table("shop."+name, 1, sourcetest.Int("id"), sourcetest.Text("v"))
}

// run is a started engine.
type run struct {
	b      *bench
	engine *replicate.Replicator
	drain  chan struct{}
	cancel context.CancelFunc
	done   chan error
	store  *state.Store
	once   sync.Once
}

func compile(_ context.Context, tables []source.Columns) (mappings.Compiled, error) {
	return mappings.Compile(nil, tables, mappings.Rules{})
}

func (b *bench) start() *run {
	b.t.Helper()
	store, err := state.Open(context.Background(), b.path)
	if err != nil {
		b.t.Fatal(err)
	}
	opts := replicate.Options{
		Source: b.source, Target: b.target, State: store, Compile: compile,
		Logger:    slog.New(slog.NewTextHandler(b.log, nil)),
		Tables:    []source.Pattern{{Schema: "shop", Name: "*"}},
		SaveEvery: time.Millisecond,
	}
	if b.tweak != nil {
		b.tweak(&opts)
	}
	opts.Observer = replicate.Observe(opts.Observer, replicatetest.NewValidator(func(violation string) { b.t.Error(violation) }).Observer())
	engine, err := replicate.New(opts)
	if err != nil {
		b.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	r := &run{b: b, engine: engine, drain: make(chan struct{}), cancel: cancel, done: make(chan error, 1), store: store}
	go func() { r.done <- engine.Run(ctx, r.drain) }()
	b.t.Cleanup(func() { r.crash() })
	return r
}

// end drains the engine and returns what Run returned.
func (r *run) end() error {
	var err error
	r.once.Do(func() {
		close(r.drain)
		err = r.wait()
	})
	return err
}

// crash cancels the engine; what was not saved is lost.
func (r *run) crash() {
	r.once.Do(func() {
		r.cancel()
		_ = r.wait()
	})
}

func (r *run) wait() error {
	select {
	case err := <-r.done:
		r.cancel()
		return errors.Join(err, r.store.Close())
	case <-time.After(patience):
		r.b.t.Error("the engine did not end")
		r.cancel()
		return errors.Join(<-r.done, r.store.Close())
	}
}

// finished waits for an engine that ends by itself.
func (r *run) finished() error {
	var err error
	r.once.Do(func() { err = r.wait() })
	return err
}

// settle waits until everything committed so far is saved, and no bulk work is left.
func (r *run) settle() {
	r.b.t.Helper()
	if err := r.settleOrEnd(); err != nil {
		r.b.t.Fatalf("the engine ended: %v", err)
	}
}

// settleOrEnd does the same for a run that may end by itself meanwhile.
func (r *run) settleOrEnd() (ended error) {
	r.b.t.Helper()
	want := r.b.source.Last()
	r.b.await("settled at "+string(want), func() bool {
		select {
		case ended = <-r.done:
			r.done <- ended
			return true
		default:
		}
		s := r.engine.Status()
		if s.Position == "" || s.Backfilling {
			return false
		}
		reached, err := r.b.source.Reached(context.Background(), s.Position, want)
		if err != nil {
			r.b.t.Fatal(err)
		}
		return reached
	})
	return ended
}

// equal compares a table with its destination, field by field.
func (b *bench) equal(name string) {
	b.t.Helper()
	want := map[string]string{}
	for key, values := range b.source.Rows(source.Table{Schema: "shop", Name: name}) {
		want[key.Text()] = fmt.Sprint(values...)
	}
	got := map[string]string{}
	for _, id := range b.target.IDs("shop." + name) {
		fields, _, _ := b.target.Doc("shop."+name, id)
		got[string(id)] = fmt.Sprint(fields["id"], fields["v"])
	}
	for id := range want {
		want[id] = normal(want[id])
	}
	for id := range got {
		got[id] = normal(got[id])
	}
	if diff := cmp.Diff(want, got); diff != "" {
		b.t.Errorf("shop.%s differs from its documents (-rows +documents):\n%s", name, diff)
	}
}

func normal(s string) string {
	var id int64
	var v string
	if _, err := fmt.Sscan(s, &id, &v); err != nil {
		return s
	}
	return fmt.Sprint(id, " ", v)
}

func (b *bench) do(script func(*sourcetest.Tx)) {
	b.t.Helper()
	if err := b.source.Do(script); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) fill(name string, from, to int) {
	b.t.Helper()
	b.do(func(tx *sourcetest.Tx) {
		for i := from; i < to; i++ {
			tx.Insert(tableName(name), int64(i), fmt.Sprintf("v%d", i))
		}
	})
}

// destination is where a table's documents go.
func (b *bench) destination(name string) *targets.Destination {
	b.t.Helper()
	columns, err := b.source.Columns(context.Background(), "", tableName(name))
	if err != nil {
		b.t.Fatal(err)
	}
	compiled, err := compile(context.Background(), []source.Columns{columns})
	if err != nil {
		b.t.Fatal(err)
	}
	return compiled.Plans[0].Destination()
}

func tableName(name string) source.Table { return source.Table{Schema: "shop", Name: name} }

func (b *bench) state() (state.Snapshot, []state.Letter) {
	b.t.Helper()
	store, err := state.OpenReadOnly(context.Background(), b.path)
	if err != nil {
		b.t.Fatal(err)
	}
	defer store.Close()
	snap, err := store.Load(context.Background())
	if err != nil {
		b.t.Fatal(err)
	}
	letters, err := store.Letters(context.Background(), state.LetterFilter{}, 100)
	if err != nil {
		b.t.Fatal(err)
	}
	return snap, letters
}

// await polls until check is true.
func (b *bench) await(what string, check func() bool) {
	b.t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !check() {
		select {
		case <-tick.C:
		case <-deadline.C:
			b.t.Fatalf("never: %s; the log:\n%s", what, b.log)
		}
	}
}

// logBook keeps what the engine logs.
type logBook struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logBook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logBook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// logged counts a text in the log.
func (b *bench) logged(text string) int { return strings.Count(b.log.String(), text) }
