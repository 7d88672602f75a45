package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/meepo-replicate/meepo/internal/servertest"
)

// oddTables have names that YAML, patterns, variables or a target could stumble over, and a row each.
const oddTables = "CREATE TABLE `order details` (id INT PRIMARY KEY); INSERT INTO `order details` VALUES (1);" +
	"CREATE TABLE Orders (id INT PRIMARY KEY); INSERT INTO Orders VALUES (1);" +
	"CREATE TABLE orders (id INT PRIMARY KEY); INSERT INTO orders VALUES (1), (2);" +
	"CREATE TABLE `a*b` (id INT PRIMARY KEY); INSERT INTO `a*b` VALUES (1);" +
	"CREATE TABLE `a[1]\\\\b` (id INT PRIMARY KEY); INSERT INTO `a[1]\\\\b` VALUES (1);" +
	"CREATE TABLE aXb (id INT PRIMARY KEY); INSERT INTO aXb VALUES (1);" +
	"CREATE TABLE `v1.2` (id INT PRIMARY KEY); INSERT INTO `v1.2` VALUES (1);" +
	"CREATE TABLE `true` (id INT PRIMARY KEY); INSERT INTO `true` VALUES (1); CREATE TABLE `{db}` (id INT PRIMARY KEY); INSERT INTO `{db}` VALUES (1);" +
	"CREATE TABLE `таблица` (id INT PRIMARY KEY); INSERT INTO `таблица` VALUES (1);" +
	"CREATE TABLE `price$$${x}` (id INT PRIMARY KEY, `${x}` INT, `_id` INT, `$set` INT, `a.b` INT, `with space` INT, `null` INT, `x: #y` INT, `xmin` INT, `\"q\"` INT);" +
	"INSERT INTO `price$$${x}` VALUES (1, 2, 3, 4, 5, 6, 7, 8, 9, 10);" +
	"CREATE TABLE sessions (token CHAR(32) PRIMARY KEY); INSERT INTO sessions VALUES ('x');" +
	"CREATE TABLE prices (price FLOAT PRIMARY KEY)"

// TestInit_OddNames: a name that cannot stand somewhere gets another one, and everything is copied.
func TestInit_OddNames(t *testing.T) {
	for _, kind := range []string{"elastic", "mongo", "postgres"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			db := servertest.OpenSQL(t, servertest.MySQL)
			db.Exec(t, oddTables)
			shelf := openShelf(t, kind, db.Name)
			dir := t.TempDir()
			r := invocation{args: []string{"init", "--source", db.ReplURL, "--target", kind, "--target-url", shelf.url}, dir: dir}.run(t)
			if code := r.wait(t); code != 0 {
				t.Fatalf("exit code %d: %s", code, r.stderr)
			}
			text, err := os.ReadFile(filepath.Join(dir, "meepo.yaml"))
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range []string{"sessions: its key column token looks like a secret", "prices: key column price is float"} {
				if !strings.Contains(string(text), "#   "+db.Name+"."+want) {
					t.Errorf("the file does not say %q", want)
				}
			}
			env := append([]string{"MEEPO_SOURCE_PASSWORD=repl"}, shelf.env...)
			if r := (invocation{args: []string{"--once"}, dir: dir, env: env}).run(t); r.wait(t) != 0 {
				t.Fatalf("exit code %d with\n%s", r.wait(t), text)
			}
			s := statusOf(t, dir, env)
			rows, destinations := map[string]int64{}, map[string]bool{}
			for _, table := range s.Tables {
				rows[strings.TrimPrefix(table.Table, db.Name+".")], destinations[table.Destination] = table.Rows, true
			}
			want := map[string]int64{"order details": 1, "Orders": 1, "orders": 2, "a*b": 1, `a[1]\\b`: 1, "aXb": 1, "v1.2": 1, "true": 1, "{db}": 1, "таблица": 1, "price$$${x}": 1}
			if fmt.Sprint(rows) != fmt.Sprint(want) || len(destinations) != len(want) || s.Letters > 0 {
				t.Errorf("copied are %v into %d destinations, with %d dead letters\n%s", rows, len(destinations), s.Letters, text)
			}
			for _, line := range regexp.MustCompile(`(?m)^      [^#\n].*: \{to: .*$`).FindAllString(string(text), -1) {
				t.Log(line)
			}
		})
	}
}

// TestInit_Words are what init says where there is little to write, or nothing.
func TestInit_Words(t *testing.T) {
	t.Parallel()
	db := servertest.OpenSQL(t, servertest.MySQL)
	db.Exec(t, "CREATE TABLE orders (id INT PRIMARY KEY, total DECIMAL(12,2)); CREATE TABLE log (line TEXT)")
	for _, test := range []struct {
		name       string
		args       []string
		code       int
		says, file []string
	}{
		{"no target", []string{"--target-url=http://127.0.0.1:1"}, 0, []string{"\ntarget   no answer, so what the tables become there is not said: ", "\nwrote    meepo.yaml (1 table). Left out, line "},
			[]string{"\n# no answer, so what", "    from: " + db.Name + ".orders\n"}},
		{"a table", []string{"--tables=orders", "--output=config/shop.yaml"}, 2, []string{"error: --output: open config/shop.yaml: no such file or directory\n  what to do: name a file in a folder"}, nil},
		{"no such table", []string{"--tables=order"}, 2, []string{"error: no such table: " + db.Name + ".order\n  what to do: did you mean \"" + db.Name + ".orders\"?"}, nil},
		{"nothing to copy", []string{"--tables=log"}, 2, []string{"error: table " + db.Name + ".log cannot be copied: no primary key: add one"}, nil},
		{"no table", []string{"--tables=x*"}, 2, []string{"error: there is no table to copy\n"}, nil},
		{"no source", []string{"--source=mysql://u@127.0.0.1:1/x"}, 1, []string{"error: open source: 127.0.0.1:1: "}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			args := append([]string{"init", "--source", db.ReplURL, "--target=elastic", "--target-url", servertest.OpenElastic(t).URL}, test.args...)
			r := invocation{args: args, dir: dir}.run(t)
			said := r.stdout.String() + r.stderr.String()
			if code := r.wait(t); code != test.code {
				t.Errorf("exit code %d, want %d", code, test.code)
			}
			for _, text := range test.says {
				if !strings.Contains(said, text) {
					t.Errorf("it does not say %q but\n%s", text, said)
				}
			}
			text, err := os.ReadFile(filepath.Join(dir, "meepo.yaml"))
			if (err == nil) != (test.file != nil) {
				t.Errorf("the file: %v", err)
			}
			for _, want := range test.file {
				if !strings.Contains(string(text), want) {
					t.Errorf("the file does not have %q:\n%s", want, text)
				}
			}
		})
	}
}

// TestInit_UnfitDestination: what stands in the way at the target is said, at the mapping that it concerns.
func TestInit_UnfitDestination(t *testing.T) {
	t.Parallel()
	db := servertest.OpenSQL(t, servertest.MySQL)
	db.Exec(t, "CREATE TABLE orders (id INT PRIMARY KEY, total DECIMAL(12,2))")
	target := servertest.OpenElasticNames(t, db.Name+".")
	name := db.Name + ".orders"
	body := `{"aliases": {"` + name + `": {"is_write_index": true}}, "mappings": {"properties": {"total": {"type": "date"}}}}`
	if status, answer := target.Do(t, "PUT", "/"+name+"-000001", body); status >= 300 {
		t.Fatalf("%d %s", status, answer)
	}
	dir := t.TempDir()
	r := invocation{args: []string{"init", "--source", db.ReplURL, "--target=elastic", "--target-url", target.URL}, dir: dir}.run(t)
	text, err := os.ReadFile(filepath.Join(dir, "meepo.yaml"))
	if code := r.wait(t); code != 0 || err != nil {
		t.Fatalf("exit code %d, %v: %s", code, err, r.stderr)
	}
	if said := "\n!        " + name + ": "; !strings.Contains(r.stdout.String(), said) || !strings.Contains(r.stdout.String(), "total") {
		t.Errorf("it does not say %q but\n%s", said, r.stdout)
	}
	if !strings.Contains(string(text), "    to: "+name+"\n    # Look at this: ") {
		t.Errorf("the file does not say it:\n%s", text)
	}
	t.Log(r.stdout.String())
}

// TestInit_ChangeLines does what the comments say would change a column: all of it is the language's, and check takes it.
func TestInit_ChangeLines(t *testing.T) {
	for _, kind := range []string{"mongo", "postgres"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			db := servertest.OpenSQL(t, servertest.MySQL)
			db.Exec(t, "CREATE TABLE odd (id INT PRIMARY KEY, total DECIMAL(60,2), day DATE, at DATETIME(6), doc JSON, place GEOMETRY, `a: b` TIMESTAMP NULL)")
			shelf := openShelf(t, kind, db.Name)
			dir, env := t.TempDir(), append([]string{"MEEPO_SOURCE_PASSWORD=repl"}, shelf.env...)
			if r := (invocation{args: []string{"init", "--source", db.ReplURL, "--target", kind, "--target-url", shelf.url}, dir: dir}).run(t); r.wait(t) != 0 {
				t.Fatalf("init: %s", r.stderr)
			}
			path := filepath.Join(dir, "meepo.yaml")
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			var said []string
			for _, m := range regexp.MustCompile(`(?m)^    #     fields: \{(.*?\})\}`).FindAllStringSubmatch(string(text), -1) {
				said = append(said, m[1])
			}
			if len(said) < 4 {
				t.Fatalf("%d lines in\n%s", len(said), text)
			}
			changed := strings.Replace(string(text), "    # What", "    fields: {"+strings.Join(said, ", ")+"}\n    # What", 1)
			if err := os.WriteFile(path, []byte(changed), 0o600); err != nil {
				t.Fatal(err)
			}
			r := invocation{args: []string{"check"}, dir: dir, env: env}.run(t)
			if code := r.wait(t); code != 0 {
				t.Errorf("exit code %d: %s%s with\n%s", code, r.stdout, r.stderr, changed)
			}
			t.Log(said)
		})
	}
}
