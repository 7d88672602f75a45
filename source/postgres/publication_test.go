package postgres

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/meepo-replicate/meepo/internal/servertest"
	"github.com/meepo-replicate/meepo/source"
)

// TestEnlist_OthersAreQuicker: somebody publishes one of the tables while we are about to publish it with others. The server
// refuses ours as a whole, and the others are published nevertheless.
func TestEnlist_OthersAreQuicker(t *testing.T) {
	for name, c := range map[string]struct{ before, theirs string }{
		"added":       {"CREATE PUBLICATION meepo WITH (publish_via_partition_root)", "ALTER PUBLICATION meepo ADD TABLE a"},
		"made for it": {"", "CREATE PUBLICATION meepo FOR TABLE a WITH (publish_via_partition_root)"},
	} {
		t.Run(name, func(t *testing.T) {
			eachFlavor(t, func(t *testing.T, d *servertest.Database, _ *Source) {
				s := openOwner(t, d)
				d.Exec(t, "CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int PRIMARY KEY)")
				if c.before != "" {
					d.Exec(t, c.before)
				}
				quicker := begun(t, d, c.theirs)
				type answer struct {
					added []source.Table
					err   error
				}
				enlisted := make(chan answer, 1)
				both := []source.Table{publicTable("a"), publicTable("b")}
				go func() {
					added, err := s.Enlist(t.Context(), both)
					enlisted <- answer{added, err}
				}()
				servertest.Eventually(t, time.Minute, "our statement to wait for theirs", func() (bool, error) {
					waiting := d.QueryString(t, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%PUBLICATION \"meepo\"%'")
					if waiting != "1" {
						return false, errors.New(waiting + " statements wait")
					}
					return true, nil
				})
				if err := quicker.Commit(); err != nil {
					t.Fatal(err)
				}
				if got := <-enlisted; got.err != nil || !slices.Equal(got.added, both) {
					t.Errorf("added %v, %v", got.added, got.err)
				}
				if got := d.QueryString(t, "SELECT string_agg(tablename, ' ' ORDER BY tablename) FROM pg_publication_tables WHERE pubname = 'meepo'"); got != "a b" {
					t.Errorf("published is %q", got)
				}
			})
		})
	}
}
