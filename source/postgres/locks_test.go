package postgres

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/meepo-replicate/meepo/internal/servertest"
	"github.com/meepo-replicate/meepo/source"
)

// TestCatalog_Locked: whoever has a table for himself, as VACUUM FULL has, holds up neither descriptions nor looks at
// definitions, which are within the log's reading, nor statements on other tables.
func TestCatalog_Locked(t *testing.T) {
	eachFlavor(t, func(t *testing.T, d *servertest.Database, _ *Source) {
		s := openOwner(t, d)
		d.Exec(t, Triggers)
		d.Exec(t, "CREATE TABLE a (id int PRIMARY KEY, g int GENERATED ALWAYS AS (id) STORED); CREATE TABLE p (id int PRIMARY KEY) PARTITION BY RANGE (id); CREATE TABLE p1 PARTITION OF p DEFAULT; "+
			"CREATE TABLE b (id int PRIMARY KEY); INSERT INTO a SELECT generate_series(1, 1000); ANALYZE a")
		tables := []source.Table{publicTable("a"), publicTable("p")}
		if _, err := s.Enlist(t.Context(), tables); err != nil {
			t.Fatal(err)
		}
		begun(t, d, "LOCK TABLE a, p, p1 IN ACCESS EXCLUSIVE MODE")
		ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
		defer cancel()
		for what, try := range map[string]func() error{
			"describe": func() error {
				for _, table := range tables {
					c, err := s.Columns(ctx, "", table)
					if err != nil || table.Name == "a" && c.Rows != 1000 {
						return errors.Join(err, errors.New("want 1000 rows of a"))
					}
				}
				return nil
			},
			"look with triggers":    func() error { return look(ctx, s, true) },
			"look without triggers": func() error { return look(ctx, s, false) },
			"enlist":                func() error { _, err := s.Enlist(ctx, tables); return err },
			"check":                 func() error { _, err := s.Check(ctx, tables); return err },
			"await":                 func() error { _, err := s.publishedSince(ctx, tables[0]); return err },
			"another statement":     func() error { _, err := d.DB.ExecContext(ctx, "ALTER TABLE b ADD v text"); return err },
		} {
			if err := try(); err != nil {
				t.Errorf("%s: %v", what, err)
			}
		}
	})
}

func look(ctx context.Context, s *Source, told bool) error {
	p := newPolls(s, []source.Subscription{{Tables: source.Pattern{Schema: "public", Name: "*"}}})
	_, err := p.shapesAs(ctx, told)
	return err
}

// TestPrimary_NotAStandby: a standby is refused at every door, as long as it is one.
func TestPrimary_NotAStandby(t *testing.T) {
	for _, flavor := range servertest.PostgresFlavors() {
		t.Run(string(flavor), func(t *testing.T) {
			t.Parallel()
			p := servertest.StartSQL(t, flavor)
			d := p.Open(t)
			s := openTest(t, d)
			from := head(t, s)
			p.Exec(t, "DO $$ BEGIN EXECUTE format('COPY (SELECT) TO %L', current_setting('data_directory') || '/standby.signal'); END $$")
			p.Stop(t)
			p.Start(t)
			s.pool.Reset() // its connections are of the primary that was
			for door, try := range map[string]func() error{
				"the pool": func() error { _, err := s.Tables(t.Context(), "", nil); return err },
				"verify":   func() error { return s.Verify(t.Context(), from) },
				"dial": func() error {
					conn, _, err := s.dialLog(t.Context())
					return errors.Join(err, closeLog(conn))
				},
				"open": func() error {
					other, err := Open(t.Context(), configOf(t, d.ReplURL))
					if err == nil {
						err = other.Close()
					}
					return err
				},
			} {
				if err := try(); !errors.Is(err, errStandby) || hintOf(err) == "" {
					t.Errorf("%s: %v, hint %q", door, err, hintOf(err))
				}
			}
		})
	}
}

func closeLog(conn *pgconn.PgConn) error {
	if conn == nil {
		return nil
	}
	return hangUp(conn)
}
