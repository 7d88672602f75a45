package servertest

import (
	"fmt"
	"net/url"
	"testing"
)

// StartPgBouncer starts a PgBouncer before the PostgreSQL of a database, with these settings (NAME=VALUE), and returns the address
// that stands for the server's. It is killed when the test ends.
func StartPgBouncer(t testing.TB, d *Database, settings ...string) (addr string) {
	t.Helper()
	at, err := url.Parse(d.URL)
	if err != nil {
		t.Fatalf("servertest: %v", err)
	}
	s := newServer(t, "PgBouncer")
	s.start = func([]string) []string {
		return append([]string{"pgbouncer.sh", "start", s.dir, fmt.Sprint(s.port), at.Port()}, settings...)
	}
	s.stop = []string{"pgbouncer.sh", "stop"}
	s.run(t)
	return fmt.Sprintf("127.0.0.1:%d", s.port)
}
