package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/meepo-replicate/meepo/internal/servertest"
)

// blueprint is a database written by hand, which init has to make a configuration of that needs no hand.
type blueprint struct {
	name    string
	flavor  servertest.Flavor
	held    []string // table.column that look like secrets
	leftOut []string // tables
	lost    map[string][]string
	changes string // made while the program follows
}

const sakilaChanges = `UPDATE film SET title = 'changed', rating = NULL WHERE film_id = 2;
	DELETE FROM film_actor WHERE actor_id = 1;
	INSERT INTO film_actor (actor_id, film_id) VALUES (2, 2);
	UPDATE actor SET last_name = 'ÉTÉ' WHERE actor_id = 1;
	INSERT INTO actor (actor_id, first_name, last_name) VALUES (20, 'new', 'one');
	UPDATE staff SET passport_no = NULL WHERE staff_id = 1;
	DELETE FROM customer WHERE customer_id = 3;
	UPDATE payment SET payment_id = 30 WHERE payment_id = 1;
	INSERT INTO visits (page) VALUES ('/again')`

var blueprints = map[string]blueprint{
	"sakila mysql":    {name: "sakila", flavor: servertest.MySQL, held: sakilaHeld, leftOut: []string{"visits"}, lost: mysqlLost, changes: sakilaChanges},
	"sakila mariadb":  {name: "sakila", flavor: servertest.MariaDB, held: sakilaHeld, leftOut: []string{"visits"}, lost: mysqlLost, changes: sakilaChanges},
	"sakila postgres": {name: "sakila", flavor: servertest.Postgres, held: []string{"customer.api_key_hash", "staff.password"}, leftOut: []string{"visits"}, lost: postgresLost, changes: sakilaChanges},
	"wordpress mysql": wordpress(servertest.MySQL), "wordpress mariadb": wordpress(servertest.MariaDB),
}

var (
	sakilaHeld = []string{"customer.reset_token", "payment.card_number", "staff.password"}
	// What init and check have to name, by the target.
	mysqlLost = map[string][]string{
		"elastic":  {"film.views: bigint", "film.rental_rate: decimal(4,2)", "film.extra: JSON", "film.runtime: time(1)", "address.location: ", "staff.picture: ", "customer.birthday: zero"},
		"mongo":    {"rental.rental_date: dates have milliseconds", "customer.birthday: zero", "film.extra: "},
		"postgres": {"film.runtime: time(1) is an interval", "customer.birthday: zero", "address.location: ", "film.extra: "},
	}
	postgresLost = map[string][]string{
		"elastic":  {"film.rental_rate: numeric(4,2)", "film.budget: numeric", "film.special_features: JSON", "customer.last_update: "},
		"mongo":    {"film.budget: ", "customer.last_update: dates have milliseconds"},
		"postgres": {"film.special_features: text[] is kept as jsonb", "address.extra: jsonb"},
	}
)

func wordpress(flavor servertest.Flavor) blueprint {
	return blueprint{name: "wordpress", flavor: flavor, held: []string{"wp_posts.post_password", "wp_users.user_activation_key", "wp_users.user_pass"},
		lost: map[string][]string{
			"elastic":  {"wp_posts.ID: bigint", "wp_posts.post_date: zero", "wp_term_relationships.object_id: bigint"},
			"mongo":    {"wp_posts.post_date: zero"},
			"postgres": {"wp_posts.post_date: zero"},
		},
		changes: `SET SESSION sql_mode = '';
			UPDATE wp_posts SET post_content = CONCAT(post_content, 'x'), post_modified = '2024-01-01' WHERE ID = 18446744073709551615;
			INSERT INTO wp_posts (post_content, post_title, post_excerpt, to_ping, pinged, post_content_filtered, ID) VALUES ('', '', '', '', '', '', 7);
			DELETE FROM wp_term_relationships WHERE object_id = 1; UPDATE wp_users SET user_pass = 'another' WHERE ID = 1`}
}

// TestInit goes from a live server to a running replication, each source and each target once.
func TestInit(t *testing.T) {
	for blueprint, target := range map[string]string{
		"sakila mysql": "elastic", "sakila mariadb": "postgres", "sakila postgres": "mongo", "wordpress mysql": "mongo", "wordpress mariadb": "elastic",
	} {
		t.Run(blueprint+" to "+target, func(t *testing.T) {
			t.Parallel()
			initAndRun(t, blueprints[blueprint], target)
		})
	}
}

// initAndRun has init write a file, and runs what it says.
func initAndRun(t *testing.T, b blueprint, kind string) {
	t.Helper()
	script := b.name + ".mysql.sql"
	if b.flavor.IsPostgres() {
		script = b.name + ".postgres.sql"
	}
	tables, err := os.ReadFile(filepath.Join("testdata", "schemas", script))
	if err != nil {
		t.Fatal(err)
	}
	db := servertest.OpenSQL(t, b.flavor).InSchema(t)
	db.Exec(t, string(tables))
	sayIntervals(t, db)
	s := &initScene{blueprint: b, db: db, shelf: openShelf(t, kind, db.Name), dir: t.TempDir(), env: []string{"MEEPO_SOURCE_PASSWORD=repl"}}
	s.env = append(s.env, s.shelf.env...)

	s.write(t)
	s.rewrite(t)
	s.check(t)
	r := invocation{dir: s.dir, env: s.env}.start(t)
	r.await(t, "all tables copied", func() (bool, error) {
		status, err := statusIf(t, s.dir, s.env)
		copied := 0
		for _, table := range status.Tables {
			if table.Copied {
				copied++
			}
		}
		return copied == len(s.tables) && len(status.Jobs) == 0, err
	})
	db.Exec(t, b.changes)
	r.stop(t)
	if r := (invocation{args: []string{"--once"}, dir: s.dir, env: s.env}).run(t); r.wait(t) != 0 {
		t.Fatalf("exit code %d", r.wait(t))
	}
	if status := statusOf(t, s.dir, s.env); status.Letters > 0 || len(status.Parked) > 0 {
		t.Errorf("dead letters %+v, parked %+v", status.Newest, status.Parked)
	}
	s.compare(t)
}

// initScene is a database, and what init made of it.
type initScene struct {
	blueprint
	db     *servertest.Database
	shelf  shelf
	dir    string
	env    []string
	file   string   // what init wrote
	tables []string // that have a mapping
}

// write runs init and reads what it says.
func (s *initScene) write(t *testing.T) {
	t.Helper()
	r := invocation{args: []string{"init", "--source", s.db.ReplURL, "--target", s.shelf.kind, "--target-url", s.shelf.url}, dir: s.dir}.run(t)
	if code := r.wait(t); code != 0 {
		t.Fatalf("exit code %d: %s", code, r.stderr)
	}
	text, err := os.ReadFile(filepath.Join(s.dir, "meepo.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	s.file = string(text)
	said := r.stdout.String()
	for _, secret := range []string{"repl:repl", "app:app", "password: repl", "password: app"} {
		if strings.Contains(s.file+said, secret) {
			t.Errorf("a password is in what was written: %q", secret)
		}
	}
	for _, m := range regexp.MustCompile(`(?m)^    from: \w+\.(\w+)$`).FindAllStringSubmatch(s.file, -1) {
		s.tables = append(s.tables, m[1])
	}
	lines := strings.Split(s.file, "\n")
	at := func(number string) string {
		n, err := strconv.Atoi(number)
		if err != nil || n < 1 || n > len(lines) {
			t.Fatalf("no line %q in the file", number)
		}
		return lines[n-1]
	}
	var held []string
	for _, m := range regexp.MustCompile(`(?m)^held +(.*): looks? like .* at line (\d+)$`).FindAllStringSubmatch(said, -1) {
		for _, column := range strings.Split(m[1], ", ") {
			held = append(held, column)
			_, name, _ := strings.Cut(column, ".")
			if line := at(m[2]); !strings.Contains(line, "exclude: [") || !strings.Contains(line, name) {
				t.Errorf("%s is held at line %s, which is %q", column, m[2], line)
			}
		}
	}
	if slices.Sort(held); !slices.Equal(held, s.held) {
		t.Errorf("held are %q, want %q", held, s.held)
	}
	left := regexp.MustCompile(`(?m)^wrote .*\. Left out, line (\d+): (.*)$`).FindStringSubmatch(said)
	for i, table := range s.leftOut {
		if left == nil || !strings.Contains(left[2], table+" (no primary key") {
			t.Fatalf("%s is not said to be left out: %s", table, said)
		}
		if line := at(left[1]); i == 0 && !strings.HasPrefix(line, "#   "+s.db.Name+"."+table+": no primary key") {
			t.Errorf("line %s is %q", left[1], line)
		}
	}
	for _, column := range s.lost[s.shelf.kind] {
		_, text, _ := strings.Cut(column, ".")
		if !strings.Contains(s.file, "\n    #   "+text) {
			t.Errorf("the file does not say %q", text)
		}
	}
	if !strings.Contains(said, "\nnext     MEEPO_SOURCE_PASSWORD=… ") || !strings.HasSuffix(said, "meepo-replicate check\n") {
		t.Errorf("what to do next is not said: %s", said)
	}
}

// rewrite runs init again, which overwrites nothing, and then to standard output.
func (s *initScene) rewrite(t *testing.T) {
	t.Helper()
	args := []string{"init", "--source", s.db.ReplURL, "--target", s.shelf.kind, "--target-url", s.shelf.url}
	r := invocation{args: args, dir: s.dir}.run(t)
	text, err := os.ReadFile(filepath.Join(s.dir, "meepo.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if code := r.wait(t); code != 2 || string(text) != s.file || !strings.Contains(r.stderr.String(), "meepo.yaml is there already, and is not overwritten\n  what to do: ") {
		t.Errorf("init a second time: exit code %d, the file is as before: %v, %s", code, string(text) == s.file, r.stderr)
	}
	r = invocation{args: append(args, "--output", "-"), dir: s.dir}.run(t)
	if code := r.wait(t); code != 0 || r.stdout.String() != s.file || !strings.Contains(r.stderr.String(), "\nwrote    to standard output (") {
		t.Errorf("init to standard output: exit code %d, the same text: %v, %s", code, r.stdout.String() == s.file, r.stderr)
	}
}

// check wants no error of check, and what is lost named.
func (s *initScene) check(t *testing.T) {
	t.Helper()
	r := invocation{args: []string{"check"}, dir: s.dir, env: s.env}.run(t)
	if code := r.wait(t); code != 0 {
		t.Errorf("check: exit code %d: %s%s", code, r.stdout, r.stderr)
	}
	for _, column := range s.lost[s.shelf.kind] {
		if !slices.ContainsFunc(r.stdout.lines(), func(line string) bool { return tells(line, column) }) {
			t.Errorf("check does not say %q: %s", column, r.stdout)
		}
	}
}

// tells reports whether a line of check is about a column ("film.views: bigint") and has these words.
func tells(line, column string) bool {
	name, words, _ := strings.Cut(column, ": ")
	about := strings.Contains(line, name+": ")
	for word := range strings.FieldsSeq(words) {
		about = about && strings.Contains(line, word)
	}
	return about
}

// compare compares every field of every row, and sees to it that no held column has come along.
func (s *initScene) compare(t *testing.T) {
	t.Helper()
	compared := 0
	for _, table := range s.tables {
		columns := slices.DeleteFunc(columnsOf(t, s.db, s.db.Name, table), func(c shownColumn) bool { return slices.Contains(s.held, table+"."+c.name) })
		rows := rowsIn(t, s.db, s.db.Name, table, columns)
		docs := s.shelf.docs(t, table, columns)
		compared += len(rows)
		for _, row := range rows {
			for _, c := range columns {
				row[c.name] = s.shelf.kept(c.form, row[c.name])
			}
			key := keyIn(columns, row)
			doc, there := docs[key]
			if !there {
				t.Errorf("%s: row %s has no document", table, key)
				continue
			}
			for _, c := range columns {
				if doc[c.name] != row[c.name] {
					t.Errorf("%s: row %s: %s is %.200q in the table, and %.200q in the document", table, key, c.name, row[c.name], doc[c.name])
				}
			}
			if len(doc) != len(columns) {
				t.Errorf("%s: row %s: %d fields for %d columns", table, key, len(doc), len(columns))
			}
		}
		if len(docs) != len(rows) {
			t.Errorf("%s: %d rows, %d documents", table, len(rows), len(docs))
		}
	}
	t.Logf("%d rows of %d tables compared", compared, len(s.tables))
	if compared < 20 {
		t.Errorf("%d rows were compared", compared)
	}
}

// shelf is a target for whole databases.
type shelf struct {
	kind, url string
	env       []string // its password
	// docs says the documents of a table, by the words of their keys.
	docs func(t *testing.T, table string, columns []shownColumn) map[string]map[string]string
	// kept is what the target keeps of a value.
	kept func(form form, words string) string
}

// outside are dates that Elasticsearch's are not to hold.
var outside = regexp.MustCompile(`infinity|BC$`)

func openShelf(t *testing.T, kind, database string) shelf {
	t.Helper()
	switch kind {
	case "elastic":
		e := servertest.OpenElasticNames(t, database+".")
		return shelf{kind, e.URL, nil, func(t *testing.T, table string, columns []shownColumn) map[string]map[string]string {
			t.Helper()
			all := map[string]map[string]string{}
			for _, doc := range e.Docs(t, database+"."+strings.ToLower(table)) {
				said := map[string]string{}
				for _, c := range columns {
					if value, there := doc[c.name]; there {
						said[c.name] = elasticWords(t, c.form, value)
					}
				}
				for name := range doc {
					if _, known := said[name]; !known {
						said[name] = "not a column that was wanted"
					}
				}
				all[keyIn(columns, said)] = said
			}
			return all
		}, func(form form, words string) string {
			if (form == asDate || form == asMoment) && outside.MatchString(words) || form == asNumber && words == "NaN" {
				return "<nil>"
			}
			return words
		}}
	case "mongo":
		m := servertest.OpenMongo(t)
		return shelf{kind, m.URL + "/" + m.Name, nil, func(t *testing.T, table string, columns []shownColumn) map[string]map[string]string {
			t.Helper()
			all := map[string]map[string]string{}
			for _, doc := range m.Docs(t, table) {
				said := map[string]string{}
				for _, e := range doc {
					if e.Key == "_id" {
						continue
					}
					said[e.Key] = "not a column that was wanted"
					if at := slices.IndexFunc(columns, func(c shownColumn) bool { return c.name == e.Key }); at >= 0 {
						said[e.Key] = mongoWords(t, columns[at].form, e.Value)
					}
				}
				all[keyIn(columns, said)] = said
			}
			return all
		}, func(form form, words string) string {
			switch {
			case (form == asDate || form == asMoment) && strings.HasSuffix(words, "infinity"):
				return "<nil>"
			case form == asMoment && words != "<nil>":
				return words[:len(words)-3] + "000"
			}
			return words
		}}
	case "postgres":
		to := servertest.OpenSQL(t, servertest.Postgres)
		sayIntervals(t, to)
		return shelf{kind, to.URL + "?sslmode=disable", []string{"MEEPO_TARGET_PASSWORD=app"}, func(t *testing.T, table string, columns []shownColumn) map[string]map[string]string {
			t.Helper()
			there := columnsOf(t, to, database, table)
			for i := range there {
				at := slices.IndexFunc(columns, func(c shownColumn) bool { return c.name == there[i].name })
				if at >= 0 && columns[at].form == asDuration {
					there[i].form, there[i].say = asDuration, fmt.Sprintf("extract(epoch FROM %s)::text", there[i].name)
				}
			}
			return rowsIn(t, to, database, table, there)
		}, func(_ form, words string) string { return words }}
	}
	t.Fatalf("no such target: %s", kind)
	return shelf{}
}
