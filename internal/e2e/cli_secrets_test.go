package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/meepo-replicate/meepo/internal/servertest"
)

// TestRun_PasswordRotates changes the source's password while a run goes on: the file is read
// again when the connections have to be made anew.
func TestRun_PasswordRotates(t *testing.T) {
	db, target, file := shop(t, servertest.MariaDB, 10)
	user := "u" + db.Name[2:]
	db.Exec(t, fmt.Sprintf("CREATE USER %[1]s IDENTIFIED BY 'hunter1'; GRANT SELECT ON %[2]s.* TO %[1]s; GRANT REPLICATION SLAVE, BINLOG MONITOR ON *.* TO %[1]s", user, db.Name))
	t.Cleanup(func() {
		if _, err := db.DB.Exec("DROP USER " + user); err != nil {
			t.Error(err)
		}
	})
	file = strings.Replace(file, db.ReplURL+`"`, withUser(t, db.URL, user, "")+`", password_file: pw`, 1)
	dir := in(t, file)
	password := filepath.Join(dir, "pw")
	if err := os.WriteFile(password, []byte("hunter1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := invocation{dir: dir, env: []string{"ES=" + target.URL}}.start(t)
	awaitCount(t, r, target, 10)

	if err := os.WriteFile(password, []byte("hunter2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	db.Exec(t, fmt.Sprintf("ALTER USER %[1]s IDENTIFIED BY 'hunter2'; KILL USER %[1]s; INSERT INTO orders (total) VALUES (7)", user))
	awaitCount(t, r, target, 11)
	if text := r.stderr.String(); strings.Contains(text, "hunter") {
		t.Error("a password is in the log")
	}
}

// TestMessages_TargetDenies stands in for an Elasticsearch with users, which the one at hand lacks.
func TestMessages_TargetDenies(t *testing.T) {
	db := servertest.OpenSQL(t, servertest.MariaDB)
	db.Exec(t, "CREATE TABLE orders (id INT PRIMARY KEY)")
	denies := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if name, password, _ := r.BasicAuth(); name != "meepo" || password != "hunter2" {
			t.Errorf("asked as %q, %q", name, password)
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusUnauthorized)
		fmt.Fprint(w, `{"error":{"type":"security_exception","reason":"unable to authenticate user [meepo] for REST request [/]"},"status":401}`)
	}))
	t.Cleanup(denies.Close)
	refusal{code: 1, args: []string{"--source=" + db.ReplURL, "--target=elastic", "--target-url=" + denies.URL, "--target-user=meepo", "--tables=orders"},
		env: []string{"MEEPO_TARGET_PASSWORD=hunter2"}, says: []string{"401"}}.check(t)
}

// TestMessages_TargetMismatch finds an index of somebody else's where the documents would go.
func TestMessages_TargetMismatch(t *testing.T) {
	_, target, file := shop(t, servertest.MariaDB, 1)
	if status, text := target.Do(t, "PUT", "/"+target.Prefix+"orders", `{"mappings":{"properties":{"id":{"type":"boolean"}}}}`); status != 200 {
		t.Fatalf("create index: %d %s", status, text)
	}
	refusal{code: 4, file: file, env: []string{"ES=" + target.URL}, says: []string{target.Prefix + "orders"}}.check(t)
}

// TestMessages_TargetMismatches: a run says everything that does not fit, and has made nothing.
func TestMessages_TargetMismatches(t *testing.T) {
	db, target, _ := shop(t, servertest.MariaDB, 1)
	db.Exec(t, "CREATE TABLE users (id INT PRIMARY KEY, name TEXT); CREATE TABLE aaa (id INT PRIMARY KEY)")
	file := "mappings:\n"
	for _, name := range []string{"orders", "users", "aaa"} {
		file += fmt.Sprintf("  - {name: %[1]s, from: %[2]s.%[1]s, to: %[3]s%[1]s}\n", name, db.Name, target.Prefix)
	}
	for request, body := range map[string]string{
		"orders":       `{"mappings":{"properties":{"id":{"type":"integer"}}}}`,
		"users-000001": `{"aliases":{"` + target.Prefix + `users":{}},"mappings":{"properties":{"id":{"type":"boolean"},"name":{"type":"date"}}}}`,
	} {
		if status, text := target.Do(t, "PUT", "/"+target.Prefix+request, body); status != 200 {
			t.Fatalf("create index: %d %s", status, text)
		}
	}
	refusal{code: 4, errors: 3, file: file, args: sides(db.ReplURL, target), says: []string{
		target.Prefix + "orders] is an index", "field id of index", "field name of index",
	}}.check(t)
	if status, _ := target.Do(t, "HEAD", "/"+target.Prefix+"aaa", nil); status != 404 {
		t.Error("an index was made all the same")
	}
}

func TestMessages_StateCannotBeMade(t *testing.T) {
	refusal{code: 1, args: []string{"--source=mysql://a@127.0.0.1/x", "--target=elastic", "--target-url=http://127.0.0.1:9", "--tables=a", "--state=nowhere/s.db"},
		says: []string{"nowhere/s.db"}}.check(t)
}
