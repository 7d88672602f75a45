package postgres_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/meepo-replicate/meepo/internal/servertest"
	"github.com/meepo-replicate/meepo/targets"
	"github.com/meepo-replicate/meepo/targets/postgres"
)

type tree = map[string]any

func TestCheckOptions(t *testing.T) {
	for _, c := range []struct {
		options tree
		want    []string
	}{
		{tree{"with": tree{"fillfactor": int64(70), "autovacuum_enabled": false, "toast": tree{"autovacuum_vacuum_scale_factor": 0.5}}, "tablespace": `odd "name"`, "version_column": "v"}, nil},
		{tree{"with": "fillfactor", "tablespace": tree{}, "unlogged": true}, []string{
			"tablespace: want a text, as in fast", "unlogged: there is no such option", "with: want a map, as in {fillfactor: 80, autovacuum_vacuum_scale_factor: 0.02}"}},
		{tree{"with": tree{"fillfactor = 1) x": int64(1), "a": nil, "b": tree{"c": int64(1)}, "toast": tree{"toast": tree{}}}, "tablespace": strings.Repeat("x", 64)}, []string{
			"with.a: want a number, true, false or a text", "with.b: want a number, true, false or a text",
			"with.fillfactor = 1) x: a storage parameter is called by small letters, digits and _",
			"with.toast.toast: there is no such storage parameter", `tablespace: the name "` + strings.Repeat("x", 64) + `" has 64 bytes, PostgreSQL keeps 63`}},
	} {
		var got []string
		if err := postgres.CheckOptions(&targets.Destination{Name: "a.b", Options: c.options}); err != nil {
			got = strings.Split(err.Error(), "\n")
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Error(diff)
		}
	}
}

// described is a destination with all that a table can be made with.
func described() *targets.Destination {
	return &targets.Destination{
		Name: `Odd schema.a "table"`, Mark: "gone",
		Key: []targets.Field{{Name: "code", Kind: targets.KindText, Native: "varchar(20)", Length: 20, Key: true}, {Name: "n", Kind: targets.KindInt, Native: "int", Bits: 32, Key: true}},
		Fields: []targets.Field{
			{Name: "total", Kind: targets.KindDecimal, Native: "decimal(12,2)", Precision: 12, Scale: 2}, {Name: "code", Kind: targets.KindText, Native: "varchar(20)", Length: 20, Key: true, As: "varchar(20)"},
			{Name: "body", Kind: targets.KindJSON, Native: "json"}, {Name: "gone", Kind: targets.KindTimestamp, Native: "timestamp"},
		},
		Options: tree{"with": tree{"fillfactor": int64(70), "toast": tree{"autovacuum_enabled": false}}, "tablespace": "pg_default", "version_column": "v"},
	}
}

// TestDescribe_IsWhatPrepareMakes: the statements that are shown make what Prepare makes, and leave it nothing to do.
func TestDescribe_IsWhatPrepareMakes(t *testing.T) {
	dest := described()
	text, err := postgres.Config{}.Describe(dest)
	if err != nil {
		t.Fatal(err)
	}
	t.Log(text)
	const looks = `SELECT string_agg(a.attname || ' ' || format_type(a.atttypid, a.atttypmod) || ' ' || a.attnotnull || ' ' || coalesce(l.collname, ''), E'\n' ORDER BY a.attnum)
		|| E'\n' || (SELECT string_agg(pg_get_indexdef(indexrelid), E'\n') FROM pg_index WHERE indrelid = c.oid) || E'\n' || array_to_string(c.reloptions, ',')
		|| E'\n' || (SELECT array_to_string(s.reloptions, ',') FROM pg_class s WHERE s.oid = c.reltoastrelid)
		FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 LEFT JOIN pg_collation l ON l.oid = a.attcollation
		WHERE c.oid = to_regclass('"Odd schema"."a ""table"""') GROUP BY c.oid, c.reloptions, c.reltoastrelid`
	prepared, executed := servertest.OpenSQL(t, servertest.Postgres), servertest.OpenSQL(t, servertest.Postgres)
	prepare(t, openTarget(t, prepared), dest)
	executed.Exec(t, postgres.DescribeOwn())
	executed.Exec(t, text)
	made := prepared.QueryString(t, looks)
	if diff := cmp.Diff(made, executed.QueryString(t, looks)); diff != "" || !strings.Contains(made, "fillfactor=70") {
		t.Errorf("%s\n%s", made, diff)
	}
	var log bytes.Buffer
	target, err := postgres.Open(t.Context(), postgres.Config{URL: executed.URL + "?sslmode=disable", Logger: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	defer target.Close(t.Context())
	prepare(t, target, dest)
	if log.Len() > 0 {
		t.Errorf("something was left to do: %s", log.String())
	}
	if err := target.Write(t.Context(), []targets.Op{{Verb: targets.Upsert, Dest: dest, ID: "a|1", Version: 7, Doc: []any{"1.50", "a", "{}", nil}}}); err != nil {
		t.Error(err)
	}
	if n := executed.QueryInt(t, `SELECT v FROM "Odd schema"."a ""table"""`); n != 7 {
		t.Errorf("the row has version %d", n)
	}
}

// TestCheck_Storage: a table that exists keeps its storage parameters, and check says so.
func TestCheck_Storage(t *testing.T) {
	d := servertest.OpenSQL(t, servertest.Postgres)
	target, dest := openTarget(t, d), described()
	prepare(t, target, dest)
	warnings := func() []string {
		t.Helper()
		found, err := target.Check(t.Context(), []*targets.Destination{dest})
		if err != nil {
			t.Fatal(err)
		}
		var texts []string
		for _, f := range found {
			if f.Severity > targets.Note && f.Subject == dest.Name {
				texts = append(texts, f.Message+" -> "+f.Fix)
			}
		}
		return texts
	}
	if texts := warnings(); texts != nil {
		t.Errorf("what was made as it was said: %q", texts)
	}
	dest.Options = tree{"with": tree{"fillfactor": int64(80), "autovacuum_enabled": true}, "tablespace": "pg_global", "version_column": "v"}
	want := []string{
		`storage parameter autovacuum_enabled is not set, and the mapping says true: a table that exists keeps its own -> ALTER TABLE "Odd schema"."a ""table""" SET (autovacuum_enabled = 'true')`,
		`storage parameter fillfactor is 70, and the mapping says 80: a table that exists keeps its own -> ALTER TABLE "Odd schema"."a ""table""" SET (fillfactor = '80')`,
		`it is in tablespace pg_default, and the mapping says pg_global: a table that exists stays where it is -> ALTER TABLE "Odd schema"."a ""table""" SET TABLESPACE "pg_global", which copies and locks it`,
	}
	if diff := cmp.Diff(want, warnings()); diff != "" {
		t.Error(diff)
	}
}
