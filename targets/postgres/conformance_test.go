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
		for name, column := range map[string]string{"": "", "/versions": "row_version"} {
			t.Run(string(flavor)+name, func(t *testing.T) {
				config := postgres.Config{URL: servertest.OpenSQL(t, flavor).URL + "?sslmode=disable", VersionColumn: column}
				targettest.Run(t, targettest.Options{
					Prefix: "suite.", MaxID: 2000, Unversioned: column == "", ForgetsDeleted: true, Flat: true, EmptyID: true, Show: show,
					Open: func(t *testing.T) targettest.Target {
						target, err := postgres.Open(t.Context(), config)
						if err != nil {
							t.Fatal(err)
						}
						return target
					},
					Poison: func(op *targets.Op) { op.Doc[1] = int64(100_000) },
				})
			})
		}
	}
}
