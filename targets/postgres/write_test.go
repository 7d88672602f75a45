package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/meepo-replicate/meepo/internal/servertest"
	"github.com/meepo-replicate/meepo/targets"
	"github.com/meepo-replicate/meepo/targets/postgres"
	"github.com/meepo-replicate/meepo/targets/targettest"
)

var intKey = []targets.Field{{Name: "id", Kind: targets.KindInt, Native: "bigint", Bits: 64, Key: true}}

// openTarget returns a target on a database of the test's own.
func openTarget(t *testing.T, d *servertest.Database) *postgres.Target {
	t.Helper()
	target, err := postgres.Open(t.Context(), postgres.Config{URL: d.URL + "?sslmode=disable"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = target.Close(t.Context()) })
	return target
}

func prepare(t *testing.T, target *postgres.Target, dest *targets.Destination) {
	t.Helper()
	if err := target.Prepare(t.Context(), []*targets.Destination{dest}); err != nil {
		t.Fatal(err)
	}
}

func upsert(dest *targets.Destination, id targets.ID, doc ...any) targets.Op {
	return targets.Op{Verb: targets.Upsert, Dest: dest, ID: id, Doc: doc, Version: 1}
}

// TestWrite_LandsLate: a statement of an earlier writer is under way, held up by somebody's lock, and another has not
// arrived when a new writer begins. Neither overwrites what the new one writes.
func TestWrite_LandsLate(t *testing.T) {
	d := servertest.OpenSQL(t, servertest.Postgres)
	old, dest := openTarget(t, d), &targets.Destination{Name: "late.a", Key: intKey, Fields: []targets.Field{{Name: "v", Kind: targets.KindText, Native: "text"}, {Name: "gone", Kind: targets.KindTimestamp, Native: "timestamp"}}, Mark: "gone"}
	prepare(t, old, dest)
	targettest.ExpectFailures(t, old, []targets.Op{upsert(dest, "1", "first", nil)})
	lock, err := d.DB.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = lock.Rollback() }()
	if _, err := lock.ExecContext(t.Context(), "SELECT FROM late.a FOR UPDATE"); err != nil {
		t.Fatal(err)
	}
	held := make(chan error, 1)
	go func() { held <- old.Write(t.Context(), []targets.Op{upsert(dest, "1", "old", nil)}) }()
	servertest.Eventually(t, time.Minute, "the old writer to wait for the row", func() (bool, error) {
		return d.QueryInt(t, "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%late%'") == 1, nil
	})
	fresh := openTarget(t, d)
	prepare(t, fresh, dest)
	written := make(chan error, 1)
	go func() { written <- fresh.Write(t.Context(), []targets.Op{upsert(dest, "1", "new", nil)}) }()
	servertest.Eventually(t, time.Minute, "the new writer to wait for the old one", func() (bool, error) {
		return d.QueryInt(t, "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%epochs%'") == 2, nil
	})
	if err := lock.Commit(); err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{<-held, <-written} {
		if err != nil {
			t.Error(err)
		}
	}
	// What comes later carries an epoch that is over. It says so once, and then takes over again.
	late := targets.Op{Verb: targets.MarkDeleted, Dest: dest, ID: "1", Version: 1, Doc: []any{"2026-01-02T03:04:05Z"}}
	targettest.ExpectFailures(t, old, []targets.Op{late}, "0 1 another writer")
	if got := d.QueryString(t, "SELECT v FROM late.a WHERE gone IS NULL"); got != "new" {
		t.Errorf("the row is %q", got)
	}
}

// TestWrite_UniqueConflict: a second unique index refuses one row of a hundred, until the other row is gone.
func TestWrite_UniqueConflict(t *testing.T) {
	d := servertest.OpenSQL(t, servertest.Postgres)
	d.Exec(t, "CREATE TABLE a (id bigint PRIMARY KEY, email text UNIQUE)")
	target, dest := openTarget(t, d), &targets.Destination{Name: "public.a", Key: intKey, Fields: []targets.Field{{Name: "email", Kind: targets.KindText, Native: "text"}}}
	prepare(t, target, dest)
	var ops []targets.Op
	for i := range 100 {
		ops = append(ops, upsert(dest, targets.ID(fmt.Sprint(i)), fmt.Sprint("secret", i)))
	}
	ops[77].Doc[0] = "secret5"
	got := targettest.ExpectFailures(t, target, ops, "77 2 duplicate key value violates unique constraint")
	if strings.Contains(got[0], "secret") {
		t.Errorf("the reason has a value: %s", got[0])
	}
	if n := d.QueryInt(t, "SELECT count(*) FROM a"); n != 99 {
		t.Errorf("%d rows", n)
	}
	targettest.ExpectFailures(t, target, []targets.Op{{Verb: targets.Delete, Dest: dest, ID: "5", Version: 2}})
	targettest.ExpectFailures(t, target, []targets.Op{ops[77]})
}

// TestWrite_Tables are tables that are made otherwise than ours.
func TestWrite_Tables(t *testing.T) {
	d := servertest.OpenSQL(t, servertest.Postgres)
	target := openTarget(t, d)
	text := targets.Field{Name: "v", Kind: targets.KindText, Native: "text", Nullable: true}
	t.Run("key columns only", func(t *testing.T) {
		dest := &targets.Destination{Name: "public.only", Key: intKey, Fields: intKey}
		prepare(t, target, dest)
		for range 2 {
			targettest.ExpectFailures(t, target, []targets.Op{upsert(dest, "1", int64(1)), upsert(dest, "2", int64(2))})
		}
	})
	t.Run("identity, generated, and a column of their own", func(t *testing.T) {
		d.Exec(t, "CREATE TABLE odd (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, v text, loud text GENERATED ALWAYS AS (upper(v)) STORED, mine text NOT NULL DEFAULT 'kept')")
		loud := text
		loud.Name = "loud"
		dest := &targets.Destination{Name: "public.odd", Key: intKey, Fields: []targets.Field{text, loud}}
		prepare(t, target, dest)
		targettest.ExpectFailures(t, target, []targets.Op{upsert(dest, "7", "a", "of the source")})
		targettest.ExpectFailures(t, target, []targets.Op{upsert(dest, "7", "b", "of the source")})
		if got := d.QueryString(t, "SELECT concat(id, v, loud, mine) FROM odd"); got != "7bBkept" {
			t.Errorf("the row is %s", got)
		}
	})
	t.Run("a foreign key whose row comes later", func(t *testing.T) {
		d.Exec(t, "CREATE TABLE parent (id bigint PRIMARY KEY); CREATE TABLE child (id bigint PRIMARY KEY, v bigint REFERENCES parent)")
		number := targets.Field{Name: "v", Kind: targets.KindInt, Native: "bigint", Bits: 64}
		dest := &targets.Destination{Name: "public.child", Key: intKey, Fields: []targets.Field{number}}
		prepare(t, target, dest)
		targettest.ExpectFailures(t, target, []targets.Op{upsert(dest, "1", int64(9))}, "0 2 insert or update on table \"child\" violates foreign key")
		d.Exec(t, "INSERT INTO parent VALUES (9)")
		targettest.ExpectFailures(t, target, []targets.Op{upsert(dest, "1", int64(9))})
	})
	t.Run("dropped, and made anew by somebody", func(t *testing.T) {
		dest := &targets.Destination{Name: "public.gone", Key: intKey, Fields: []targets.Field{text}}
		prepare(t, target, dest)
		d.Exec(t, "DROP TABLE gone; CREATE TABLE gone (id bigint PRIMARY KEY, v text)")
		targettest.ExpectFailures(t, target, []targets.Op{upsert(dest, "1", "a")}, "0 5 table public.gone was dropped or replaced")
		d.Exec(t, "DROP TABLE gone")
		targettest.ExpectFailures(t, target, []targets.Op{upsert(dest, "1", "a")}, "0 5 ")
	})
	t.Run("NUL and zero dates", func(t *testing.T) {
		name := targets.Field{Name: "id", Kind: targets.KindText, Native: "varchar(9)", Key: true}
		day := targets.Field{Name: "day", Kind: targets.KindDate, Native: "date"}
		dest := &targets.Destination{Name: "public.nul", Key: []targets.Field{name}, Fields: []targets.Field{name, text, day}}
		prepare(t, target, dest)
		targettest.ExpectFailures(t, target, []targets.Op{upsert(dest, "a\x00b", "a\x00b", "x", nil), upsert(dest, "c", "c", "x\x00y", "2024-02-30"),
			{Verb: targets.Delete, Dest: dest, ID: "a\x00b", Version: 1}}, "0 3 key column id")
		if got := d.QueryString(t, "SELECT v || coalesce(day::text, '-') FROM nul"); got != "x\ufffdy-" {
			t.Errorf("the row is %q", got)
		}
	})
}

// TestPrepare_Unfit: what a table lacks is said all at once, and nothing is made.
func TestPrepare_Unfit(t *testing.T) {
	d := servertest.OpenSQL(t, servertest.Postgres)
	d.Exec(t, "CREATE TABLE a (id bigint, v integer, n numeric(8,1), own text NOT NULL); CREATE VIEW b AS SELECT 1 AS id")
	target := openTarget(t, d)
	dests := []*targets.Destination{
		{Name: "public.a", Key: intKey, Fields: []targets.Field{
			{Name: "v", Kind: targets.KindText, Native: "text"}, {Name: "n", Kind: targets.KindDecimal, Native: "decimal(8,2)", Precision: 8, Scale: 2}}},
		{Name: "public.b", Key: intKey},
		{Name: "public.made", Key: intKey},
	}
	err := target.Prepare(t.Context(), dests)
	if !errors.Is(err, targets.ErrMismatch) {
		t.Fatalf("prepare: %v", err)
	}
	for _, want := range []string{"field v: it is integer, and text wants text", "field n: it is numeric(8,1), which would round decimal(8,2)",
		"column own may not be null", "no unique index on (id)", "public.b: it is not a table"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not say %q: %v", want, err)
		}
	}
	if d.QueryString(t, "SELECT to_regclass('made') IS NULL") != "true" {
		t.Error("a table was made")
	}
	findings, err := target.Check(t.Context(), dests)
	if err != nil {
		t.Fatal(err)
	}
	fatal := 0
	for _, f := range findings {
		if f.Severity == targets.Fatal {
			fatal++
		}
	}
	if fatal != 5 {
		t.Errorf("check finds %d fatal: %+v", fatal, findings)
	}
}

// TestWrite_Denied: without a right nothing is written, and it is no row's fault.
func TestWrite_Denied(t *testing.T) {
	d := servertest.OpenSQL(t, servertest.Postgres)
	target, dest := openTarget(t, d), &targets.Destination{Name: "public.a", Key: intKey, Fields: intKey}
	prepare(t, target, dest)
	d.Exec(t, "GRANT USAGE ON SCHEMA meepo_replicate TO repl; GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA meepo_replicate TO repl")
	reader, err := postgres.Open(t.Context(), postgres.Config{URL: d.URL + "?sslmode=disable", User: "repl",
		Password: func(ctx context.Context) (string, error) { return "repl", nil }})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = reader.Close(t.Context()) }()
	if err := reader.Write(t.Context(), []targets.Op{upsert(dest, "1", int64(1))}); !errors.Is(err, targets.ErrDenied) {
		t.Errorf("error %v", err)
	}
	wrong, err := postgres.Open(t.Context(), postgres.Config{URL: d.URL + "?sslmode=disable", Password: func(context.Context) (string, error) { return "hush", nil }})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = wrong.Close(t.Context()) }()
	if _, err := wrong.Check(t.Context(), nil); !errors.Is(err, targets.ErrDenied) || strings.Contains(err.Error(), "hush") {
		t.Errorf("error %v", err)
	}
}

// TestWrite_DoubtOnce: of two statements one has no answer, and the epoch is raised. The other, that carries the old one, is void;
// it says nothing of the new one.
func TestWrite_DoubtOnce(t *testing.T) {
	d := servertest.OpenSQL(t, servertest.Postgres)
	target, dest := openTarget(t, d), &targets.Destination{Name: "public.a", Key: intKey, Fields: []targets.Field{{Name: "v", Kind: targets.KindText, Native: "text"}}}
	prepare(t, target, dest)
	targettest.ExpectFailures(t, target, []targets.Op{upsert(dest, "1", "a")})
	lock, err := d.DB.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = lock.Rollback() }()
	if _, err := lock.ExecContext(t.Context(), "LOCK TABLE a IN ACCESS EXCLUSIVE MODE"); err != nil {
		t.Fatal(err)
	}
	const waiting = " FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE 'WITH e%'"
	// write begins a statement and returns when n of them wait.
	write := func(id targets.ID, n int64) chan error {
		done := make(chan error, 1)
		go func() { done <- target.Write(t.Context(), []targets.Op{upsert(dest, id, "b")}) }()
		servertest.Eventually(t, time.Minute, "the statement to wait for the table", func() (bool, error) {
			return d.QueryInt(t, "SELECT count(*)"+waiting) == n, nil
		})
		return done
	}
	old, unanswered := write("2", 1), write("3", 2)
	d.Exec(t, "SELECT pg_terminate_backend(pid)"+waiting+" ORDER BY query_start DESC LIMIT 1")
	if err := <-unanswered; err == nil {
		t.Fatal("the statement was answered")
	}
	fresh := write("4", 2)
	if err := lock.Commit(); err != nil {
		t.Fatal(err)
	}
	var partial *targets.PartialError
	if err := <-old; !errors.As(err, &partial) || partial.Items[0].Class != targets.Retryable {
		t.Errorf("the statement of the old epoch: %v", err)
	}
	if err := <-fresh; err != nil {
		t.Errorf("the statement of the new epoch: %v", err)
	}
	targettest.ExpectFailures(t, target, []targets.Op{upsert(dest, "5", "b")})
	if epoch := d.QueryInt(t, "SELECT epoch FROM meepo_replicate.epochs"); epoch != 2 {
		t.Errorf("the epoch is %d, want 2", epoch)
	}
}
