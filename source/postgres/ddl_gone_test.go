package postgres

import (
	"testing"
	"time"

	"github.com/meepo-replicate/meepo/internal/servertest"
)

// TestTriggers_ComeAndGo: definitions are looked at from when the triggers are taken out or disabled under a stream, and
// told again from when they are back; what was changed around that has the tables copied anew.
func TestTriggers_ComeAndGo(t *testing.T) {
	eachFlavor(t, func(t *testing.T, d *servertest.Database, _ *Source) {
		cfg := configOf(t, d.ReplURL)
		cfg.PollEvery = 20 * time.Millisecond
		s := openConfig(t, cfg)
		d.Exec(t, "CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int PRIMARY KEY)")
		d.Exec(t, Triggers)
		f := follow(t, s, head(t, s), "?")
		for gone, back := range map[string]string{
			"ALTER EVENT TRIGGER meepo_ddl_ended DISABLE": "ALTER EVENT TRIGGER meepo_ddl_ended ENABLE ALWAYS",
			"DROP SCHEMA meepo_ddl CASCADE":               Triggers,
		} {
			f.seen = nil
			d.Exec(t, gone)
			f.untilSeen("a_gap")
			f.untilSeen("b_gap")
			d.Exec(t, "ALTER TABLE a ADD v text; CREATE TABLE c (id int PRIMARY KEY)")
			f.untilSeen("a_alter")
			f.untilSeen("c_create")
			f.seen = nil
			d.Exec(t, "BEGIN; DROP TABLE c; "+back+"; COMMIT")
			f.untilSeen("c_drop") // which nothing tells
			f.untilSeen("b_gap")
			f.seen = nil
			d.Exec(t, "ALTER TABLE a DROP v; INSERT INTO a VALUES (1); DELETE FROM a")
			f.untilSeen("a_delete 1")
			wantLines(t, f.seen, "a_alter\na_write 1\na_delete 1")
		}
	})
}
