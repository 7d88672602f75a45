package elastic_test

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/meepo-replicate/meepo/internal/servertest"
	"github.com/meepo-replicate/meepo/targets"
	"github.com/meepo-replicate/meepo/targets/elastic"
)

// TestWrite_LandsLate: the client gives a request up, somebody on the way carries it out later. What was
// written after it stays, and so does a deletion.
func TestWrite_LandsLate(t *testing.T) {
	for _, c := range []struct {
		name  string
		newer func(*targets.Destination) targets.Op
		want  string // the name in the document; empty: there is none
	}{
		{name: "after a newer write", newer: func(d *targets.Destination) targets.Op { return upsert(d, "1", 9, "new", nil) }, want: "new"},
		{name: "after a delete", newer: func(d *targets.Destination) targets.Op { return remove(d, "1", 9) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			server := servertest.OpenElastic(t)
			p := newProxy(t, server.URL)
			var held atomic.Bool
			release, landed := make(chan struct{}), make(chan int, 1)
			p.intercept = func(_ http.ResponseWriter, r *seen) bool {
				if !strings.HasSuffix(r.path, "_bulk") || !held.CompareAndSwap(false, true) {
					return false
				}
				<-release
				status, _ := server.Do(t, http.MethodPost, r.path, r.body)
				landed <- status
				return true
			}
			impatient := open(t, elastic.Config{URLs: []string{p.start()}, Timeout: 200 * time.Millisecond})
			patient := open(t, elastic.Config{URLs: []string{server.URL}})
			dest := destination(server, "docs")
			if err := patient.Prepare(t.Context(), []*targets.Destination{dest}); err != nil {
				t.Fatal(err)
			}
			if err := impatient.Write(t.Context(), []targets.Op{upsert(dest, "1", 7, "late", nil)}); err == nil {
				t.Fatal("the first request was answered")
			}
			if err := patient.Write(t.Context(), []targets.Op{c.newer(dest)}); err != nil {
				t.Fatal(err)
			}
			close(release)
			if status := <-landed; status != http.StatusOK {
				t.Fatalf("the late request: status %d", status)
			}
			docs, err := patient.ReadDocs(t.Context(), dest.Name, []targets.ID{"1"})
			if err != nil {
				t.Fatal(err)
			}
			if got := string(docs[0].Body); docs[0].Found != (c.want != "") || !strings.Contains(got, c.want) {
				t.Errorf("the document is %s, want %q", got, c.want)
			}
		})
	}
}

// TestWrite_ForgottenDelete is why indices are made with a long index.gc_deletes: once the deletion is
// forgotten, an older write comes through.
func TestWrite_ForgottenDelete(t *testing.T) {
	server := servertest.OpenElastic(t)
	target := open(t, elastic.Config{URLs: []string{server.URL}})
	dest := destination(server, "docs")
	if err := target.Prepare(t.Context(), []*targets.Destination{dest}); err != nil {
		t.Fatal(err)
	}
	if err := target.Write(t.Context(), []targets.Op{remove(dest, "1", 9)}); err != nil {
		t.Fatal(err)
	}
	late := func() int {
		server.Refresh(t, dest.Name)
		status, _ := server.Do(t, http.MethodPut, "/"+dest.Name+"/_doc/1?version=7&version_type=external", `{"name":"late"}`)
		return status
	}
	if status := late(); status != http.StatusConflict {
		t.Fatalf("an older write: status %d, want a conflict", status)
	}
	server.Do(t, http.MethodPut, "/"+dest.Name+"/_settings", `{"index.gc_deletes": "1ms"}`)
	servertest.Eventually(t, patience, "an older write comes through", func() (bool, error) { return late() < 300, nil })
}
