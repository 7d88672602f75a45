package mysql

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/meepo-replicate/meepo/internal/servertest"
	"github.com/meepo-replicate/meepo/source"
)

// cutAtGap reads until a gap was decoded, and cuts the connection before it is handed out.
func (f *follower) cutAtGap() {
	f.t.Helper()
	st := f.stream.(*stream)
	isGap := func(e source.Event) bool { return e.Action == source.Gap }
	for !slices.ContainsFunc(st.decoder.events, isGap) {
		st.decoder.revealAll(f.t.Context())
		raw, err := st.event(f.t.Context())
		if err == nil && raw != nil {
			err = st.decoder.decode(f.t.Context(), raw)
		}
		if err != nil {
			f.t.Fatal(err)
		}
	}
	if err := st.reconnect(f.t.Context(), fmt.Errorf("cut by the test")); err != nil {
		f.t.Fatal(err)
	}
}

// TestStream_GapsAreToldAgain: what was said of a table, and was not handed out before the connection broke,
// is said again where it stands in the log.
func TestStream_GapsAreToldAgain(t *testing.T) {
	const statement = "SET SESSION binlog_format = STATEMENT; DELETE FROM a; SET SESSION binlog_format = ROW"
	for name, c := range map[string]struct {
		each         func(*testing.T, func(*testing.T, *servertest.Database, *Source))
		change, want string
	}{
		"converted":      {eachFlavor, "ALTER TABLE a MODIFY v VARCHAR(3)", "a_gap\na_gap\na_alter"},
		"key gone":       {eachFlavor, "ALTER TABLE a DROP PRIMARY KEY; INSERT INTO a VALUES (2, 'x')", "a_alter\na_gap"},
		"as a statement": {eachAlone, statement, "a_gap\na_gap"},
	} {
		t.Run(name, func(t *testing.T) {
			c.each(t, func(t *testing.T, d *servertest.Database, s *Source) {
				d.Exec(t, "CREATE TABLE a (id INT PRIMARY KEY, v VARCHAR(20))")
				f := follow(t, s, head(t, s), "a")
				d.Exec(t, "INSERT INTO a VALUES (1, 'abc')")
				f.until(head(t, s))
				wantLines(t, f.lines(), "a_write 1")
				onSession(t, d, strings.Split(c.change, "; ")...)
				end := head(t, s)
				f.cutAtGap()
				f.seen = nil
				f.until(end)
				t.Log(f.lines())
				got := strings.Join(f.lines(), "\n")
				if !strings.Contains(got, c.want) {
					t.Errorf("got %s\nwant %s", got, c.want)
				}
			})
		})
	}
}

// TestStream_HiddenTableIsToldAgain: the same for a table that may not be seen for a while.
func TestStream_HiddenTableIsToldAgain(t *testing.T) {
	eachFlavor(t, func(t *testing.T, d *servertest.Database, _ *Source) {
		account := fmt.Sprintf("h%s@'%%'", strings.TrimPrefix(d.Name, "t_"))
		execEach(t, d, "CREATE TABLE a (id INT PRIMARY KEY, v VARCHAR(20)); CREATE TABLE b (id INT PRIMARY KEY); CREATE USER "+account+" IDENTIFIED BY 'hunter1'")
		t.Cleanup(func() { d.DB.ExecContext(context.Background(), "DROP USER "+account) })
		grant := func(text string) { d.Exec(t, fmt.Sprintf(text, d.Name, account)) }
		d.Exec(t, "GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO "+account)
		grant("GRANT SELECT ON %s.a TO %s")
		grant("GRANT SELECT ON %s.b TO %s")
		cfg := configOf(t, d.ReplURL)
		cfg.User, _, _ = strings.Cut(account, "@")
		cfg.Password = func(context.Context) (string, error) { return "hunter1", nil }
		s := openConfig(t, cfg)
		f := follow(t, s, head(t, s), "a", "b")
		grant("REVOKE SELECT ON %s.a FROM %s")
		d.Exec(t, "INSERT INTO a VALUES (1, '')")
		f.cutAtGap()
		d.Exec(t, "INSERT INTO b VALUES (1)")
		f.until(head(t, s))
		wantLines(t, f.lines(), "a_gap\na_gap\nb_write 1")
		grant("GRANT SELECT ON %s.a TO %s")
		if _, err := s.Columns(t.Context(), "", source.Table{Schema: d.Name, Name: "a"}); err != nil {
			t.Fatal(err)
		}
		f.seen = nil
		f.cutAtGap()
		d.Exec(t, "INSERT INTO a VALUES (2, '')")
		f.until(head(t, s))
		wantLines(t, f.lines(), "a_gap\na_write 2")
	})
}
