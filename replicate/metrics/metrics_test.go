package metrics_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/meepo-replicate/meepo/replicate"
	"github.com/meepo-replicate/meepo/replicate/metrics"
	"github.com/meepo-replicate/meepo/source"
	"github.com/meepo-replicate/meepo/source/sourcetest"
	"github.com/meepo-replicate/meepo/targets"
)

// Before the run has begun there is nothing to say of it, and that is no zero.
func TestMetrics_BeforeARun(t *testing.T) {
	r := &run{t: t, metrics: metrics.New()}
	for range 2 {
		page := r.page()
		has(t, page, `meepo_retries_total{end="source"} 0`)
		if strings.Contains(page, "meepo_lag_seconds") {
			t.Errorf("there is a lag:\n%s", meepo(page))
		}
		r.metrics.Watch(func() replicate.Status { return replicate.Status{} })
	}
}

// What is counted of a run, by the place where it is counted.
func TestMetrics_CountWhatHappens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		refused := false
		r := start(t, func(r *run, o *replicate.Options) {
			o.MaxMisses = 5
			r.target.Before = func(_ context.Context, ops []targets.Op) error {
				if ops[0].ID == "20" && !refused {
					refused = true
					return errors.New("busy")
				}
				return nil
			}
		})
		r.insert(20, 25) // is tried again
		r.do(func(tx *sourcetest.Tx) { tx.Update(orders, int64(1), "new").Delete(orders, sourcetest.Key(2)) })
		if err := errors.Join(r.source.Begin().Update(orders, int64(3), "new").Prepare("x"), r.source.CommitPrepared("x")); err != nil {
			t.Fatal(err)
		}
		r.reject(30, 31)
		r.insert(30, 31)
		r.watch(time.Minute)
		page := r.page()
		r.end()
		has(t, page,
			`meepo_events_total{action="write",table="shop.orders"} 6`,
			`meepo_events_total{action="update",table="shop.orders"} 2`,
			`meepo_events_total{action="delete",table="shop.orders"} 1`,
			`meepo_rows_read_total{mapping="shop.orders",reason="copy"} 10`,
			`meepo_rows_read_total{mapping="shop.orders",reason="change"} 9`,
			`meepo_ops_written_total{destination="shop.orders",verb="upsert"} 17`,
			`meepo_ops_written_total{destination="shop.orders",verb="delete"} 1`,
			`meepo_retries_total{end="target"} 1`,
			`meepo_retries_total{end="source"} 0`,
			`meepo_rejected_total{mapping="shop.orders"} 1`,
			`meepo_rejected_total{mapping="shop.items"} 0`,
			`meepo_dead_letters 1`,
			`meepo_lag_seconds 0`,
			`meepo_mapping_parked{mapping="shop.orders"} 0`,
			`meepo_copy_pending{mapping="shop.orders"} 0`,
			`meepo_copy_rows{mapping="shop.orders"} 10`,
			`meepo_copy_rows_expected{mapping="shop.orders"} 10`,
			`meepo_documents_waiting 0`,
			`meepo_in_flight_bytes 0`,
		)
		if strings.Contains(page, `table="."`) {
			t.Error("an XA transaction counts as a table")
		}
	})
}

// A document whose version is not ours, and a key without a row.
func TestMetrics_CountWhatIsOdd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, nil)
		observer := r.metrics.Observer()
		observer.ConflictFunc(docKey(7), 2, 1)
		observer.MissFunc(docKey(8))
		observer.MissFunc(docKey(9))
		page := r.page()
		r.end()
		has(t, page, `meepo_conflicts_total{mapping="shop.orders"} 1`, `meepo_misses_total{mapping="shop.orders"} 2`)
	})
}

// While a table is copied, its progress and the time that is left are told; of what is in flight,
// the documents and their size.
func TestMetrics_OfACopy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, func(r *run, o *replicate.Options) {
			r.insert(10, 1000)
			o.Parallel, o.ChunkRows = 1, 100
			r.target.Before = func(ctx context.Context, ops []targets.Op) error {
				if len(ops) < 50 {
					return nil
				}
				select {
				case <-time.After(time.Minute):
				case <-ctx.Done():
				}
				if page := r.page(); strings.Contains(page, `meepo_copy_rows{mapping="shop.orders"} 500`) {
					has(t, page,
						`meepo_copy_pending{mapping="shop.orders"} 1`,
						`meepo_copy_rows_expected{mapping="shop.orders"} 1000`,
						`meepo_copy_eta_seconds{mapping="shop.orders"} 360`, // 500 in six minutes, this one included
						`meepo_documents_in_flight{mapping="shop.orders"} 100`)
					if strings.Contains(page, "\nmeepo_in_flight_bytes 0\n") {
						t.Error("nothing is in flight")
					}
					r.seen = true
				}
				return nil
			}
		})
		page := r.page()
		r.end()
		if !r.seen {
			t.Error("the copy was never half done")
		}
		if strings.Contains(page, "meepo_copy_eta_seconds{") {
			t.Errorf("a copy that is done has time left:\n%s", meepo(page))
		}
	})
}

// The runway is in hours, and left out where it is not known.
func TestMetrics_Runway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, func(r *run, o *replicate.Options) {
			o.Source = &outlook{r.source, func(time.Time) time.Duration { return 90 * time.Minute }}
		})
		r.watch(time.Minute)
		has(t, r.page(), "meepo_log_runway_hours 1.5")
		r.end()
		r = start(t, nil)
		r.watch(time.Minute)
		if page := r.page(); strings.Contains(page, "meepo_log_runway_hours") {
			t.Errorf("there is a runway:\n%s", meepo(page))
		}
		r.end()
	})
}

var _ source.Retention = (*outlook)(nil)
