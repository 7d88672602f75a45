package postgres

import (
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/meepo-replicate/meepo/internal/servertest"
)

// TestUntold_Unlogged: the table that is unlogged is named for what it is.
func TestUntold_Unlogged(t *testing.T) {
	eachFlavor(t, func(t *testing.T, d *servertest.Database, s *Source) {
		d.Exec(t, "CREATE UNLOGGED TABLE u (id int PRIMARY KEY); CREATE TABLE p (id int PRIMARY KEY) PARTITION BY RANGE (id); CREATE UNLOGGED TABLE p1 PARTITION OF p DEFAULT")
		for table, want := range map[string]string{
			"u": "it is unlogged, so the log has none of its changes: ALTER TABLE \"public\".\"u\" SET LOGGED",
			"p": "its partition \"public\".\"p1\" is unlogged, so ",
		} {
			oid := uint32(d.QueryInt(t, "SELECT '"+table+"'::regclass::oid::int8"))
			err := pgx.BeginFunc(t.Context(), s.pool, func(tx pgx.Tx) error {
				why, err := s.untold(t.Context(), tx, tableDef{oid: oid})
				if !strings.HasPrefix(why, want) {
					t.Errorf("%s: %q, want %q", table, why, want)
				}
				return err
			})
			if err != nil {
				t.Error(err)
			}
		}
	})
}
