package matrix_test

import (
	"strings"
	"testing"

	"github.com/meepo-replicate/meepo/internal/matrix"
)

// TestRead_EndedEarly has the process of the tests end under them.
func TestRead_EndedEarly(t *testing.T) {
	const events = `{"Action":"pass","Package":"m/internal/e2e","Test":"TestCrash/follow-read/mysql+elastic"}
{"Action":"attr","Package":"m/internal/e2e","Test":"TestCrash/follow-read/mysql+elastic","Key":"compared","Value":"17"}
{"Action":"run","Package":"m/internal/e2e","Test":"TestKill/mysql"}
{"Action":"output","Package":"m/internal/e2e","Test":"TestKill/mysql","Output":"signal: killed\n"}
{"Action":"fail","Package":"m/internal/e2e"}
`
	var progress strings.Builder
	r, err := matrix.Read(strings.NewReader(events), "m", "today", &progress)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"pass internal/e2e TestCrash/follow-read/mysql+elastic", "fail internal/e2e", "signal: killed"} {
		if !strings.Contains(progress.String(), want) {
			t.Errorf("progress does not say %q:\n%s", want, &progress)
		}
	}
	if len(r.Missing()) != len(matrix.Tests())-1 {
		t.Errorf("%d of %d tests are missing", len(r.Missing()), len(matrix.Tests()))
	}
	table := matrix.Render(r)
	for _, want := range []string{"today: 1 kills", "17 rows compared", "rows read, not written | equal (mysql); **did not run** (mysql-nogtid, mysql-minimal, mariadb, postgres) | **did not run** | **did not run** |"} {
		if !strings.Contains(table, want) {
			t.Errorf("the table does not say %q", want)
		}
	}
}
