package postgres_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/meepo-replicate/meepo/internal/servertest"
	"github.com/meepo-replicate/meepo/targets"
	"github.com/meepo-replicate/meepo/targets/postgres"
	"github.com/meepo-replicate/meepo/targets/targettest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(servertest.Closing{M: m}) }

func TestConformance(t *testing.T) {
	for _, flavor := range servertest.PostgresFlavors() {
		t.Run(string(flavor), func(t *testing.T) {
			d := servertest.OpenSQL(t, flavor)
			targettest.Run(t, targettest.Options{
				Prefix:      "suite.",
				MaxID:       2000,
				Unversioned: true,
				EmptyID:     true,
				Open: func(t *testing.T) targettest.Target {
					target, err := postgres.Open(t.Context(), postgres.Config{URL: d.URL + "?sslmode=disable"})
					if err != nil {
						t.Fatal(err)
					}
					return target
				},
				Show:   show,
				Poison: func(op *targets.Op) { op.Doc[1] = int64(100_000) },
			})
		})
	}
}
