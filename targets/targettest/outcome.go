package targettest

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/meepo-replicate/meepo/targets"
)

// ExpectFailures writes ops and compares what of them failed with want, in order: "index class reason" each, of which the
// beginning counts. It returns them whole.
func ExpectFailures(t *testing.T, target targets.Writer, ops []targets.Op, want ...string) []string {
	t.Helper()
	err := target.Write(t.Context(), ops)
	var partial *targets.PartialError
	if err != nil && !errors.As(err, &partial) {
		t.Fatal(err)
	}
	var got []string
	if partial != nil {
		for _, item := range partial.Items {
			got = append(got, fmt.Sprintf("%d %d %s", item.Index, item.Class, item.Reason))
		}
	}
	if len(got) != len(want) {
		t.Fatalf("failed: %q, want %q", got, want)
	}
	for i := range want {
		if !strings.HasPrefix(got[i], want[i]) {
			t.Errorf("failed: %q, want %q", got[i], want[i])
		}
	}
	return got
}
