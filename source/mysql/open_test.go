package mysql

import (
	"context"
	"io"
	"log/slog"
	"testing"

	"github.com/meepo-replicate/meepo/internal/servertest"
	"github.com/meepo-replicate/meepo/source"
)

// openTest opens a source on a test's database, by the account of a replication tool.
func openTest(t testing.TB, d *servertest.Database) *Source {
	t.Helper()
	return openURL(t, d.ReplURL)
}

func openURL(t testing.TB, url string) *Source {
	t.Helper()
	return openConfig(t, configOf(t, url))
}

func configOf(t testing.TB, url string) Config {
	t.Helper()
	cfg, secret, err := ParseURL(url)
	if err != nil {
		t.Fatal(err)
	}
	cfg.Password = password(secret)
	cfg.Logger = slog.New(slog.NewTextHandler(logWriter{t}, nil))
	return cfg
}

// logWriter puts log lines into the test's output.
type logWriter struct{ t testing.TB }

func (w logWriter) Write(line []byte) (int, error) {
	w.t.Logf("log: %s", line)
	return len(line), nil
}

var _ io.Writer = logWriter{}

// eachFlavor runs a test on every flavor, with a database and a source of its own.
func eachFlavor(t *testing.T, test func(t *testing.T, d *servertest.Database, s *Source)) {
	for _, f := range servertest.Flavors() {
		t.Run(string(f), func(t *testing.T) {
			t.Parallel()
			d := servertest.OpenSQL(t, f)
			test(t, d, openTest(t, d))
		})
	}
}

// everything selects all columns of a table.
func everything(t testing.TB, s *Source, fence source.Fence, table source.Table) source.Selection {
	t.Helper()
	c, err := s.Columns(t.Context(), fence, table)
	if err != nil {
		t.Fatal(err)
	}
	if c.Refused != "" {
		t.Fatalf("%s: refused: %s", table, c.Refused)
	}
	return source.Selection{Table: c.Table, Key: c.KeyColumns(), Columns: c.Columns}
}

// scanAll reads all rows of all ranges and wants no key twice.
func scanAll(t testing.TB, s *Source, fence source.Fence, sel source.Selection, ranges []source.Range, limit int) map[source.Key]source.Row {
	t.Helper()
	all := map[source.Key]source.Row{}
	for _, r := range ranges {
		var last source.Key
		for r != "" {
			rows, rest, err := s.ScanRows(t.Context(), fence, sel, r, limit)
			if err != nil {
				t.Fatal(err)
			}
			for _, row := range rows {
				if row.Err != nil {
					t.Fatalf("scan: key %s: %v", row.Key.Text(), row.Err)
				}
				if _, again := all[row.Key]; again || row.Key == last {
					t.Fatalf("scan: key %s came twice", row.Key.Text())
				}
				all[row.Key], last = row, row.Key
			}
			if len(rows) == 0 && rest != "" {
				t.Fatalf("scan: no rows and yet a rest: %s", rest)
			}
			r = rest
		}
	}
	return all
}

func password(text string) func(context.Context) (string, error) {
	return func(context.Context) (string, error) { return text, nil }
}

func openConfig(t testing.TB, cfg Config) *Source {
	t.Helper()
	s, err := Open(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func tableIn(d *servertest.Database, name string) source.Table {
	return source.Table{Schema: d.Name, Name: name}
}
