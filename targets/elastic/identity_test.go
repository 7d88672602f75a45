package elastic_test

import (
	"net/http"
	"path/filepath"
	"testing"

	"github.com/meepo-replicate/meepo/internal/servertest"
	"github.com/meepo-replicate/meepo/targets"
	"github.com/meepo-replicate/meepo/targets/elastic"
)

// TestIdentify_Restored: an index that is restored from a snapshot in place keeps its uuid, and is told
// from what it was all the same. A restart of the server changes nothing.
func TestIdentify_Restored(t *testing.T) {
	repo := t.TempDir()
	server := servertest.StartElastic(t, "path.repo="+filepath.Dir(repo))
	target, err := elastic.Open(t.Context(), elastic.Config{URLs: []string{server.URL}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { target.Close(t.Context()) })
	dest := &targets.Destination{Name: "orders", Fields: []targets.Field{{Name: "v", Kind: targets.KindText, Length: 10}}}
	if err := target.Prepare(t.Context(), []*targets.Destination{dest}); err != nil {
		t.Fatal(err)
	}
	identify := func() string {
		t.Helper()
		id, err := target.Identify(t.Context(), "orders")
		if err != nil || id == "" {
			t.Fatalf("identify: %q, %v", id, err)
		}
		return id
	}
	first := identify()
	server.Stop(t)
	server.Start(t)
	if again := identify(); again != first {
		t.Fatalf("after a restart %q became %q", first, again)
	}
	must(t, server.Open(), http.MethodPut, "/_snapshot/backup", `{"type":"fs","settings":{"location":"`+repo+`"}}`)
	must(t, server.Open(), http.MethodPut, "/_snapshot/backup/one?wait_for_completion=true", `{"indices":"orders-000001"}`)
	must(t, server.Open(), http.MethodPost, "/orders-000001/_close", "")
	must(t, server.Open(), http.MethodPost, "/_snapshot/backup/one/_restore?wait_for_completion=true", `{"indices":"orders-000001"}`)
	if restored := identify(); restored == first {
		t.Errorf("restored from a snapshot it still is %q", first)
	}
}

func must(t *testing.T, server *servertest.Elastic, method, path, body string) {
	t.Helper()
	status, answer := server.Do(t, method, path, body)
	if status >= 300 {
		t.Fatalf("%s %s: status %d: %s", method, path, status, answer)
	}
}
