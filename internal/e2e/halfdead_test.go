package e2e

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/meepo-replicate/meepo/internal/servertest"
	"github.com/meepo-replicate/meepo/mappings"
	"github.com/meepo-replicate/meepo/replicate"
	"github.com/meepo-replicate/meepo/replicate/state"
	"github.com/meepo-replicate/meepo/source"
	"github.com/meepo-replicate/meepo/source/mysql"
	"github.com/meepo-replicate/meepo/targets/elastic"
)

// TestBulkThatHangs: Elasticsearch takes a bulk request and never answers, three times in a row.
// Each try is given up, and the run goes on by itself.
func TestBulkThatHangs(t *testing.T) {
	db, target := servertest.OpenSQL(t, servertest.MySQL), servertest.OpenElastic(t)
	db.Exec(t, "CREATE TABLE hanging (id INT PRIMARY KEY)")
	at, err := url.Parse(target.URL)
	if err != nil {
		t.Fatal(err)
	}
	var hang, hung atomic.Int64
	forward := httputil.NewSingleHostReverseProxy(at)
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/_bulk") && hung.Load() < hang.Load() {
			hung.Add(1)
			forward.ServeHTTP(httptest.NewRecorder(), r.WithContext(context.WithoutCancel(r.Context()))) // done, but nobody will know
			<-r.Context().Done()
			return
		}
		forward.ServeHTTP(w, r)
	}))
	t.Cleanup(front.Close)

	ctx, cancel := context.WithTimeout(t.Context(), longest)
	defer cancel()
	cfg, password, err := mysql.ParseURL(db.ReplURL)
	cfg.Password = func(context.Context) (string, error) { return password, nil }
	src, err2 := mysql.Open(ctx, cfg)
	dst, err3 := elastic.Open(ctx, elastic.Config{URLs: []string{front.URL}, Timeout: 2 * time.Second})
	store, err4 := state.Open(ctx, filepath.Join(t.TempDir(), "state.db"))
	if err := errors.Join(err, err2, err3, err4); err != nil {
		t.Fatal(err)
	}
	var retries atomic.Int64
	engine, err := replicate.New(replicate.Options{
		Source: src, Target: dst, State: store, Tables: []source.Pattern{{Schema: db.Name, Name: "hanging"}},
		Observer: &replicate.Observer{RetryFunc: func(end string, _ error) {
			if end == "target" {
				retries.Add(1)
			}
		}},
		Compile: func(_ context.Context, tables []source.Columns) (mappings.Compiled, error) {
			return mappings.Compile(nil, tables, mappings.Rules{})
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	alias := strings.ToLower(db.Name) + ".hanging"
	t.Cleanup(func() { deleteIndexesOf(t, target, alias) })
	drain, done := make(chan struct{}), make(chan error, 1)
	go func() { done <- engine.Run(ctx, drain) }()
	servertest.Eventually(t, longest, "a run that has caught up", func() (bool, error) {
		if why := engine.Status().Unready(); len(why) > 0 {
			return false, errors.New(strings.Join(why, "; "))
		}
		return true, nil
	})
	hang.Store(3)
	db.Exec(t, "INSERT INTO hanging VALUES (1)")
	db.Exec(t, "INSERT INTO hanging VALUES (2)")
	servertest.Eventually(t, longest, "both documents after the bulk requests that hung", func() (bool, error) {
		if n := target.Count(t, alias); n != 2 || hung.Load() != 3 || retries.Load() < 3 {
			return false, fmt.Errorf("%d documents, %d hung, %d retries", n, hung.Load(), retries.Load())
		}
		return true, nil
	})
	close(drain)
	err = <-done
	if err := errors.Join(err, dst.Close(ctx), src.Close(), store.Close()); err != nil {
		t.Error(err)
	}
	if s := engine.Status(); s.Rejected != 0 || s.Conflicts != 0 {
		t.Errorf("%d rejected, %d conflicts", s.Rejected, s.Conflicts)
	}
}
