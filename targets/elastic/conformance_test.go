package elastic_test

import (
	"fmt"
	"slices"
	"testing"

	"go.uber.org/goleak"

	"github.com/meepo-replicate/meepo/internal/servertest"
	"github.com/meepo-replicate/meepo/targets"
	"github.com/meepo-replicate/meepo/targets/elastic"
	"github.com/meepo-replicate/meepo/targets/targettest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(servertest.Closing{M: m}) }

func TestConformance(t *testing.T) {
	server := servertest.OpenElastic(t)
	targettest.Run(t, targettest.Options{
		Prefix:  server.Prefix,
		Types:   coreTypes(),
		Samples: map[string]any{"ip of Text": "2001:db8::1"},
		Open: func(t *testing.T) targettest.Target {
			target, err := elastic.Open(t.Context(), elastic.Config{URLs: []string{server.URL}})
			if err != nil {
				t.Fatal(err)
			}
			return target
		},
		Show: func(field targets.Field, value any) any {
			if n, ok := value.(uint64); ok && field.Bits == 64 {
				return fmt.Sprint(n)
			}
			return targettest.Show(field, value)
		},
	})
}

// coreTypes are those of the types to ask for that the test server has, which is Elasticsearch's core.
func coreTypes() []targets.FieldType {
	return slices.DeleteFunc(elastic.Types(), func(typ targets.FieldType) bool {
		return slices.Contains([]string{"wildcard", "scaled_float", "unsigned_long", "geo_shape"}, typ.Name)
	})
}
