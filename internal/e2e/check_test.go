package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/meepo-replicate/meepo/internal/servertest"
)

// checked is what check --json prints.
type checked struct {
	Findings []struct {
		Side, Severity, Subject, Message, Fix string
		Place                                 *struct {
			File         string
			Line, Column int
		}
	}
	Counts struct{ Errors, Warnings, Notes int }
}

func checkJSON(t *testing.T, code int, r invocation) checked {
	t.Helper()
	r.args = append([]string{"check", "--json"}, r.args...)
	ran := r.run(t)
	if got := ran.wait(t); got != code {
		t.Errorf("exit code %d, want %d: %s%s", got, code, ran.stdout, ran.stderr)
	}
	var c checked
	decoder := json.NewDecoder(strings.NewReader(ran.stdout.String()))
	if err := decoder.Decode(&c); err != nil || decoder.More() {
		t.Fatalf("no document, or more than one: %v\n%s", err, ran.stdout)
	}
	return c
}

// TestCheck_JSON: the document has what is wrong, with its place in the file.
func TestCheck_JSON(t *testing.T) {
	db, target, file := shop(t, servertest.MySQL, 3)
	good := checkJSON(t, 0, invocation{dir: in(t, file), env: []string{"ES=" + target.URL}})
	if good.Counts.Errors != 0 || good.Counts.Notes == 0 {
		t.Errorf("%+v", good)
	}
	dir := in(t, file)
	bad := "version: 1\nmappings:\n  - {name: a, from: " + db.Name + ".orders, exclude: [nosuch]}\n"
	if err := os.WriteFile(filepath.Join(dir, "bad.yaml"), []byte(bad), 0o600); err != nil {
		t.Fatal(err)
	}
	wrong := checkJSON(t, 1, invocation{args: []string{"--mappings=bad.yaml"}, dir: dir, env: []string{"ES=" + target.URL}})
	found := false
	for _, f := range wrong.Findings {
		found = found || f.Side == "tables" && f.Severity == "error" && strings.Contains(f.Message, "nosuch") && f.Place != nil && strings.HasSuffix(f.Place.File, "bad.yaml") && f.Place.Line == 3
	}
	if !found || wrong.Counts.Errors == 0 {
		t.Errorf("%+v", wrong)
	}
}

// TestCheck_GrantsCanBePasted: what is printed runs as it is, and afterwards a check of an account that had nothing is content.
func TestCheck_GrantsCanBePasted(t *testing.T) {
	target := servertest.OpenElastic(t)
	for _, flavor := range append(both, servertest.Postgres) {
		t.Run(string(flavor), func(t *testing.T) {
			db := servertest.OpenSQL(t, flavor)
			db.Exec(t, "CREATE TABLE orders (id INT PRIMARY KEY)")
			user, make := "u"+db.Name[2:], "CREATE USER %s IDENTIFIED BY 'hunter2'"
			all := "--tables=" + db.Name + ".*"
			if flavor.IsPostgres() {
				make, all = "DROP PUBLICATION meepo; CREATE ROLE %s LOGIN PASSWORD 'hunter2'", "--tables=public.*"
			}
			db.Exec(t, strings.ReplaceAll(make, "%s", user))
			t.Cleanup(func() {
				drop := "DROP USER " + user
				if flavor.IsPostgres() {
					drop = "DROP OWNED BY " + user + "; DROP ROLE " + user
				}
				if _, err := db.DB.Exec(drop); err != nil {
					t.Error(err)
				}
			})
			args := append(sides(withUser(t, db.URL, user, ""), target, all), "--source-slot="+db.Name)
			if !flavor.IsPostgres() {
				args = args[:len(args)-1]
			}
			env := []string{"MEEPO_SOURCE_PASSWORD=hunter2"}
			printed := invocation{args: append([]string{"check", "--grants"}, args...), env: env}.run(t)
			if code := printed.wait(t); code != 0 || strings.Contains(printed.stdout.String(), "hunter2") {
				t.Fatalf("exit code %d\n%s%s", code, printed.stdout, printed.stderr)
			}
			db.Exec(t, printed.stdout.String())
			for _, f := range checkJSON(t, 0, invocation{args: args, env: env}).Findings {
				if f.Severity != "note" {
					t.Errorf("%+v", f)
				}
			}
		})
	}
}

// TestCheck_NamesWhatIsNoTable: a view that was named is not said to be missing.
func TestCheck_NamesWhatIsNoTable(t *testing.T) {
	target := servertest.OpenElastic(t)
	for _, flavor := range append(both, servertest.Postgres) {
		t.Run(string(flavor), func(t *testing.T) {
			db := servertest.OpenSQL(t, flavor)
			db.Exec(t, "CREATE TABLE orders (id INT PRIMARY KEY); CREATE VIEW v AS SELECT * FROM orders")
			refusal{code: 2, args: sides(db.ReplURL, target, "--tables=orders,v"), says: []string{".v: ", "no such table: it is a view", "name the tables that it reads"}}.check(t)
		})
	}
}

// TestEvents_NoSlotNoWarning: where no slot was made, nobody is told to drop it; where one was, they are.
func TestEvents_NoSlotNoWarning(t *testing.T) {
	db := servertest.OpenSQL(t, servertest.Postgres)
	db.Exec(t, "DROP PUBLICATION meepo; CREATE TABLE orders (id INT PRIMARY KEY)")
	follow := func(code int) string {
		r := invocation{args: []string{"events", "--source=" + db.ReplURL, "--tables=public.orders", "--until=now"}}.run(t)
		if got := r.wait(t); got != code {
			t.Errorf("exit code %d, want %d: %s", got, code, r.stderr)
		}
		return r.stderr.String()
	}
	if said := follow(1); !strings.Contains(said, "CREATE PUBLICATION") || strings.Contains(said, "source drop-slot") {
		t.Error(said)
	}
	db.Exec(t, "CREATE PUBLICATION meepo FOR ALL TABLES WITH (publish_via_partition_root = true)")
	if said := follow(0); !strings.Contains(said, "source drop-slot") {
		t.Error(said)
	}
}

// TestCheck_OccupiedDestination: a destination that somebody else has filled is told with how much it holds, and with the
// place where another name is to be said.
func TestCheck_OccupiedDestination(t *testing.T) {
	db := servertest.OpenSQL(t, servertest.MariaDB)
	db.Exec(t, "CREATE TABLE orders (id INT PRIMARY KEY); CREATE TABLE plain (id INT PRIMARY KEY)")
	elastic, postgres, mongo := servertest.OpenElastic(t), servertest.OpenSQL(t, servertest.Postgres), servertest.OpenMongo(t)
	postgres.Exec(t, "CREATE TABLE public.orders (id int PRIMARY KEY); INSERT INTO public.orders SELECT generate_series(1, 1234)")
	if status, answer := elastic.Do(t, "PUT", "/"+elastic.Prefix+"theirs/_doc/1?refresh=true", map[string]any{"id": 1}); status >= 300 {
		t.Fatal(string(answer))
	}
	for name, c := range map[string]struct{ kind, url, to, says, fix string }{
		"a table":  {"postgres", postgres.URL, "public.orders", "destination holds documents already, 1,234 of them", "either to: public.orders_v2 ("},
		"an index": {"elastic", elastic.URL, elastic.Prefix + "theirs", "exists with 1 documents and was not made by", "to: " + elastic.Prefix + "theirs_v2 ("},
		"nothing":  {"mongo", mongo.URL, mongo.Name + ".orders", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			file := "version: 1\nsource: {url: '" + db.ReplURL + "'}\ntarget: {kind: " + c.kind + ", url: '" + c.url + "'}\nmappings:\n  - name: a\n    from: " + db.Name + ".orders\n    to: " + c.to + "\n"
			code := 1
			if c.says == "" {
				code = 0
			}
			checked := checkJSON(t, code, invocation{dir: in(t, file)})
			found := c.says == ""
			for _, f := range checked.Findings {
				if c.says != "" && strings.Contains(f.Message, c.says) {
					found = f.Subject == c.to && strings.Contains(f.Fix, c.fix) && strings.Contains(f.Fix, "meepo.yaml:7:9)") && f.Place != nil && f.Place.Line == 7 && f.Place.Column == 9
				}
			}
			if !found {
				t.Errorf("%+v", checked)
			}
		})
	}
}

// TestCheck_Losses: per column, what is lost, whether rows have such values, and the line that changes it. What is said there
// mends it.
func TestCheck_Losses(t *testing.T) {
	db := servertest.OpenSQL(t, servertest.MySQL)
	db.Exec(t, `SET SESSION sql_mode = '';
		CREATE TABLE orders (id INT PRIMARY KEY, total DECIMAL(30,10), price DECIMAL(10,2), day DATE, fine DATE, at DATETIME(6), big BIGINT UNSIGNED, note TEXT, memo TEXT, raw JSON);
		INSERT INTO orders VALUES (1, 12345678901234567890.5, 1.5, '0000-00-00', '2024-01-01', '2024-01-01 00:00:00.000001', 18446744073709551615, REPEAT('x', 300), 'short', '{}'),
		(2, 1, 2.5, '2024-01-01', '2024-01-01', '2024-01-01 00:00:00', 1, 'short', 'short', '[]')`)
	elastic, mongo, postgres := servertest.OpenElastic(t), servertest.OpenMongo(t), servertest.OpenSQL(t, servertest.Postgres)
	type want struct{ severity, message, fix string }
	for name, c := range map[string]struct {
		kind, url, to string
		fields        map[string]want
	}{
		"elastic": {"elastic", elastic.URL, elastic.Prefix + "orders", map[string]want{
			"total": {"warning", "decimal(30,10) → keyword + double: ", "type: scaled_float, scale: 10000000000, at "},
			"price": {"note", "Seen in none of 2 rows: more than 15 digits", "fields: {price: {type: scaled_float, scale: 100}}, in the mapping at "},
			"day":   {"warning", "Seen in 1 of 2 rows: a date that is none of the calendar", `fields: {day: {zero_date: "1970-01-01"}}`},
			"fine":  {"note", "Seen in none of 2 rows: a date", ""},
			"at":    {"warning", "more than milliseconds", ""},
			"big":   {"warning", "Seen in 1 of 2 rows: more than 9223372036854775807", "type: unsigned_long"},
			"note":  {"warning", "text → text: texts of more than 256 characters", "type: keyword"},
			"raw":   {"note", "json → object: JSON is kept in the document and not searchable", "type: flattened"},
		}},
		"mongo": {"mongo", mongo.URL, mongo.Name + ".orders", map[string]want{
			"day": {"warning", "date → date: zero", "zero_date"}, "at": {"warning", "microseconds are cut off", "type: string"}, "fine": {"note", "Seen in none of 2 rows", ""},
		}},
		"postgres": {"postgres", postgres.URL, "public.orders", map[string]want{
			"day": {"warning", "date → date: zero", "zero_date"}, "at": {"note", "datetime(6) → timestamp(6) without time zone", "zero_date"}, "raw": {"note", "json → jsonb", ""},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			file := "version: 1\nsource: {url: '" + db.ReplURL + "'}\ntarget: {kind: " + c.kind + ", url: '" + c.url + "'}\nmappings:\n  - name: a\n    from: " + db.Name + ".orders\n    to: " + c.to +
				"\n    fields:\n      total: {to: total}\n"
			checked := checkJSON(t, 0, invocation{dir: in(t, file)})
			for field, want := range c.fields {
				found := false
				for _, f := range checked.Findings {
					if f.Subject == c.to+"."+field {
						found = f.Severity == want.severity && strings.Contains(f.Message, want.message) && strings.Contains(f.Fix, want.fix) && f.Place != nil
						if !found {
							t.Errorf("%+v, want %+v", f, want)
						}
						if field == "total" && (f.Place.Line != 9 || !strings.Contains(f.Fix, "meepo.yaml:9:7")) {
							t.Errorf("the place of total: %+v, %+v", f, f.Place)
						}
					}
				}
				if !found {
					t.Errorf("%s is not told", field)
				}
			}
			for _, f := range checked.Findings {
				if strings.HasSuffix(f.Subject, ".memo") {
					t.Errorf("%+v", f)
				}
			}
		})
	}
}

// TestCheck_AskedTypes: rows whose values do not fit into a type that the mapping asks for are told before they are dead letters.
func TestCheck_AskedTypes(t *testing.T) {
	db, postgres := servertest.OpenSQL(t, servertest.MySQL), servertest.OpenSQL(t, servertest.Postgres)
	db.Exec(t, "CREATE TABLE hosts (id INT PRIMARY KEY, name VARCHAR(50), at VARCHAR(50)); INSERT INTO hosts VALUES (1, 'a', '10.0.0.1'), (2, 'much too long', '10.0.0.2'), (3, 'c', 'nowhere'), (4, 'd', NULL)")
	dir := in(t, "version: 1\nsource: {url: '"+db.ReplURL+"'}\ntarget: {kind: postgres, url: '"+postgres.URL+"?sslmode=disable'}\nmappings:\n  - {name: hosts, from: "+db.Name+".hosts, to: public.hosts, fields: {name: {type: varchar(5)}, at: {type: inet}}}\n")
	told := false
	for _, f := range checkJSON(t, 0, invocation{dir: dir}).Findings {
		if strings.Contains(f.Message, "2 of 4 rows that were looked at become dead letters") {
			told = f.Severity == "warning" && strings.Contains(f.Message, `document "2"`) && f.Place != nil
		}
	}
	if !told {
		t.Error("it is not told")
	}
	r := invocation{args: []string{"--once"}, dir: dir}.run(t)
	r.wait(t)
	if s := statusOf(t, dir, nil); s.Letters != 2 {
		t.Errorf("%d dead letters", s.Letters)
	}
}
