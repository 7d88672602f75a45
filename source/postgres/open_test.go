package postgres

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/meepo-replicate/meepo/internal/servertest"
	"github.com/meepo-replicate/meepo/source"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// logWriter shows log lines with the test that they are of.
type logWriter struct{ t testing.TB }

func (w logWriter) Write(line []byte) (int, error) {
	w.t.Logf("%s", line)
	return len(line), nil
}

func configOf(t testing.TB, raw string) Config {
	t.Helper()
	cfg, password, err := ParseURL(raw)
	if err != nil {
		t.Fatal(err)
	}
	cfg.Password = func(context.Context) (string, error) { return password, nil }
	cfg.Heartbeat = 100 * time.Millisecond
	cfg.Logger = slog.New(slog.NewTextHandler(logWriter{t}, nil))
	return cfg
}

func openConfig(t testing.TB, cfg Config) *Source {
	t.Helper()
	s, err := Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// openTest opens a database with the account that has only what a replication tool needs.
func openTest(t testing.TB, d *servertest.Database) *Source {
	t.Helper()
	return openConfig(t, configOf(t, d.ReplURL))
}

func eachFlavor(t *testing.T, test func(t *testing.T, d *servertest.Database, s *Source)) {
	for _, f := range servertest.PostgresFlavors() {
		t.Run(string(f), func(t *testing.T) {
			t.Parallel()
			d := servertest.OpenSQL(t, f)
			test(t, d, openTest(t, d))
		})
	}
}

// everything selects all columns of a table.
func everything(t testing.TB, s *Source, table source.Table) source.Selection {
	t.Helper()
	c, err := s.Columns(t.Context(), "", table)
	if err != nil {
		t.Fatal(err)
	}
	if c.Refused != "" {
		t.Fatalf("%s: refused: %s", table, c.Refused)
	}
	return source.Selection{Table: c.Table, Key: c.KeyColumns(), Columns: c.Columns}
}
