package mysql

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/meepo-replicate/meepo/internal/servertest"
	"github.com/meepo-replicate/meepo/source"
)

// TestFence_CatalogSeesTheDDL: when the log tells of a table's change, the catalog behind that
// fence shows the table as it is after it.
func TestFence_CatalogSeesTheDDL(t *testing.T) {
	eachFlavor(t, func(t *testing.T, d *servertest.Database, s *Source) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		from, _, err := s.Head(ctx)
		if err != nil {
			t.Fatal(err)
		}
		stream, err := s.Open(ctx, from, []source.Subscription{{Tables: source.Pattern{Schema: d.Name, Name: "*"}}})
		if err != nil {
			t.Fatal(err)
		}
		defer stream.Close(context.Background())
		const rounds = 12
		done := make(chan error, 1)
		go func() { done <- alterOften(ctx, d, rounds) }()
		for seen := 0; seen < 3*rounds; {
			batch, err := stream.Next(ctx)
			if err != nil {
				t.Fatalf("after %d events: %v", seen, err)
			}
			for _, e := range batch.Events {
				seen++
				expectDefinition(t, ctx, s, batch.Fence, e)
			}
		}
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	})
}

// alterOften makes, alters and drops a table per round, under a name of its own.
func alterOften(ctx context.Context, d *servertest.Database, rounds int) error {
	for i := range rounds {
		for _, format := range []string{"CREATE TABLE d%d (id INT PRIMARY KEY, a INT)", "ALTER TABLE d%d ADD COLUMN b INT", "DROP TABLE d%d"} {
			if _, err := d.DB.ExecContext(ctx, fmt.Sprintf(format, i)); err != nil {
				return err
			}
		}
	}
	return nil
}

func expectDefinition(t *testing.T, ctx context.Context, s *Source, fence source.Fence, e source.Event) {
	t.Helper()
	c, err := s.Columns(ctx, fence, e.Table)
	gone := errors.Is(err, source.ErrNoTable)
	if err != nil && !gone {
		t.Fatal(err)
	}
	// The table may be further on than the event, but never behind.
	_, altered := c.Column("b")
	switch e.Action {
	case source.Alter:
		if !gone && !altered {
			t.Errorf("%s: the catalog is from before the ALTER", e.Table)
		}
	case source.Drop:
		if !gone {
			t.Errorf("%s: the catalog is from before the DROP", e.Table)
		}
	}
	// A table that is there must be listed, too.
	tables, err := s.Tables(ctx, fence, []source.Pattern{source.Pattern(e.Table)})
	if err != nil {
		t.Fatal(err)
	}
	if e.Action == source.Drop && len(tables) != 0 {
		t.Errorf("%s: listed after the DROP", e.Table)
	}
}

// TestRead_WhileTheTableIsAltered: reads behind fences go on through DDL, by waiting or by telling
// that the definition is stale, never with another error.
func TestRead_WhileTheTableIsAltered(t *testing.T) {
	eachFlavor(t, func(t *testing.T, d *servertest.Database, s *Source) {
		d.Exec(t, "CREATE TABLE a (id INT PRIMARY KEY, v INT); INSERT INTO a VALUES (1, 1)")
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		done := make(chan error, 1)
		go func() {
			for i := range 12 {
				for _, text := range []string{"ALTER TABLE a ADD COLUMN extra INT FIRST", "UPDATE a SET v = v + 1", "ALTER TABLE a DROP COLUMN extra"} {
					if _, err := d.DB.ExecContext(ctx, text); err != nil {
						done <- fmt.Errorf("round %d: %w", i, err)
						return
					}
				}
			}
			done <- nil
		}()
		reads := 0
		for running := true; running; {
			select {
			case err := <-done:
				if err != nil {
					t.Fatal(err)
				}
				running = false
			default:
			}
			_, fence, err := s.Head(ctx)
			if err != nil {
				t.Fatal(err)
			}
			c, err := s.Columns(ctx, fence, tableIn(d, "a"))
			if err != nil {
				t.Fatal(err)
			}
			rows, err := s.ReadRows(ctx, fence, source.Selection{Table: c.Table, Key: c.KeyColumns(), Columns: c.Columns}, keysOf(t, 1))
			switch {
			case errors.Is(err, source.ErrStale):
			case err != nil || !rows[0].Found:
				t.Fatalf("%v %v", rows, err)
			default:
				reads++
			}
		}
		if reads == 0 {
			t.Error("no read came through")
		}
	})
}
