package servertest_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/meepo-replicate/meepo/internal/servertest"
)

// runSelf runs one test of this test binary with more variables in a child process.
func runSelf(t *testing.T, test string, env ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.v", "-test.run=^"+test+"$")
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return string(out)
}

func TestElastic_DocsReadsMoreThanOnePage(t *testing.T) {
	e := servertest.OpenElastic(t)
	index := e.Prefix + "docs"
	const n = 12_345
	var bulk strings.Builder
	for i := range n {
		fmt.Fprintf(&bulk, `{"create":{"_index":%q,"_id":"%d"}}`+"\n"+`{"n":%d}`+"\n", index, i, 9007199254740993+i)
	}
	if status, answer := e.Do(t, http.MethodPost, "/_bulk", bulk.String()); status != http.StatusOK || strings.Contains(string(answer[:100]), `"errors":true`) {
		t.Fatalf("bulk: status %d: %.300s", status, answer)
	}
	if got := e.Count(t, index); got != n {
		t.Errorf("count: %d, want %d", got, n)
	}
	docs := e.Docs(t, index)
	if len(docs) != n {
		t.Errorf("documents: %d, want %d", len(docs), n)
	}
	if got := docs["12344"]["n"]; got != json.Number("9007199254753337") {
		t.Errorf("number: %v (%T), want 9007199254753337 unrounded", got, got)
	}
}

func TestElastic_DeletesItsIndexesOnly(t *testing.T) {
	outer := servertest.OpenElastic(t)
	outer.Do(t, http.MethodPut, "/"+outer.Prefix+"kept", nil)
	var prefix string
	t.Run("inner", func(t *testing.T) {
		e := servertest.OpenElastic(t)
		prefix = e.Prefix
		for _, name := range []string{"a", "b"} {
			if status, answer := e.Do(t, http.MethodPut, "/"+prefix+name, map[string]any{"settings": map[string]any{"number_of_replicas": 0}}); status != http.StatusOK {
				t.Fatalf("create: status %d: %s", status, answer)
			}
		}
	})
	for _, name := range []string{"a", "b"} {
		if status, _ := outer.Do(t, http.MethodGet, "/"+prefix+name, nil); status != http.StatusNotFound {
			t.Errorf("index %s: status %d, want 404", prefix+name, status)
		}
	}
	if got := outer.Count(t, outer.Prefix+"kept"); got != 0 {
		t.Errorf("count of an empty index: %d", got)
	}
}

func TestEventually(t *testing.T) {
	calls := 0
	servertest.Eventually(t, time.Minute, "three calls", func() (bool, error) {
		calls++
		return calls == 3, nil
	})
	if calls != 3 {
		t.Errorf("calls: %d, want 3", calls)
	}
}

// TestEventually_SaysTheLastState runs in a process of its own, since it fails.
func TestEventually_SaysTheLastState(t *testing.T) {
	if os.Getenv("SERVERTEST_CHILD") == "1" {
		calls := 0
		servertest.Eventually(t, 50*time.Millisecond, "the moon", func() (bool, error) {
			calls++
			return false, fmt.Errorf("seen %s", strings.Repeat("x", min(calls, 3)))
		})
		return
	}
	out := runSelf(t, "TestEventually_SaysTheLastState", "SERVERTEST_CHILD=1")
	if !strings.Contains(out, "waited 50ms for the moon; last state: seen xxx\n") || !strings.Contains(out, "--- FAIL") {
		t.Errorf("output of a failing wait:\n%s", out)
	}
}
