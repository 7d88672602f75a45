package mysql

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/meepo-replicate/meepo/internal/servertest"
	"github.com/meepo-replicate/meepo/source"
)

// onSession runs statements on a connection of their own, which ends with them.
func onSession(t testing.TB, d *servertest.Database, statements ...string) {
	t.Helper()
	conn, err := d.DB.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for _, q := range statements {
		if _, err := conn.ExecContext(t.Context(), q); err != nil {
			t.Fatalf("%s: %v", q, err)
		}
	}
	// What a session leaves behind (settings, a prepared transaction) is not for the pool.
	if err := conn.Raw(func(any) error { return driver.ErrBadConn }); !errors.Is(err, driver.ErrBadConn) {
		t.Fatal(err)
	}
}

func TestStream_CompressedTransactions(t *testing.T) {
	for _, f := range []servertest.Flavor{servertest.MySQL, servertest.MySQLNoGTID, servertest.MySQLMinimal} {
		t.Run(string(f), func(t *testing.T) {
			t.Parallel()
			d := servertest.OpenSQL(t, f)
			s := openTest(t, d)
			execEach(t, d, "CREATE TABLE a (id INT PRIMARY KEY, v VARCHAR(200)); CREATE TABLE b (id INT PRIMARY KEY, v INT)")
			from := head(t, s)
			onSession(t, d, "SET SESSION binlog_transaction_compression = ON",
				"INSERT INTO a VALUES (0, REPEAT('x', 200))", "BEGIN", "INSERT INTO a VALUES (1, 'x')", "INSERT INTO b VALUES (2, 1)", "UPDATE a SET id = 5 WHERE id = 1", "COMMIT",
				fmt.Sprintf("INSERT INTO a (WITH RECURSIVE s(n) AS (SELECT 10 UNION ALL SELECT n+1 FROM s WHERE n < %d) SELECT /*+ SET_VAR(cte_max_recursion_depth=100000) */ n, REPEAT('y', 200) FROM s)", 9000),
				"SET SESSION binlog_transaction_compression = OFF", "INSERT INTO b VALUES (3, 1)")
			follower := follow(t, s, from, "a", "b")
			follower.until(head(t, s))
			got := follower.lines()
			if len(got) != 5+8991+1 {
				t.Fatalf("%d events", len(got))
			}
			wantLines(t, got[:6], "a_write 0\na_write 1\nb_write 2\na_delete 1\na_write 5\na_write 10")
			wantLines(t, got[len(got)-2:], "a_write 9000\nb_write 3")
			follower.checkResume("a", "b")
		})
	}
}

func TestStream_CompressedEventsOfMariaDB(t *testing.T) {
	d := servertest.OpenSQL(t, servertest.MariaDB)
	s := openTest(t, d)
	d.Exec(t, "CREATE TABLE a (id INT PRIMARY KEY, v VARCHAR(2000))")
	var before string
	if err := d.DB.QueryRowContext(t.Context(), "SELECT @@global.log_bin_compress").Scan(&before); err != nil {
		t.Fatal(err)
	}
	d.Exec(t, "SET GLOBAL log_bin_compress = ON")
	t.Cleanup(func() {
		if _, err := d.DB.ExecContext(context.Background(), "SET GLOBAL log_bin_compress = "+before); err != nil {
			t.Error(err)
		}
	})
	from := head(t, s)
	onSession(t, d, "INSERT INTO a VALUES (1, REPEAT('x', 2000)), (2, REPEAT('x', 2000))", "UPDATE a SET v = REPEAT('y', 1999)", "UPDATE a SET id = 3 WHERE id = 2",
		"DELETE FROM a WHERE v LIKE '"+strings.Repeat("y", 500)+"%'", "ALTER TABLE a COMMENT '"+strings.Repeat("z", 1000)+"'")
	f := follow(t, s, from, "a")
	f.until(head(t, s))
	wantLines(t, f.lines(), "a_write 1\na_write 2\na_update 1\na_update 2\na_delete 2\na_write 3\na_delete 1\na_delete 3\na_alter")
}

func TestStream_ServerIDs(t *testing.T) {
	eachFlavor(t, func(t *testing.T, d *servertest.Database, s *Source) {
		d.Exec(t, "CREATE TABLE a (id INT PRIMARY KEY)")
		from := head(t, s)
		f := follow(t, s, from, "a")
		st := f.stream.(*stream)
		used, err := s.replicaIDs(t.Context())
		if err == nil && !used[st.serverID] { // MariaDB does not tell everyone
			t.Errorf("replicas %v, we are %d: %v", used, st.serverID, err)
		}
		// Somebody comes with our id. MySQL tells readers apart by a uuid and lets both live.
		cfg := configOf(t, d.ReplURL)
		cfg.ServerID = st.serverID
		rival := follow(t, openConfig(t, cfg), from, "a")
		d.Exec(t, "INSERT INTO a VALUES (1)")
		f.until(head(t, s))
		wantLines(t, f.lines(), "a_write 1")
		if d.Flavor != servertest.MariaDB {
			return
		}
		if st.serverID == cfg.ServerID {
			t.Error("the reader with a random id kept it")
		}
		cfg.ServerID = rival.stream.(*stream).serverID
		follow(t, openConfig(t, cfg), from, "a")
		for err = nil; err == nil; {
			_, err = rival.next()
		}
		var hint interface{ Hint() string }
		if !errors.As(err, &hint) || !strings.Contains(err.Error(), fmt.Sprintf("server id %d", cfg.ServerID)) {
			t.Errorf("error %v", err)
		}
	})
}

// A password that changes while the log is read: the next connection asks for it again.
func TestStream_RotatedPassword(t *testing.T) {
	eachFlavor(t, func(t *testing.T, d *servertest.Database, _ *Source) {
		d.Exec(t, "CREATE TABLE a (id INT PRIMARY KEY)")
		name := "u" + d.Name[2:]
		execEach(t, d, fmt.Sprintf("CREATE USER %s IDENTIFIED BY 'one'; GRANT SELECT, REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO %s", name, name))
		t.Cleanup(func() {
			if _, err := d.DB.ExecContext(context.Background(), "DROP USER "+name); err != nil {
				t.Error(err)
			}
		})
		cfg := configOf(t, d.ReplURL)
		current := "one"
		cfg.User, cfg.Password = name, func(context.Context) (string, error) { return current, nil }
		s := openConfig(t, cfg)
		f := follow(t, s, head(t, s), "a")
		d.Exec(t, "INSERT INTO a VALUES (1)")
		f.until(head(t, s))
		d.Exec(t, fmt.Sprintf("ALTER USER %s IDENTIFIED BY 'two'", name))
		current = "two"
		d.Exec(t, fmt.Sprintf("KILL %d", f.stream.(*stream).link.syncer.LastConnectionID()))
		d.Exec(t, "INSERT INTO a VALUES (2)")
		f.until(head(t, s))
		wantLines(t, f.lines(), "a_write 1\na_write 2")
	})
}

func TestOpen_Refused(t *testing.T) {
	eachFlavor(t, func(t *testing.T, d *servertest.Database, s *Source) {
		from := head(t, s)
		subs := []source.Subscription{{Tables: source.Pattern{Schema: d.Name, Name: "*"}}}
		name := "u" + d.Name[2:]
		execEach(t, d, fmt.Sprintf("CREATE USER %s IDENTIFIED BY 'secret'; GRANT SELECT, REPLICATION CLIENT ON *.* TO %s", name, name))
		t.Cleanup(func() {
			if _, err := d.DB.ExecContext(context.Background(), "DROP USER "+name); err != nil {
				t.Error(err)
			}
		})
		cfg := configOf(t, d.ReplURL)
		current := "secret"
		cfg.User, cfg.Password = name, func(context.Context) (string, error) { return current, nil }
		limited := openConfig(t, cfg)
		_, err := limited.Open(t.Context(), from, subs)
		wantHint(t, err, "REPLICATION SLAVE")
		current = "wrong" // the pool's connections stay
		_, err = limited.dialLog(t.Context(), dialing{server: limited.server(), at: mustParse(t, from), serverID: 1<<31 + 77})
		wantHint(t, limited.explained(err), "check user and password")
		for _, bad := range []source.Position{"", "nonsense", "gtid:x", "file:a/b", "mariadb:1-2;x:1@y", "mariadb:0-1-1"} {
			if _, err := s.Open(t.Context(), bad, subs); err == nil {
				t.Errorf("position %q is taken", bad)
			}
		}
		for _, lost := range []source.Position{"file:somebody/binlog.000001:4", "gtid:", "mariadb:;x.000001:4@y"} {
			if lost[:4] == from[:4] && !strings.HasPrefix(string(lost), filePrefix) {
				continue // a position as this server has them, from before all others
			}
			if _, err := s.Open(t.Context(), lost, subs); !errors.Is(err, source.ErrPositionLost) {
				t.Errorf("position %q: %v", lost, err)
			}
		}
	})
}

func mustParse(t testing.TB, text source.Position) position {
	t.Helper()
	p, err := parsePosition(text)
	if err != nil || p.text() != text {
		t.Fatalf("position %q became %q: %v", text, p.text(), err)
	}
	return p
}

func wantHint(t testing.TB, err error, advice string) {
	t.Helper()
	var hint interface{ Hint() string }
	if !errors.As(err, &hint) || !strings.Contains(hint.Hint(), advice) {
		t.Errorf("error %v without the hint %q", err, advice)
	}
	if err != nil && strings.Contains(err.Error(), "secret") {
		t.Errorf("a password is in %v", err)
	}
}

func TestReached(t *testing.T) {
	const a, b = "3f4c8c69-0000-0000-0000-000000000001", "3f4c8c69-0000-0000-0000-000000000002"
	for _, c := range []struct {
		have, want source.Position
		ok, fails  bool
	}{
		{"gtid:" + a + ":1-10", "gtid:" + a + ":5", true, false},
		{"gtid:" + a + ":1-10", "gtid:" + a + ":5-11", false, false},
		{"gtid:" + a + ":1-10," + b + ":1-3:5", "gtid:" + b + ":5", true, false},
		{"gtid:" + a + ":1-10," + b + ":1-3:5", "gtid:" + b + ":4", false, false},
		{"mariadb:0-1-10;x.000002:100@u", "mariadb:0-2-9,;x.000009:1@v", true, false},
		{"mariadb:0-1-10;x.000002:100@u", "mariadb:0-1-10,1-1-1;x.000002:101@u", false, false},
		{"mariadb:0-1-10,1-1-1;x.000002:100@u", "mariadb:0-1-11;x.000001:900@u", true, false},
		{"file:u/x.000010:4", "file:u/x.000009:99999", true, false},
		{"file:u/x.1000000:4", "file:u/x.999999:9", true, false},
		{"file:u/x.000010:4", "file:u/x.000010:5", false, false},
		{"file:u/x.000010:4", "file:v/x.000001:4", false, true},
		{"file:u/x.000010:4", "gtid:" + a + ":1", false, true},
	} {
		s := &Source{}
		ok, err := s.Reached(t.Context(), c.have, c.want)
		if ok != c.ok || (err != nil) != c.fails {
			t.Errorf("%s reached %s: %v, %v", c.have, c.want, ok, err)
		}
	}
}

// Wherever the server starts a new file, positions go on.
func TestStream_Rotation(t *testing.T) {
	eachFlavor(t, func(t *testing.T, d *servertest.Database, s *Source) {
		d.Exec(t, "CREATE TABLE a (id INT PRIMARY KEY)")
		f := follow(t, s, head(t, s), "a")
		for i := range 3 {
			d.Exec(t, fmt.Sprintf("INSERT INTO a VALUES (%d)", i))
			d.Exec(t, "FLUSH BINARY LOGS")
			start := time.Now()
			f.until(head(t, s))
			if took := time.Since(start); took > 10*time.Second {
				t.Errorf("the new file took %v", took)
			}
		}
		wantLines(t, f.lines(), "a_write 0\na_write 1\na_write 2")
		f.checkResume("a")
	})
}

// Engines without transactions, transactions without changes, names in ANSI quotes, and events that
// only some servers write.
func TestStream_OtherEvents(t *testing.T) {
	eachFlavor(t, func(t *testing.T, d *servertest.Database, s *Source) {
		execEach(t, d, "CREATE TABLE a (id INT PRIMARY KEY, j JSON); CREATE TABLE m (id INT PRIMARY KEY) ENGINE=MyISAM")
		from := head(t, s)
		onSession(t, d, "INSERT INTO m VALUES (1), (2)", "BEGIN", "INSERT INTO m VALUES (3)", "ROLLBACK", "SET SESSION sql_mode = 'ANSI_QUOTES'",
			`TRUNCATE "m"`, `ALTER TABLE "a" ADD "x ""y" INT`, "INSERT INTO a (id, j) VALUES (1, '{\"a\": [1, 2, 3], \"b\": \"text\"}')")
		// An earlier stream may have read rows of a by columns of later.
		want := "m_write 1\nm_write 2\nm_write 3\nm_truncate\na_gap\na_alter\na_write 1\n"
		switch d.Flavor {
		case servertest.MariaDB:
			onSession(t, d, "ALTER TABLE a ADD SYSTEM VERSIONING", "UPDATE a SET j = '{}'")
			want += "a_gap\na_alter\na_update 1"
		default:
			onSession(t, d, "SET SESSION binlog_row_value_options = PARTIAL_JSON", "UPDATE a SET j = JSON_SET(j, '$.a[1]', 5), id = 2")
			onSession(t, d, "SET SESSION binlog_row_value_options = PARTIAL_JSON, SESSION binlog_row_image = MINIMAL", "UPDATE a SET j = JSON_REMOVE(j, '$.a[1]')")
			want += "a_delete 1\na_write 2\na_update 2"
		}
		if d.Flavor == servertest.MySQL || d.Flavor == servertest.MySQLMinimal {
			onSession(t, d, "SET gtid_next = 'AUTOMATIC:meepo'", "INSERT INTO a (id) VALUES (3)")
			want += "\na_write 3"
		}
		f := follow(t, s, from, "a", "m")
		f.until(head(t, s))
		wantLines(t, f.lines(), want)
		f.checkResume("a", "m")
	})
}
