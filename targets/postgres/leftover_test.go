package postgres_test

import (
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/meepo-replicate/meepo/internal/servertest"
	"github.com/meepo-replicate/meepo/targets"
	"github.com/meepo-replicate/meepo/targets/postgres"
)

// leaving is a destination of text fields.
func leaving(fields ...string) *targets.Destination {
	dest := &targets.Destination{Name: "rest.a", Key: intKey, Fields: slices.Clone(intKey)}
	for _, name := range fields {
		dest.Fields = append(dest.Fields, targets.Field{Name: name, Kind: targets.KindText, Native: "text", Nullable: true})
	}
	return dest
}

// TestWrite_EmptiesLeftovers: columns that a run made and that are no fields any more lose their values with each row that is written.
// Those that others added, or renamed, keep them, and so does a row that nobody writes.
func TestWrite_EmptiesLeftovers(t *testing.T) {
	for name, version := range map[string]string{"plain": "", "with versions": "v"} {
		t.Run(name, func(t *testing.T) {
			d := servertest.OpenSQL(t, servertest.Postgres)
			target, err := postgres.Open(t.Context(), postgres.Config{URL: d.URL + "?sslmode=disable", VersionColumn: version})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = target.Close(t.Context()) })
			write := func(dest *targets.Destination, version int64, ids ...targets.ID) {
				t.Helper()
				for _, id := range ids {
					op := targets.Op{Verb: targets.Upsert, Dest: dest, ID: id, Version: version, Doc: []any{int64(1)}}
					for _, field := range dest.Fields[1:] {
						op.Doc = append(op.Doc, field.Name)
					}
					if err := target.Write(t.Context(), []targets.Op{op}); err != nil {
						t.Fatal(err)
					}
				}
			}
			first, more := leaving("shown", "secret", "kept", "strict"), leaving("shown", "secret", "kept", "strict", "late")
			prepare(t, target, first)
			write(first, 1, "1")
			prepare(t, target, more)
			write(more, 2, "1", "2", "3")
			d.Exec(t, "ALTER TABLE rest.a RENAME kept TO theirs; ALTER TABLE rest.a ADD added text DEFAULT 'added';"+
				" ALTER TABLE rest.a ALTER strict SET DEFAULT 'none', ALTER strict SET NOT NULL")
			less := leaving("shown")
			prepare(t, target, less)
			write(less, 3, "1", "2", "4")
			want := [][]string{
				{"1", "shown", "-", "-", "none", "kept", "added"}, {"2", "shown", "-", "-", "none", "kept", "added"},
				{"3", "shown", "secret", "late", "strict", "kept", "added"}, {"4", "shown", "-", "-", "none", "-", "added"},
			}
			read := "SELECT id::text, shown, coalesce(secret, '-'), coalesce(late, '-'), strict, coalesce(theirs, '-'), added FROM rest.a ORDER BY id"
			if diff := cmp.Diff(want, d.QueryStrings(t, read)); diff != "" {
				t.Errorf("rows (-want +got):\n%s", diff)
			}
			prepare(t, target, more) // the field comes back
			write(more, 4, "1")
			if got := d.QueryString(t, "SELECT secret FROM rest.a WHERE id = 1"); got != "secret" {
				t.Errorf("the field that came back is %q", got)
			}
		})
	}
}

// TestCheck_Leftovers: Check and the log of Prepare name the columns that are no fields, those of a run apart.
func TestCheck_Leftovers(t *testing.T) {
	d := servertest.OpenSQL(t, servertest.Postgres)
	var log strings.Builder
	target, err := postgres.Open(t.Context(), postgres.Config{URL: d.URL + "?sslmode=disable", Logger: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = target.Close(t.Context()) })
	prepare(t, target, leaving("shown", "secret"))
	d.Exec(t, "ALTER TABLE rest.a ADD old text")
	less := leaving("shown")
	prepare(t, target, less)
	for _, want := range []string{"lose their values there\" table=rest.a columns=[secret]", "keep their values\" table=rest.a columns=[old]"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log lacks %s:\n%s", want, log.String())
		}
	}
	found, err := target.Check(t.Context(), []*targets.Destination{less})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"no fields any more (secret)", "no run is known to have made (old)"} {
		said := func(f targets.Finding) bool {
			return f.Severity == targets.Note && strings.Contains(f.Message, want) && f.Fix != ""
		}
		if !slices.ContainsFunc(found, said) {
			t.Errorf("no note says %q: %+v", want, found)
		}
	}
}
