package e2e

import (
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/meepo-replicate/meepo/internal/servertest"
)

// refusal is a run that cannot work, and what it has to say.
type refusal struct {
	args []string
	env  []string
	file string // meepo.yaml
	code int
	says []string // all in standard error
	// errors is how many errors there are. 0: one.
	errors int
}

func (r refusal) check(t *testing.T) {
	t.Helper()
	dir := t.TempDir()
	if r.file != "" {
		if err := os.WriteFile(filepath.Join(dir, "meepo.yaml"), []byte(r.file), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p := invocation{args: r.args, env: r.env, dir: dir}.run(t)
	if code := p.wait(t); code != r.code {
		t.Errorf("exit code %d, want %d", code, r.code)
	}
	text := p.stderr.String()
	for _, want := range r.says {
		if !strings.Contains(text, want) {
			t.Errorf("the message does not hold %q", want)
		}
	}
	if n := strings.Count(text, "error: "); n != max(r.errors, 1) {
		t.Errorf("%d errors, want %d", n, max(r.errors, 1))
	}
	if !slices.ContainsFunc([]string{"what to do: ", "did you mean", "want ", "add one, such as", "use an integer"}, func(s string) bool { return strings.Contains(text, s) }) {
		t.Error("the message does not say what to do")
	}
	if strings.Contains(text+p.stdout.String(), "hunter2") {
		t.Error("a password is shown")
	}
	if t.Failed() {
		t.Logf("--- stdout\n%s--- stderr\n%s", p.stdout, text)
	}
}

// both are the flavors whose messages may differ.
var both = []servertest.Flavor{servertest.MySQL, servertest.MariaDB}

// side are the flags that every run needs.
func sides(source string, target *servertest.Elastic, more ...string) []string {
	return append([]string{"--source=" + source, "--target=elastic", "--target-url=" + target.URL}, more...)
}

func withUser(t *testing.T, raw, user, password string) string {
	t.Helper()
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.User(user)
	if password != "" {
		u.User = url.UserPassword(user, password)
	}
	return u.String()
}

func TestMessages_Source(t *testing.T) {
	target := servertest.OpenElastic(t)
	for _, flavor := range both {
		t.Run(string(flavor), func(t *testing.T) {
			db := servertest.OpenSQL(t, flavor)
			db.Exec(t, "CREATE TABLE orders (id INT PRIMARY KEY); CREATE TABLE nokey (a INT); CREATE TABLE floats (f FLOAT PRIMARY KEY)")
			closed := "mysql://repl:hunter2@" + closedPort(t) + "/shop"
			for name, r := range map[string]refusal{
				"wrong password": {code: 1, args: sides(withUser(t, db.URL, "repl", ""), target, "--all-tables"),
					env: []string{"MEEPO_SOURCE_PASSWORD=hunter2"}, says: []string{"Access denied", "check user and password"}},
				"wrong password in the URL": {code: 1, args: []string{"events"}, env: []string{"MEEPO_SOURCE=" + withUser(t, db.URL, "repl", "hunter2")},
					says: []string{"Access denied"}},
				"unknown database": {code: 2, args: sides(strings.Replace(db.ReplURL, db.Name, "nosuchdb", 1), target, "--all-tables"),
					says: []string{"nosuchdb"}},
				"unknown table":           {code: 2, args: sides(db.ReplURL, target, "--tables=ordres"), says: []string{db.Name + ".ordres", `did you mean "` + db.Name + `.orders"`}},
				"unknown table of events": {code: 2, args: []string{"events", "--source=" + db.ReplURL, "--tables=ordres"}, says: []string{db.Name + ".ordres"}},
				"no key":                  {code: 2, args: sides(db.ReplURL, target, "--tables=nokey"), says: []string{db.Name + ".nokey", "primary key"}},
				"no usable key":           {code: 2, args: sides(db.ReplURL, target, "--tables=floats"), says: []string{db.Name + ".floats", "f"}},
				"unreachable source":      {code: 1, args: sides(closed, target, "--all-tables"), says: []string{"connection refused", "check host and port"}},
			} {
				t.Run(name, r.check)
			}
		})
	}
}

// closedPort is an address on which nobody listens.
func closedPort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func TestMessages_TargetUnreachable(t *testing.T) {
	db := servertest.OpenSQL(t, servertest.MariaDB)
	db.Exec(t, "CREATE TABLE orders (id INT PRIMARY KEY)")
	for kind, url := range map[string]string{"elastic": "http://u:hunter2@", "postgres": "postgres://u:hunter2@", "mongo": "mongodb://u:hunter2@"} {
		url += closedPort(t)
		if kind != "elastic" {
			url += "/shop"
		}
		t.Run(kind, func(t *testing.T) {
			refusal{code: 1, errors: map[string]int{"mongo": 3}[kind], args: []string{"--source=" + db.ReplURL, "--target=" + kind, "--target-url=" + url, "--tables=orders"},
				says: []string{"connection refused", "what to do: check ", "host"}}.check(t)
		})
	}
}

// TestMessages_AllAtOnce: what is wrong with one side, or one table, does not hide what is wrong with others.
func TestMessages_AllAtOnce(t *testing.T) {
	db := servertest.OpenSQL(t, servertest.MariaDB)
	db.Exec(t, "CREATE TABLE orders (id INT PRIMARY KEY); CREATE TABLE nokey (a INT); CREATE TABLE `or#ders` (id INT PRIMARY KEY)")
	target := servertest.OpenElastic(t)
	mapping := "mappings:\n  - {name: a, from: " + db.Name + ".orders, exclude: [nosuch]}\n"
	for name, r := range map[string]refusal{
		"both sides":       {code: 1, errors: 2, args: []string{"--source=mysql://a@" + closedPort(t), "--target=elastic", "--target-url=http://" + closedPort(t), "--all-tables"}, says: []string{"connection refused"}},
		"tables":           {code: 2, errors: 3, args: sides(db.ReplURL, target, "--tables=nosuch,nokey,or#ders"), says: []string{"no such table", "primary key", "or#ders cannot be replicated"}},
		"table and column": {code: 2, errors: 2, file: mapping, args: sides(db.ReplURL, target, "--tables=nosuch,orders"), says: []string{"no such table", `no column "nosuch"`}},
		"tables of events": {code: 2, errors: 2, args: []string{"events", "--source=" + db.ReplURL, "--tables=nosuch,nokey"}, says: []string{"no such table", "nokey cannot be followed"}},
		"nothing is left":  {code: 2, args: sides(db.ReplURL, target, "--tables=*#*"), says: []string{"or#ders is left out", "no table that matches"}},
	} {
		t.Run(name, r.check)
	}
	check := invocation{args: append([]string{"check"}, sides(db.ReplURL, target, "--tables=nosuch,nokey")...)}.run(t)
	for _, want := range []string{"no such table", "nokey cannot be replicated", "2 errors"} {
		if !strings.Contains(check.stdout.String(), want) {
			t.Errorf("check does not say %q:\n%s", want, check.stdout)
		}
	}
}

func TestMessages_MissingGrants(t *testing.T) {
	target := servertest.OpenElastic(t)
	for _, flavor := range both {
		t.Run(string(flavor), func(t *testing.T) {
			db := servertest.OpenSQL(t, flavor)
			db.Exec(t, "CREATE TABLE orders (id INT PRIMARY KEY)")
			user := "u" + db.Name[2:]
			db.Exec(t, fmt.Sprintf("CREATE USER %s IDENTIFIED BY 'hunter2'; GRANT SELECT ON %s.* TO %s", user, db.Name, user))
			client := map[servertest.Flavor]string{servertest.MySQL: "REPLICATION CLIENT", servertest.MariaDB: "BINLOG MONITOR"}[flavor]
			db.Exec(t, "GRANT "+client+" ON *.* TO "+user)
			t.Cleanup(func() {
				if _, err := db.DB.Exec("DROP USER " + user); err != nil {
					t.Error(err)
				}
			})
			refusal{code: 1, args: sides(withUser(t, db.URL, user, ""), target, "--all-tables"), env: []string{"MEEPO_SOURCE_PASSWORD=hunter2"},
				says: []string{"GRANT", "REPLICATION SLAVE"}}.check(t)
		})
	}
}

func TestMessages_Configuration(t *testing.T) {
	for name, r := range map[string]refusal{
		"unknown key": {code: 2, file: "source: {url: 'mysql://a:hunter2@127.0.0.1/x'}\ntarget: {kind: elastic, url: 'http://127.0.0.1:9', adi_key: hunter2}\n",
			says: []string{`meepo.yaml:2:52: unknown key "adi_key" in target: did you mean "api_key"?`, "^"}},
		"unset variable": {code: 2, file: "state: ${NOWHERE}\n", args: []string{"status"}, says: []string{"meepo.yaml:1:8: the variable NOWHERE is not set"}},
		"bad URL":        {code: 2, args: []string{"events"}, env: []string{"MEEPO_SOURCE=mysql://a:hun%ter2@h"}, says: []string{"MEEPO_SOURCE: "}},
		"bad target":     {code: 2, args: []string{"--source=mysql://a@127.0.0.1/x", "--target=elastic", "--target-url=es:9200"}, says: []string{"--target-url: "}},
		"bad table":      {code: 2, args: []string{"--source=mysql://a@127.0.0.1", "--target=elastic", "--target-url=http://es:9200", "--tables=orders"}, says: []string{"--tables: ", "database.table"}},
	} {
		t.Run(name, r.check)
	}
}

func TestMessages_NoTablesListsThem(t *testing.T) {
	target := servertest.OpenElastic(t)
	db := servertest.OpenSQL(t, servertest.MySQL)
	db.Exec(t, "CREATE TABLE orders (id INT PRIMARY KEY); CREATE TABLE nokey (a INT)")
	r := refusal{code: 2, args: sides(db.ReplURL, target), says: []string{db.Name + ".orders ", db.Name + ".nokey ", "cannot be copied: ", "primary key",
		"nothing was copied", "--all-tables"}}
	r.check(t)
}

// TestMessages_PasswordsAreNowhere lets runs fail in many ways at the most talkative level.
func TestMessages_PasswordsAreNowhere(t *testing.T) {
	db := servertest.OpenSQL(t, servertest.MySQL)
	target := "http://meepo:hunter2@" + closedPort(t)
	source := withUser(t, db.URL, "repl", "hunter2")
	for _, args := range [][]string{
		{"--source=" + source, "--target=elastic", "--target-url=" + target, "--all-tables"},
		{"--source=" + db.ReplURL, "--target=elastic", "--target-url=" + target, "--tables=*"},
		{"check", "--source=" + source, "--target=elastic", "--target-url=" + target, "--all-tables"},
		{"check", "--source=" + source + "?tls=verify-full", "--target=elastic", "--target-url=" + target, "--all-tables"},
		{"events", "--source=" + source},
		{"events", "--source=mysql://repl:hunter2:x@h:y/"},
		{"events", "--source=mysql://repl:hunter2@h/?tsl=x"},
		{"check", "--source=mysql://a@h", "--target=elastic", "--target-url=http://a:hunter2%@h"},
	} {
		for _, format := range []string{"text", "json"} {
			p := invocation{args: append([]string{"--log-level=debug", "--log-format=" + format}, args...)}
			if args[0] == "check" || args[0] == "events" {
				p.args = append(append([]string{}, args...), "--log-level=debug", "--log-format="+format)
			}
			r := p.run(t)
			if r.wait(t) == 0 {
				t.Errorf("%v works", args)
			}
			if text := r.stdout.String() + r.stderr.String(); strings.Contains(text, "hunter2") {
				t.Errorf("%v shows the password:\n%s", args, text)
			}
		}
	}
}
