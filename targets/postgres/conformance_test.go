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
					Types: append(postgres.Types(), modified...),
					Samples: map[string]any{
						"uuid of Text": "00112233-4455-6677-8899-aabbccddeeff", "interval of Text": "P1DT2H", "inet of Text": "192.0.2.1", "cidr of Text": "192.0.2.0/24",
					},
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

// modified are types with modifiers.
var modified = []targets.FieldType{
	{Name: "numeric(12,2)", Kinds: []targets.Kind{targets.KindInt, targets.KindDecimal}}, {Name: "numeric( 5 )", Kinds: []targets.Kind{targets.KindDecimal}},
	{Name: "varchar(100)", Kinds: []targets.Kind{targets.KindText, targets.KindDate, targets.KindUUID}}, {Name: "timestamp(3)", Kinds: []targets.Kind{targets.KindTimestamp}},
	{Name: "timestamptz (0)", Kinds: []targets.Kind{targets.KindDate, targets.KindDateTime}}, {Name: "time(2)", Kinds: []targets.Kind{targets.KindTime}},
}
