package postgres

import (
	"strings"
	"testing"
	"time"

	"github.com/meepo-replicate/meepo/internal/servertest"
	"github.com/meepo-replicate/meepo/source"
)

// TestKeys: for each type that may be a key, keys from the log find their rows, are those of the scan, and are
// deleted and changed under the same bytes.
func TestKeys(t *testing.T) {
	eachFlavor(t, func(t *testing.T, d *servertest.Database, s *Source) {
		d.Exec(t, "CREATE TYPE mood AS ENUM ('sad', 'Happy', 'it''s'); CREATE DOMAIN word AS varchar(20); CREATE COLLATION any_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false)")
		for typ, literals := range map[string]string{
			"boolean": "true, false", "smallint": "-32768, 0, 7", "integer": "-1, 2147483647", "bigint": "-9223372036854775808, 5",
			"numeric": "1.10, 'NaN', 'Infinity', -7, 1e40", "numeric(8,2)": "1.1, -2", "uuid": "'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '00000000-0000-0000-0000-000000000000'",
			"text": "'', 'a', 'A', 'a ', 'ä|,\\', '日本'", "text COLLATE any_case": "'a', 'B', 'c '", "varchar(10)": "'x', 'x '", "char(4)": "'a', 'ab', ''", "bytea": `'\x', '\x00ff00', '\x41'`,
			"date": "'2024-02-29', '-infinity', 'infinity', '0044-03-15 BC', '12024-01-01'", "timestamp": "'2024-02-29 12:00', '2024-02-29 12:00:00.000001', 'infinity', '0044-03-15 01:02:03.5 BC'",
			"timestamptz": "'2024-02-29 12:00+02', '2024-02-29 12:00:00.1+00', '-infinity', '0044-03-15 01:02+00 BC', '12024-01-01 00:00+00'",
			"mood":        "'sad', 'Happy', 'it''s'", "word": "'w', 'W'",
		} {
			t.Run(typ, func(t *testing.T) { tryKeys(t, d, s, typ, strings.Split(literals, ", ")) })
		}
	})
}

func tryKeys(t *testing.T, d *servertest.Database, s *Source, typ string, literals []string) {
	d.Exec(t, "DROP TABLE IF EXISTS a; CREATE TABLE a (k "+typ+", n int, v text, PRIMARY KEY (n, k)); DROP TABLE IF EXISTS b; CREATE TABLE b (k "+typ+" PRIMARY KEY, v text)")
	from := head(t, s)
	d.Exec(t, "INSERT INTO a SELECT k, 1, 'x' FROM unnest(ARRAY["+strings.Join(literals, ", ")+"]::"+strings.TrimSuffix(typ, " COLLATE any_case")+"[]) AS k; INSERT INTO b SELECT k, v FROM a; "+
		"UPDATE b SET v = repeat('y', 10000); UPDATE a SET n = 2; DELETE FROM b; INSERT INTO b SELECT k, v FROM a")
	stream, err := s.Open(t.Context(), from, []source.Subscription{{Tables: source.Pattern{Schema: "public", Name: "?"}}})
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close(t.Context())
	keys := map[string]map[source.Key]int{"a": {}, "b": {}} // how often each key was told of as written less deleted
	order := map[string][]source.Key{}
	end := head(t, s)
	for reached := false; !reached; {
		batch, err := stream.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range batch.Events {
			switch e.Action {
			case source.Insert:
				keys[e.Table.Name][e.Key]++
				order[e.Table.Name] = append(order[e.Table.Name], e.Key)
			case source.Delete:
				keys[e.Table.Name][e.Key]--
			}
		}
		if batch.Position != "" {
			if reached, err = s.Reached(t.Context(), batch.Position, end); err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, told := range keys {
		sel := everything(t, s, source.Table{Schema: "public", Name: name})
		rows, err := s.ReadRows(t.Context(), "", sel, order[name])
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range rows {
			if row.Found != (told[row.Key] == 1) {
				t.Errorf("%s: the key %s is found: %v, and was told of %d times", name, row.Key.Text(), row.Found, told[row.Key])
			}
		}
		scanned := 0
		ranges, err := s.Split(t.Context(), "", sel, 3)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range ranges {
			for r != "" {
				if rows, r, err = s.ScanRows(t.Context(), "", sel, r, 2); err != nil {
					t.Fatal(err)
				}
				for _, row := range rows {
					if scanned++; told[row.Key] != 1 {
						t.Errorf("%s: the log has not told of the key %s of a row", name, row.Key.Text())
					}
				}
			}
		}
		if scanned != len(literals) {
			t.Errorf("%s: %d rows in the scan, want %d", name, scanned, len(literals))
		}
	}
}

// TestKeys_Refused: other tables are named with what to do.
func TestKeys_Refused(t *testing.T) {
	eachFlavor(t, func(t *testing.T, d *servertest.Database, s *Source) {
		const parted = "CREATE TABLE a (id int PRIMARY KEY, u int NOT NULL) PARTITION BY RANGE (id); " +
			"CREATE TABLE a1 PARTITION OF a FOR VALUES FROM (0) TO (9); CREATE TABLE a2 PARTITION OF a DEFAULT; CREATE UNIQUE INDEX a1_u ON a1 (u)"
		for create, want := range map[string]string{
			"CREATE TABLE a (id int)":                                                                     "add one, such as ALTER TABLE",
			"CREATE TABLE a (id float8 PRIMARY KEY)":                                                      "key column id is double precision: this type cannot be a key",
			"CREATE TABLE a (id int[] PRIMARY KEY)":                                                       "key column id is integer[]",
			"CREATE TABLE a (id int PRIMARY KEY); ALTER TABLE a REPLICA IDENTITY NOTHING":                 "REPLICA IDENTITY DEFAULT",
			"CREATE TABLE a (id int PRIMARY KEY DEFERRABLE)":                                              "one that is deferrable",
			"CREATE TABLE a (id int PRIMARY KEY DEFERRABLE); ALTER TABLE a REPLICA IDENTITY FULL":         "",
			"CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE inheriting () INHERITS (a)":                "other tables inherit from it",
			"CREATE TABLE a (id int UNIQUE)":                                                              "no primary key",
			"CREATE TABLE a (id int PRIMARY KEY, u text)":                                                 "",
			"CREATE TABLE a (id int PRIMARY KEY); ALTER TABLE a REPLICA IDENTITY FULL":                    "",
			"CREATE TABLE a (u text NOT NULL UNIQUE); ALTER TABLE a REPLICA IDENTITY USING INDEX a_u_key": "",
			"CREATE TABLE a (id int PRIMARY KEY, u text NOT NULL UNIQUE); ALTER TABLE a REPLICA IDENTITY USING INDEX a_u_key; ALTER TABLE a DROP CONSTRAINT a_u_key": `an index that was dropped, so the log does not say which rows are deleted: ALTER TABLE "public"."a" REPLICA IDENTITY DEFAULT`,
			parted: "",
			parted + "; ALTER TABLE a1 REPLICA IDENTITY FULL":                              "",
			parted + "; ALTER TABLE a1 REPLICA IDENTITY NOTHING":                           `the replica identity of its partition "public"."a1" is NOTHING`,
			parted + "; ALTER TABLE a1 SET UNLOGGED":                                       `its partition "public"."a1" is unlogged, so the log has none of its changes: ALTER TABLE "public"."a1" SET LOGGED`,
			parted + "; ALTER TABLE a1 REPLICA IDENTITY USING INDEX a1_u":                  `its partition "public"."a1" lacks columns of the key (id)`,
			parted + "; ALTER TABLE a1 REPLICA IDENTITY USING INDEX a1_u; DROP INDEX a1_u": `its partition "public"."a1" is an index that was dropped`,
		} {
			d.Exec(t, "DROP TABLE IF EXISTS a CASCADE; "+create)
			c, err := s.Columns(t.Context(), "", source.Table{Schema: "public", Name: "a"})
			if err != nil || want == "" && c.Refused != "" || !strings.Contains(c.Refused, want) || (want == "") != (len(c.Key) == 1) {
				t.Errorf("%s: refused: %q, key %v, %v", create, c.Refused, c.Key, err)
			}
		}
	})
}

// TestPartition_ByItsName: a partition whose changes the log tells under another name cannot be followed by its own, and is
// not what a publication is asked to add for ever. Without that other name in the publication it can.
func TestPartition_ByItsName(t *testing.T) {
	eachFlavor(t, func(t *testing.T, d *servertest.Database, s *Source) {
		d.Exec(t, "CREATE TABLE p (id int PRIMARY KEY) PARTITION BY RANGE (id); CREATE TABLE p1 PARTITION OF p DEFAULT")
		refused := func(want string) {
			t.Helper()
			if c, err := s.Columns(t.Context(), "", publicTable("p1")); err != nil || !strings.Contains(c.Refused, want) || (want == "") != (c.Refused == "") {
				t.Errorf("refused: %q, %v, want %q", c.Refused, err, want)
			}
		}
		refused(`the log tells its changes as those of "public"."p": name that one instead`) // of all tables
		if added, err := s.Enlist(t.Context(), []source.Table{publicTable("p1"), publicTable("p")}); err != nil || len(added) > 0 {
			t.Errorf("enlist: %v, %v", added, err)
		}
		d.Exec(t, "DROP PUBLICATION meepo; CREATE PUBLICATION meepo FOR TABLE p1 WITH (publish_via_partition_root)")
		refused("")
		wantLines(t, tell(t, d, s, []string{"p1"}, "INSERT INTO p VALUES (1)"), "p1_write 1")
		d.Exec(t, "ALTER PUBLICATION meepo ADD TABLE p")
		refused("name that one instead")
		wantLines(t, tell(t, d, s, []string{"p1"}, "INSERT INTO p VALUES (2)"), "")
	})
}

// TestKeys_LostWhileFollowed: the log stops telling which rows of a followed table are deleted, and that is noticed.
func TestKeys_LostWhileFollowed(t *testing.T) {
	for name, triggers := range map[string]string{"told": Triggers, "looked at": ""} {
		t.Run(name, func(t *testing.T) {
			eachFlavor(t, func(t *testing.T, d *servertest.Database, _ *Source) {
				d.Exec(t, triggers+"; CREATE TABLE a (id int PRIMARY KEY) PARTITION BY RANGE (id); CREATE TABLE a1 PARTITION OF a DEFAULT; "+
					"CREATE TABLE b (id int PRIMARY KEY, u text NOT NULL); CREATE UNIQUE INDEX b_u ON b (u); ALTER TABLE b REPLICA IDENTITY USING INDEX b_u")
				cfg := configOf(t, d.ReplURL)
				cfg.PollEvery = 20 * time.Millisecond
				s := openConfig(t, cfg)
				f := follow(t, s, head(t, s), "?")
				for change, want := range map[string]string{"ALTER TABLE a1 REPLICA IDENTITY NOTHING": "a_alter", "DROP INDEX b_u": "b_alter"} {
					d.Exec(t, change)
					f.untilSeen(want)
				}
			})
		})
	}
}
