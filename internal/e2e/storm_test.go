package e2e

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/meepo-replicate/meepo/internal/servertest"
)

// storm stands before Elasticsearch and, while it blows, answers all bulk requests but a few with 429.
type storm struct {
	blows             atomic.Bool
	refused, let, all atomic.Int64
}

// startStorm returns the target as the storm lets it be seen.
func startStorm(t *testing.T, target *servertest.Elastic) (*storm, *servertest.Elastic) {
	t.Helper()
	to, err := url.Parse(target.URL)
	if err != nil {
		t.Fatal(err)
	}
	s := &storm{}
	forward := httputil.NewSingleHostReverseProxy(to)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, "/_bulk") {
			forward.ServeHTTP(w, r)
			return
		}
		if n := s.all.Add(1); s.blows.Load() && n%10 != 0 {
			s.refused.Add(1)
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusTooManyRequests)
			_, _ = w.Write([]byte(`{"error":{"type":"es_rejected_execution_exception","reason":"rejected execution"},"status":429}`))
			return
		}
		s.let.Add(1)
		forward.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return s, &servertest.Elastic{URL: server.URL, Prefix: target.Prefix}
}

// TestStorm lets the target refuse most requests with 429 for a while: less goes through, and more
// again by itself. There are no dead letters, and nothing is lost.
func TestStorm(t *testing.T) {
	onAny(t, func(t *testing.T, flavor servertest.Flavor) { stormOf429(t, flavor, 3*time.Second) })
}

func stormOf429(t *testing.T, flavor servertest.Flavor, span time.Duration) {
	db := servertest.OpenSQL(t, flavor).InSchema(t)
	direct := servertest.OpenElastic(t)
	s, target := startStorm(t, direct)
	g := goodsBetween(t, db, target, 2000)
	r := g.start()
	r.awaitLog(t, "backfill done")
	w := g.scribble(2, 2000)
	s.blows.Store(true)
	before := s.let.Load()
	<-time.After(span) // the storm's length, not a wait for something
	during := s.let.Load() - before
	s.blows.Store(false)
	after := s.let.Load()
	r.await(t, "as many requests as in the whole storm go through again", func() (bool, error) { return s.let.Load()-after > during, nil })
	t.Logf("%d changes by the writers; in the storm %d bulk requests were refused, %d let through", w.end(), s.refused.Load(), during)
	if s.refused.Load() == 0 {
		t.Error("there was no storm")
	}
	g.sentinel(r)
	r.stop(g.t)
	g.equal()
	if st := statusOf(t, g.dir, g.env); st.Letters != 0 || len(st.Parked) != 0 {
		t.Errorf("%d dead letters, parked %v", st.Letters, st.Parked)
	}
}
