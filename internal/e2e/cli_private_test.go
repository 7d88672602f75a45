package e2e

import (
	"strings"
	"testing"

	"github.com/meepo-replicate/meepo/internal/servertest"
)

// TestMessages_Server runs against servers whose settings, or whose log, make following
// impossible.
func TestMessages_Server(t *testing.T) {
	onEach(t, func(t *testing.T, flavor servertest.Flavor) {
		target := servertest.OpenElastic(t)
		server := servertest.StartSQL(t, flavor)
		db := server.Open(t)
		db.Exec(t, "CREATE TABLE orders (id INT PRIMARY KEY); INSERT INTO orders VALUES (1)")
		t.Cleanup(func() { deleteIndexesOf(t, target, strings.ToLower(db.Name)+".orders") })
		args := sides(db.ReplURL, target, "--tables=orders", "--once")

		t.Run("position purged", func(t *testing.T) { testPurged(t, db, args) })
		for name, test := range map[string]struct {
			option string
			says   []string
		}{
			"binlog off":       {"--skip-log-bin", []string{"log_bin", "restart"}},
			"statement format": {"--binlog-format=STATEMENT", []string{"binlog_format", "STATEMENT", "ROW"}},
		} {
			t.Run(name, func(t *testing.T) {
				server.Stop(t)
				server.Start(t, test.option)
				for _, args := range [][]string{args, {"events", "--source=" + db.ReplURL}} {
					refusal{code: 1, args: args, says: test.says}.check(t)
				}
			})
		}
	})
}

// testPurged starts again from a position that the server has thrown away.
func testPurged(t *testing.T, db *servertest.Database, args []string) {
	dir := t.TempDir()
	first := invocation{args: args, dir: dir}.run(t)
	if code := first.wait(t); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	position := statusOf(t, dir, nil).Position
	oldest := db.QueryStrings(t, "SHOW BINARY LOGS")[0][0]
	db.Exec(t, "INSERT INTO orders VALUES (2); FLUSH BINARY LOGS; INSERT INTO orders VALUES (3)")
	// The server keeps a log as long as it believes that somebody reads it, which may be us, gone.
	servertest.Eventually(t, longest, "the log to be purged", func() (bool, error) {
		db.Exec(t, "FLUSH BINARY LOGS; PURGE BINARY LOGS BEFORE '2037-01-01'")
		return db.QueryStrings(t, "SHOW BINARY LOGS")[0][0] != oldest, nil
	})
	for _, args := range [][]string{args, {"events", "--source=" + db.ReplURL, "--from=" + position, "--until=now"}} {
		r := invocation{args: args, dir: dir}.run(t)
		if code := r.wait(t); code != 3 {
			t.Errorf("exit code %d, want 3", code)
		}
		text := r.stderr.String()
		if !strings.Contains(text, "error: ") || !strings.Contains(text, "what to do: ") || strings.Count(text, "error: ") != 1 {
			t.Errorf("the message is\n%s", text)
		}
	}
}
