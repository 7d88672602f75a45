package postgres_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/meepo-replicate/meepo/internal/servertest"
	"github.com/meepo-replicate/meepo/targets"
	"github.com/meepo-replicate/meepo/targets/postgres"
	"github.com/meepo-replicate/meepo/targets/targettest"
)

// TestPrepare_Unlogged: the server empties such tables after a crash, and says nothing.
func TestPrepare_Unlogged(t *testing.T) {
	d := servertest.OpenSQL(t, servertest.Postgres)
	d.Exec(t, "CREATE UNLOGGED TABLE a (id bigint PRIMARY KEY); CREATE TABLE b (id bigint PRIMARY KEY) PARTITION BY RANGE (id);"+
		" CREATE TABLE b1 PARTITION OF b FOR VALUES FROM (0) TO (9); CREATE UNLOGGED TABLE b2 PARTITION OF b FOR VALUES FROM (9) TO (99)")
	target := openTarget(t, d)
	for name, table := range map[string]string{"public.a": "public.a", "public.b": "public.b2"} {
		dest := &targets.Destination{Name: name, Key: intKey, Fields: intKey}
		err := target.Prepare(t.Context(), []*targets.Destination{dest})
		var hint *targets.HintError
		if !errors.Is(err, targets.ErrMismatch) || !errors.As(err, &hint) || hint.Advice != "ALTER TABLE "+table+" SET LOGGED" {
			t.Errorf("%s: %v, %+v", name, err, hint)
		}
		if err != nil && !strings.Contains(err.Error(), table+" is unlogged") {
			t.Errorf("%s: %v", name, err)
		}
		d.Exec(t, "ALTER TABLE "+table+" SET LOGGED")
		prepare(t, target, dest)
	}
}

// TestOpen_SynchronousCommit: what is written is durable, whatever the database or the account is set to; what is stronger stays.
func TestOpen_SynchronousCommit(t *testing.T) {
	for set, want := range map[string]string{"off": "on", "local": "local", "on": "on", "remote_apply": "remote_apply"} {
		t.Run(set, func(t *testing.T) {
			d := servertest.OpenSQL(t, servertest.Postgres)
			d.Exec(t, "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET synchronous_commit = "+set+"', current_database()); END $$")
			d.Exec(t, "CREATE TABLE a (id bigint PRIMARY KEY, how text);"+
				" CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN new.how := current_setting('synchronous_commit'); RETURN new; END $$;"+
				" CREATE TRIGGER see BEFORE INSERT ON a FOR EACH ROW EXECUTE FUNCTION see()")
			target, dest := openTarget(t, d), &targets.Destination{Name: "public.a", Key: intKey, Fields: intKey}
			prepare(t, target, dest)
			targettest.ExpectFailures(t, target, []targets.Op{upsert(dest, "1", int64(1))})
			if got := d.QueryString(t, "SELECT how FROM a"); got != want {
				t.Errorf("synchronous_commit is %s, want %s", got, want)
			}
		})
	}
}

// TestScanIDs_WiderKey: a table of their own has a bigint where the source has an integer, and rows that the source cannot have.
func TestScanIDs_WiderKey(t *testing.T) {
	d := servertest.OpenSQL(t, servertest.Postgres)
	d.Exec(t, "CREATE TABLE a (id bigint PRIMARY KEY, v text); INSERT INTO a VALUES (1, 'a'), (3000000000, 'b'), (3000000001, 'c')")
	key := []targets.Field{{Name: "id", Kind: targets.KindInt, Native: "int", Bits: 32, Key: true}}
	target := openTarget(t, d)
	for _, column := range []string{"", "version"} {
		if column != "" {
			var err error
			if target, err = postgres.Open(t.Context(), postgres.Config{URL: d.URL + "?sslmode=disable", VersionColumn: column}); err != nil {
				t.Fatal(err)
			}
			defer func() { _ = target.Close(t.Context()) }()
		}
		dest := &targets.Destination{Name: "public.a", Key: key, Fields: []targets.Field{{Name: "v", Kind: targets.KindText, Native: "text"}}}
		prepare(t, target, dest)
		ids, cursor, err := target.ScanIDs(t.Context(), dest.Name, "", 2)
		if err != nil || len(ids) != 2 || ids[1] != "3000000000" {
			t.Fatalf("ids %q, %v", ids, err)
		}
		if ids, _, err = target.ScanIDs(t.Context(), dest.Name, cursor, 2); err != nil || len(ids) != 1 || ids[0] != "3000000001" {
			t.Errorf("the next page: %q, %v", ids, err)
		}
		docs, err := target.ReadDocs(t.Context(), dest.Name, []targets.ID{"1", "3000000000"})
		if err != nil || !docs[0].Found || !docs[1].Found {
			t.Errorf("read: %+v, %v", docs, err)
		}
	}
	// A delete that is compared for its version reads by the key, too.
	d.Exec(t, "UPDATE a SET version = 9 WHERE id = 3000000000")
	dest := &targets.Destination{Name: "public.a", Key: key, Fields: []targets.Field{{Name: "v", Kind: targets.KindText, Native: "text"}}}
	remove := targets.Op{Verb: targets.Delete, Dest: dest, ID: "3000000000", Version: 5}
	targettest.ExpectFailures(t, target, []targets.Op{remove}, "0 4 ")
	remove.Version = 10
	targettest.ExpectFailures(t, target, []targets.Op{remove})
	if n := d.QueryInt(t, "SELECT count(*) FROM a"); n != 2 {
		t.Errorf("%d rows", n)
	}
}

// TestPrepare_Rounding: columns that would round, cut or print otherwise what the source has are refused; those that hold it are not.
func TestPrepare_Rounding(t *testing.T) {
	d := servertest.OpenSQL(t, servertest.Postgres)
	target := openTarget(t, d)
	decimal := func(precision, scale int) targets.Field {
		return targets.Field{Kind: targets.KindDecimal, Native: "numeric", Precision: precision, Scale: scale}
	}
	whole := targets.Field{Kind: targets.KindInt, Native: "int", Bits: 32}
	large := targets.Field{Kind: targets.KindUint, Native: "bigint unsigned", Bits: 64}
	text := targets.Field{Kind: targets.KindText, Native: "varchar(5)", Length: 5}
	mysqlTime := targets.Field{Kind: targets.KindTime, Native: "time(3)", Scale: 3}
	native := func(name string) targets.Field { return targets.Field{Kind: targets.KindText, Native: name} }
	for _, c := range []struct {
		field  targets.Field
		column string
		key    bool
		want   string // in the error; empty: it fits
	}{
		{decimal(0, 0), "numeric(10,2)", false, "which would round"},
		{decimal(0, 0), "numeric(10,-1)", false, "which would round"},
		{decimal(0, 0), "numeric", false, ""},
		{decimal(12, 2), "numeric(20,4)", false, ""},
		{decimal(12, 2), "numeric(20,-1)", false, "which would round"},
		{decimal(12, 2), "numeric", false, ""},
		{decimal(3, -2), "numeric(9,-3)", false, "which would round"},
		{decimal(3, -2), "numeric(9,0)", false, ""},
		{whole, "numeric(9,-2)", false, "which would round"},
		{whole, "numeric(9,0)", false, ""},
		{decimal(12, 2), "numeric(12,3)", true, "scale"},
		{decimal(12, 2), "numeric", true, "scale"},
		{decimal(12, 2), "numeric(14,2)", true, ""},
		{large, "numeric(20,1)", true, "scale"},
		{large, "numeric", true, "scale"},
		{large, "numeric(20,0)", true, ""},
		{mysqlTime, "interval(2)", false, "which would round"},
		{mysqlTime, "interval(3)", false, ""},
		{mysqlTime, "interval hour to minute", false, "which would round"},
		{native("interval"), "interval(3)", false, "which would round"},
		{native("interval"), "interval", false, ""},
		{native("interval(3)"), "interval(3)", false, ""},
		{native("time with time zone"), "time(0) with time zone", false, "which would round"},
		{text, "varchar(4)", true, "shorter"},
		{text, "varchar(5)", true, ""},
		{text, "varchar(4)", false, ""},
	} {
		d.Exec(t, "DROP TABLE IF EXISTS a")
		key, field := intKey, c.field
		field.Name = "v"
		dest := &targets.Destination{Name: "public.a", Key: key, Fields: []targets.Field{field}}
		if c.key {
			d.Exec(t, "CREATE TABLE a (v "+c.column+" PRIMARY KEY)")
			field.Key = true
			dest.Key, dest.Fields = []targets.Field{field}, []targets.Field{field}
		} else {
			d.Exec(t, "CREATE TABLE a (id bigint PRIMARY KEY, v "+c.column+")")
		}
		err := target.Prepare(t.Context(), []*targets.Destination{dest})
		if (err == nil) != (c.want == "") || err != nil && (!errors.Is(err, targets.ErrMismatch) || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s(%d,%d) in %s, key %t: %v", field.Native, field.Precision, field.Scale, c.column, c.key, err)
		}
	}
}

// TestWrite_ShortVarchar: the server would cut blanks that a varchar has no room for, and say nothing.
func TestWrite_ShortVarchar(t *testing.T) {
	d := servertest.OpenSQL(t, servertest.Postgres)
	d.Exec(t, "CREATE TABLE a (id varchar(3) PRIMARY KEY, v varchar(4))")
	target := openTarget(t, d)
	key := targets.Field{Name: "id", Kind: targets.KindText, Native: "text", Key: true}
	dest := &targets.Destination{Name: "public.a", Key: []targets.Field{key}, Fields: []targets.Field{key, {Name: "v", Kind: targets.KindText, Native: "text"}}}
	prepare(t, target, dest)
	targettest.ExpectFailures(t, target, []targets.Op{
		upsert(dest, "abc", "abc", "äöü "), upsert(dest, "abc ", "abc ", "x"), upsert(dest, "b", "b", "äöü  "), upsert(dest, "c", "c", "abcde"), upsert(dest, "d", "d", nil),
	}, "1 3 key column id is longer than", "2 3 field v is longer than", "3 3 field v is longer than")
	targettest.ExpectFailures(t, target, []targets.Op{{Verb: targets.Delete, Dest: dest, ID: "abc ", Version: 1}})
	if got := d.QueryString(t, "SELECT string_agg(id || '/' || coalesce(v, '-'), ',' ORDER BY id) FROM a"); got != "abc/äöü ,d/-" {
		t.Errorf("the rows are %q", got)
	}
	docs, err := target.ReadDocs(t.Context(), dest.Name, []targets.ID{"abc ", "abc"})
	if err != nil || docs[0].Found || !docs[1].Found {
		t.Errorf("read: %+v, %v", docs, err)
	}
}
