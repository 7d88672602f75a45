package mongo_test

import (
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/meepo-replicate/meepo/internal/servertest"
	"github.com/meepo-replicate/meepo/targets"
	"github.com/meepo-replicate/meepo/targets/mongo"
	"github.com/meepo-replicate/meepo/targets/targettest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(servertest.Closing{M: m}) }

func TestConformance(t *testing.T) {
	d := servertest.OpenMongo(t)
	targettest.Run(t, targettest.Options{
		Prefix:      d.Name + ".",
		MaxID:       8192,
		Unversioned: true,
		EmptyID:     true,
		Types:       mongo.Types(),
		Samples:     map[string]any{"uuid of Text": "00112233-4455-6677-8899-aabbccddeeff"},
		Open: func(t *testing.T) targettest.Target {
			target, err := mongo.Open(t.Context(), mongo.Config{URL: d.URL})
			if err != nil {
				t.Fatal(err)
			}
			return target
		},
		Show:   show,
		Poison: func(op *targets.Op) { op.Doc[0] = strings.Repeat("x", 17<<20) },
	})
}
