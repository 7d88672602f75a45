package elastic_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/meepo-replicate/meepo/internal/faultproxy"
	"github.com/meepo-replicate/meepo/internal/servertest"
	"github.com/meepo-replicate/meepo/targets"
	"github.com/meepo-replicate/meepo/targets/elastic"
)

// scanned fills a destination behind a proxy and scans the first page of it.
func scanned(t *testing.T, limit int) (*proxy, *elastic.Target, *targets.Destination, targets.Cursor) {
	t.Helper()
	p, target, dest := throughProxy(t, elastic.Config{})
	var ops []targets.Op
	for i := range 30 {
		ops = append(ops, upsert(dest, targets.ID(fmt.Sprint(i)), 1, "a", nil))
	}
	if err := target.Write(t.Context(), ops); err != nil {
		t.Fatal(err)
	}
	ids, cursor, err := target.ScanIDs(t.Context(), dest.Name, "", limit)
	if err != nil || len(ids) != limit || cursor == "" {
		t.Fatalf("first page: %d ids, cursor %q, %v", len(ids), cursor, err)
	}
	return p, target, dest, cursor
}

// openScrolls counts the scans that the server keeps for an index.
func openScrolls(t *testing.T, server string, dest string) string {
	t.Helper()
	resp, err := http.Get(server + "/" + dest + "/_stats/search?filter_path=_all.total.search.open_contexts")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

const noneOpen = `{"_all":{"total":{"search":{"open_contexts":0}}}}`

func TestScan_CursorIsGoodForOneCall(t *testing.T) {
	_, target, dest, cursor := scanned(t, 10)
	if _, _, err := target.ScanIDs(t.Context(), dest.Name, cursor, 10); err != nil {
		t.Fatal(err)
	}
	if _, _, err := target.ScanIDs(t.Context(), dest.Name, cursor, 10); !errors.Is(err, targets.ErrCursor) {
		t.Errorf("the same cursor again: %v, want ErrCursor", err)
	}
}

// TestScan_LostPage: a page that was sent and did not arrive must not be skipped.
func TestScan_LostPage(t *testing.T) {
	p, target, dest, cursor := scanned(t, 10)
	p.after = func(w http.ResponseWriter, r *seen, _ *http.Response) bool {
		if strings.HasSuffix(r.path, "/scroll") && r.method != http.MethodDelete {
			faultproxy.CutOff(w)
		}
		return false
	}
	if _, _, err := target.ScanIDs(t.Context(), dest.Name, cursor, 10); !errors.Is(err, targets.ErrCursor) {
		t.Errorf("after a lost page: %v, want ErrCursor", err)
	}
	if got := openScrolls(t, p.to, dest.Name); got != noneOpen {
		t.Errorf("scans left on the server: %s", got)
	}
}

// TestScan_ShardFailed: an answer without some shard's documents must not look like all.
func TestScan_ShardFailed(t *testing.T) {
	p, target, dest, cursor := scanned(t, 10)
	p.intercept = func(w http.ResponseWriter, r *seen) bool {
		if !strings.HasSuffix(r.path, "/scroll") || r.method == http.MethodDelete {
			return false
		}
		_, _ = io.WriteString(w, `{"_scroll_id":"x","timed_out":false,"_shards":{"total":2,"successful":1,"failed":1,
			"failures":[{"shard":0,"reason":{"type":"search_context_missing_exception","reason":"No search context found"}}]},"hits":{"hits":[]}}`)
		return true
	}
	_, _, err := target.ScanIDs(t.Context(), dest.Name, cursor, 10)
	if !errors.Is(err, targets.ErrCursor) || !strings.Contains(err.Error(), "search_context_missing") {
		t.Errorf("with a shard missing: %v, want ErrCursor", err)
	}
	p.intercept = func(w http.ResponseWriter, r *seen) bool {
		if !strings.HasSuffix(r.path, "/_refresh") {
			return false
		}
		_, _ = io.WriteString(w, `{"_shards":{"total":2,"successful":1,"failed":1}}`)
		return true
	}
	if _, _, err := target.ScanIDs(t.Context(), dest.Name, "", 10); err == nil {
		t.Error("a refresh that a shard failed was taken for one")
	}
}

// TestScan_ForgottenByTheServer: the server drops a scan that nobody went on with.
func TestScan_ForgottenByTheServer(t *testing.T) {
	p, target, dest, cursor := scanned(t, 10)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodDelete, p.to+"/_search/scroll/_all", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if _, _, err := target.ScanIDs(t.Context(), dest.Name, cursor, 10); !errors.Is(err, targets.ErrCursor) {
		t.Errorf("a scan that the server forgot: %v, want ErrCursor", err)
	}
}

func TestScan_FreedOnTheServer(t *testing.T) {
	p, target, dest, cursor := scanned(t, 7)
	for cursor != "" {
		var err error
		if _, cursor, err = target.ScanIDs(t.Context(), dest.Name, cursor, 7); err != nil {
			t.Fatal(err)
		}
	}
	if got := openScrolls(t, p.to, dest.Name); got != noneOpen {
		t.Errorf("after the end: %s", got)
	}
	if _, _, err := target.ScanIDs(t.Context(), dest.Name, "", 7); err != nil {
		t.Fatal(err)
	}
	if err := target.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := openScrolls(t, p.to, dest.Name); got != noneOpen {
		t.Errorf("after Close: %s", got)
	}
}

func TestScan_SmallerAndLargerLimits(t *testing.T) {
	_, target, dest, cursor := scanned(t, 10)
	got := 10
	for _, limit := range []int{3, 50, 1, 20000} {
		ids, next, err := target.ScanIDs(t.Context(), dest.Name, cursor, limit)
		if err != nil || len(ids) > limit {
			t.Fatalf("limit %d: %d ids, %v", limit, len(ids), err)
		}
		got, cursor = got+len(ids), next
	}
	for cursor != "" {
		ids, next, err := target.ScanIDs(t.Context(), dest.Name, cursor, 100)
		if err != nil {
			t.Fatal(err)
		}
		got, cursor = got+len(ids), next
	}
	if got != 30 {
		t.Errorf("%d ids, want 30", got)
	}
}

func TestScan_NoSuchDestination(t *testing.T) {
	server := servertest.OpenElastic(t)
	target := open(t, elastic.Config{URLs: []string{server.URL}})
	if _, _, err := target.ScanIDs(t.Context(), server.Prefix+"none", "", 10); err == nil {
		t.Error("a scan of nothing succeeded: everything in it would look deleted")
	}
	if _, err := target.ReadDocs(t.Context(), server.Prefix+"none", []targets.ID{"1"}); err == nil {
		t.Error("a read of nothing succeeded: everything in it would look deleted")
	}
}
