package elastic_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/meepo-replicate/meepo/internal/servertest"
	"github.com/meepo-replicate/meepo/targets"
)

// TestWrite_NumberWithoutADouble: a decimal that is larger than every double is kept with all digits, found by them, and is
// no number in .number; its neighbours are.
func TestWrite_NumberWithoutADouble(t *testing.T) {
	server, target, dest := real(t, func(server *servertest.Elastic) *targets.Destination {
		d := destination(server, "huge")
		d.Fields = []targets.Field{{Name: "n", Kind: targets.KindDecimal, Native: "numeric"}}
		return d
	})
	huge := "1" + strings.Repeat("0", 1000)
	ops := []targets.Op{
		{Verb: targets.Upsert, Dest: dest, ID: "1", Doc: []any{huge}, Version: 1},
		{Verb: targets.Upsert, Dest: dest, ID: "2", Doc: []any{"-12.50"}, Version: 1},
	}
	if items := failed(t, target, ops...); len(items) > 0 {
		t.Fatalf("%+v", items)
	}
	wantStatus(t, server, http.MethodPost, "/"+dest.Name+"/_refresh", nil, http.StatusOK)
	for what, query := range map[string]map[string]any{
		"the digits": {"term": map[string]any{"n": huge}}, "the number": {"range": map[string]any{"n.number": map[string]any{"lt": 0}}},
	} {
		_, answer := server.Do(t, http.MethodPost, "/"+dest.Name+"/_count", map[string]any{"query": query})
		var count struct{ Count int }
		if err := json.Unmarshal(answer, &count); err != nil || count.Count != 1 {
			t.Errorf("by %s: %s", what, answer)
		}
	}
}
