package e2e

import (
	"database/sql"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/meepo-replicate/meepo/internal/servertest"
)

// alteredTables are tables whose columns change under a run, and others whose columns change while none is on: one for each
// kind of change and each policy, all in one process.
type alteredTables struct {
	*twoTables
	tables []string // t_<kind>_<policy>_<run|down>
}

var columnChanges = []string{"add", "drop", "rename", "retype"}

// alterColumn is the statement that makes a change.
func (a *alteredTables) alterColumn(table string) string {
	kind := strings.Split(table, "_")[1]
	switch {
	case kind == "add":
		return "ALTER TABLE " + table + " ADD COLUMN w VARCHAR(20) DEFAULT 'dflt'"
	case kind == "drop":
		return "ALTER TABLE " + table + " DROP COLUMN v"
	case kind == "rename":
		return "ALTER TABLE " + table + " RENAME COLUMN v TO w"
	case a.db.Flavor.IsPostgres():
		return "ALTER TABLE " + table + " ALTER v TYPE varchar(3) USING substr(v, 1, 3)"
	}
	return "SET SESSION sql_mode = ''; ALTER TABLE " + table + " MODIFY v VARCHAR(3); SET SESSION sql_mode = DEFAULT"
}

// newAlteredTables makes the tables with rows 1 to 20. A policy of "default" is not said.
func newAlteredTables(t *testing.T, flavor servertest.Flavor, when []string, policies ...string) *alteredTables {
	t.Helper()
	a := &alteredTables{twoTables: &twoTables{t: t, db: servertest.OpenSQL(t, flavor).InSchema(t), target: servertest.OpenElastic(t)}}
	file := fmt.Sprintf("version: 1\nsource: {url: %q}\ntarget: {kind: elastic, url: %q}\nmappings:\n", a.db.ReplURL, a.target.URL)
	for _, kind := range columnChanges {
		for _, policy := range policies {
			for _, at := range when {
				name := fmt.Sprintf("t_%s_%s_%s", kind, policy, at)
				a.tables = append(a.tables, name)
				a.db.Exec(t, "CREATE TABLE "+name+" (id INT PRIMARY KEY, n INT, v VARCHAR(20))")
				for id := 1; id <= 20; id++ {
					a.db.Exec(t, fmt.Sprintf("INSERT INTO %s VALUES (%d, 0, 'value %d')", name, id, id))
				}
				said := ""
				if policy != "default" {
					said = fmt.Sprintf(", on_schema_change: {add: %[1]s, other: %[1]s}", policy)
				}
				file += fmt.Sprintf("  - {name: %s, from: %s.%s, to: %s%s}\n", name, a.db.Name, name, a.index(name), said)
			}
		}
	}
	a.dir = in(t, file)
	return a
}

func (a *alteredTables) of(part string) []string {
	return slices.DeleteFunc(slices.Clone(a.tables), func(table string) bool { return !strings.Contains(table+"_", "_"+part+"_") })
}

// write starts a writer over some of the tables. Of rows 1 to 20, it changes 1 to 10.
func (a *alteredTables) write(tables []string) (rounds *atomic.Int64, end func()) {
	rounds = &atomic.Int64{}
	stop, once := make(chan struct{}), sync.Once{}
	var writer sync.WaitGroup
	end = func() { once.Do(func() { close(stop) }); writer.Wait() }
	a.t.Cleanup(end)
	first := int(a.db.QueryInt(a.t, "SELECT MAX(id) FROM "+tables[0])) + 1
	writer.Go(func() {
		for i := first; ; i++ {
			for _, table := range tables {
				select {
				case <-stop:
					return
				default:
				}
				for _, change := range []string{
					fmt.Sprintf("INSERT INTO %s (id, n) VALUES (%d, 1)", table, i), fmt.Sprintf("UPDATE %s SET n = n + 1 WHERE id = %d", table, i%10+1),
					fmt.Sprintf("DELETE FROM %s WHERE id = %d AND id > 20", table, i-3),
				} {
					if _, err := a.db.DB.Exec(change); err != nil && !expected(err) {
						a.t.Errorf("%s: %v", change, err)
						return
					}
				}
			}
			rounds.Add(1)
		}
	})
	return rounds, end
}

// altered changes the columns of tables under a writer.
func (a *alteredTables) altered(tables []string) {
	a.t.Helper()
	rounds, end := a.write(tables)
	defer end()
	more := func() {
		want := rounds.Load() + 3
		servertest.Eventually(a.t, longest, "the writer", func() (bool, error) { return rounds.Load() >= want, nil })
	}
	more()
	for _, table := range tables {
		a.db.Exec(a.t, a.alterColumn(table))
	}
	more()
	end()
	for _, table := range tables {
		a.db.Exec(a.t, "UPDATE "+table+" SET n = 1000 WHERE id = 1")
	}
}

// awaitParked waits until just those tables are parked that have to be, and resumes them by the command that is advised.
func (a *alteredTables) awaitParked(r *running, tables []string) {
	a.t.Helper()
	var want []string
	for _, table := range tables {
		if strings.Contains(table, "_park_") || strings.Contains(table, "_default_") && !strings.Contains(table, "_add_") {
			want = append(want, table+"/"+a.db.Name+"."+table)
		}
	}
	slices.Sort(want)
	var parked []string
	r.await(a.t, "the parked tables", func() (bool, error) {
		s, err := statusIf(a.t, a.dir, nil)
		parked = nil
		for _, p := range s.Parked {
			parked = append(parked, p.Mapping)
			if !strings.Contains(p.Reason, " has changed since it was copied: column ") {
				a.t.Errorf("%s is parked because of %s", p.Mapping, p.Reason)
			}
		}
		return slices.Equal(parked, want), fmt.Errorf("parked are %v, want %v: %w", parked, want, err)
	})
	a.command(0, append([]string{"resume"}, parked...)...)
}

// rows reads a table: by id, the columns by name. NULL is left out.
func (a *alteredTables) rows(table string) map[string]map[string]string {
	a.t.Helper()
	rows, err := a.db.DB.QueryContext(a.t.Context(), "SELECT * FROM "+table)
	if err != nil {
		a.t.Fatal(err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		a.t.Fatal(err)
	}
	all := map[string]map[string]string{}
	for rows.Next() {
		values, into := make([]sql.NullString, len(columns)), make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		if err := rows.Scan(into...); err != nil {
			a.t.Fatal(err)
		}
		row := map[string]string{}
		for i, value := range values {
			if value.Valid {
				row[columns[i]] = value.String
			}
		}
		all[row["id"]] = row
	}
	if err := rows.Err(); err != nil {
		a.t.Fatal(err)
	}
	return all
}

// differ says how the documents of a table differ from what is promised.
func (a *alteredTables) differ(table string) error {
	a.t.Helper()
	want := a.rows(table)
	got := map[string]map[string]string{}
	for id, fields := range a.target.Docs(a.t, a.index(table)) {
		doc := map[string]string{}
		for name, value := range fields {
			if value != nil {
				doc[name] = fmt.Sprint(value)
			}
		}
		got[id] = doc
	}
	if strings.Contains(table, "_ignore_") {
		if err := asIgnored(strings.Split(table, "_")[1], want, got); err != nil {
			return fmt.Errorf("%s: %w", table, err)
		}
	}
	if !maps.EqualFunc(want, got, maps.Equal) {
		return fmt.Errorf("%s: rows %v, documents %v", table, want, got)
	}
	return nil
}

// asIgnored takes out of rows and documents what may differ where a change is ignored: a column that was added is in no
// document, and a row that has not changed since, as row 1 has, may show what it was.
func asIgnored(kind string, rows, docs map[string]map[string]string) error {
	for id, doc := range docs {
		row := rows[id]
		_, hasNew := doc["w"]
		switch {
		case row == nil:
		case kind == "add" && hasNew:
			return fmt.Errorf("the new column is in document %s: %v", id, doc)
		case kind == "add":
			delete(row, "w")
		case row["n"] != "1000" && doc["v"] == "value "+id:
			delete(row, "v")
			delete(row, "w")
			delete(doc, "v")
		}
	}
	return nil
}

// awaitCopied waits until nothing is asked for, parked or being copied.
func (a *alteredTables) awaitCopied(r *running) {
	a.t.Helper()
	r.await(a.t, "no work left", func() (bool, error) {
		s, err := statusIf(a.t, a.dir, nil)
		return err == nil && len(s.Tables) == len(a.tables) && len(s.Jobs)+len(s.Requests)+len(s.Parked) == 0 && s.copied(), err
	})
}

func (a *alteredTables) awaitPromised(r *running, tables []string) {
	a.t.Helper()
	var differs error
	defer func() {
		if a.t.Failed() {
			a.t.Log(differs)
		}
	}()
	r.await(a.t, "what is promised", func() (bool, error) {
		for _, table := range tables {
			if differs = a.differ(table); differs != nil {
				return false, differs
			}
		}
		return true, nil
	})
}

// TestSchemaChange_Policies adds, drops, renames and retypes columns under writers, in a run and while none is on, under each
// policy and the default: no row is lost, and each mapping does what its policy says.
func TestSchemaChange_Policies(t *testing.T) {
	onFew(t, []servertest.Flavor{servertest.MySQL, servertest.Postgres}, func(t *testing.T, flavor servertest.Flavor) {
		a := newAlteredTables(t, flavor, []string{"run", "down"}, "evolve", "ignore", "park", "default")
		r := a.start()
		a.awaitCopied(r)
		a.awaitPromised(r, a.tables)
		a.altered(a.of("run"))
		a.awaitParked(r, a.of("run"))
		a.awaitPromised(r, a.tables)
		r.stop(t)
		a.altered(a.of("down"))
		r = a.start()
		_, end := a.write(a.of("down"))
		a.awaitParked(r, a.of("down"))
		end()
		a.awaitPromised(r, a.tables)
		r.stop(t)
		r = a.start() // nothing of it comes back
		a.awaitPromised(r, a.tables)
		a.command(0, append([]string{"backfill"}, a.of("ignore")...)...)
		a.awaitCopied(r)
		r.stop(t)
		for _, table := range a.of("ignore") {
			if kind := strings.Split(table, "_")[1]; kind == "add" {
				if doc := a.target.Docs(t, a.index(table))["11"]; doc["w"] != "dflt" {
					t.Errorf("%s, copied again: %v", table, doc)
				}
			}
		}
	})
}

// TestSchemaChange_Stop: the run ends, with the mapping's name and what to do, and so does each later one until that is done.
func TestSchemaChange_Stop(t *testing.T) {
	onFew(t, []servertest.Flavor{servertest.MariaDB, servertest.Postgres}, func(t *testing.T, flavor servertest.Flavor) {
		a := newAlteredTables(t, flavor, []string{"x"}, "stop")
		r := a.start()
		a.awaitCopied(r)
		a.awaitPromised(r, a.tables)
		for i, table := range a.tables {
			if i%2 == 1 {
				r.stop(t)
			}
			a.altered([]string{table})
			if i%2 == 1 {
				r = a.start()
			}
			plan := table + "/" + a.db.Name + "." + table
			for _, again := range []func() *running{func() *running { return r }, func() *running { return a.start() }} {
				ended := again()
				if code := ended.wait(t); code != 4 {
					t.Errorf("%s: exit code %d, want 4: %s", table, code, ended.stderr)
				}
				a.says(ended, "mapping "+table+": table "+a.db.Name+"."+table+" has changed since it was copied: column ", "what to do: meepo-replicate resume "+plan)
			}
			a.says(a.command(1, "check"), plan+": mapping "+table+": table "+a.db.Name+"."+table+" has changed since it was copied: column ")
			a.command(0, "resume", table)
			r = a.start()
			a.awaitPromised(r, a.tables)
		}
		r.stop(t)
	})
}

// TestSchemaChange_Replaced: a column that is dropped and added anew under its name has lost its values, which no row event says:
// in one statement, in two, and while no run is on.
func TestSchemaChange_Replaced(t *testing.T) {
	onFew(t, []servertest.Flavor{servertest.MySQL, servertest.Postgres}, func(t *testing.T, flavor servertest.Flavor) {
		a := &alteredTables{twoTables: &twoTables{t: t, db: servertest.OpenSQL(t, flavor).InSchema(t), target: servertest.OpenElastic(t)}}
		file := fmt.Sprintf("version: 1\nsource: {url: %q}\ntarget: {kind: elastic, url: %q}\nmappings:\n", a.db.ReplURL, a.target.URL)
		for _, name := range []string{"t_replace_evolve_one", "t_replace_evolve_two", "t_replace_evolve_down"} {
			a.tables = append(a.tables, name)
			a.db.Exec(t, "CREATE TABLE "+name+" (id INT PRIMARY KEY, n INT, v VARCHAR(20))")
			a.db.Exec(t, "INSERT INTO "+name+" VALUES (1, 0, 'value 1'), (2, 0, 'value 2')")
			file += fmt.Sprintf("  - {name: %s, from: %s.%s, to: %s, on_schema_change: {other: evolve}}\n", name, a.db.Name, name, a.index(name))
		}
		a.dir = in(t, file)
		r := a.start()
		a.awaitCopied(r)
		a.awaitPromised(r, a.tables)
		a.db.Exec(t, "ALTER TABLE t_replace_evolve_one DROP COLUMN v, ADD COLUMN v VARCHAR(20)")
		a.db.Exec(t, "ALTER TABLE t_replace_evolve_two DROP COLUMN v; ALTER TABLE t_replace_evolve_two ADD COLUMN v VARCHAR(20)")
		a.awaitPromised(r, a.tables)
		r.stop(t)
		a.db.Exec(t, "ALTER TABLE t_replace_evolve_down DROP COLUMN v, ADD COLUMN v VARCHAR(20)")
		r = a.start()
		a.awaitPromised(r, a.tables)
		r.stop(t)
	})
}
