package mysql

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/meepo-replicate/meepo/internal/servertest"
	"github.com/meepo-replicate/meepo/source"
)

// TestVerify_AtTheEndOfAFile: a position at the end of the log is still the same one after the server
// has begun another file, has crashed and come back, whether the position has its proof or not.
func TestVerify_AtTheEndOfAFile(t *testing.T) {
	eachPrivate(t, func(t *testing.T, p *servertest.PrivateSQL, s *Source) { staysKnown(t, p, s) })
}

// TestVerify_EncryptedLog: MariaDB sends readers of an encrypted log an event of its own.
func TestVerify_EncryptedLog(t *testing.T) {
	keys := filepath.Join(t.TempDir(), "keys")
	if err := os.WriteFile(keys, []byte("1;"+strings.Repeat("a7", 32)+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{filepath.Dir(keys), filepath.Dir(filepath.Dir(keys))} { // the server is another user
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	p := servertest.StartSQL(t, servertest.MariaDB,
		"--plugin-load-add=file_key_management", "--file-key-management-filename="+keys, "--encrypt-binlog=ON")
	staysKnown(t, p, openPrivate(t, p))
}

func staysKnown(t *testing.T, p *servertest.PrivateSQL, s *Source) {
	t.Helper()
	f := follow(t, s, unproven(t, head(t, s)), "a")
	p.Exec(t, "INSERT INTO d.a VALUES (1, '')")
	f.until(head(t, s))
	wantLines(t, f.lines(), "a_write 1")
	read := f.at
	f.close()
	if read == unproven(t, read) {
		t.Fatalf("%s has no proof", read)
	}
	positions := []source.Position{read, unproven(t, read), head(t, s)}
	verify := func(when string) {
		for _, at := range positions {
			if err := s.Verify(t.Context(), at); err != nil {
				t.Errorf("%s, %s: %v", when, at, err)
			}
		}
	}
	verify("at once")
	p.Exec(t, "FLUSH BINARY LOGS")
	verify("after a new file")
	positions = append(positions, head(t, s))
	p.Kill(t)
	p.Start(t)
	verify("after a crash")
	p.Exec(t, "FLUSH BINARY LOGS; INSERT INTO d.a VALUES (2, '')")
	verify("after more files")
	for _, at := range positions {
		f := follow(t, s, at, "a")
		f.until(head(t, s))
		wantLines(t, f.lines(), "a_write 2")
		f.close()
	}
}

// TestProve_Time: a proof that the log does not give in time stops nobody, and is missed aloud.
func TestProve_Time(t *testing.T) {
	eachFlavor(t, func(t *testing.T, d *servertest.Database, s *Source) {
		f := follow(t, s, head(t, s), "a")
		d.Exec(t, "CREATE TABLE a (id INT PRIMARY KEY); INSERT INTO a VALUES (1)")
		f.until(head(t, s))
		at := mustParse(t, f.at)
		f.close()
		var said bytes.Buffer
		s.log = slog.New(slog.NewTextHandler(&said, nil))
		h := &history{Source: s, db: s.db, server: s.server()}
		got, err := h.prove(t.Context(), at, -time.Second)
		if err != nil || got.text() != f.at || !strings.Contains(said.String(), "not found out in time") {
			t.Errorf("%s, %v; said %s", got.text(), err, said.String())
		}
		cancelled, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := h.prove(cancelled, at, time.Minute); !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled: %v", err)
		}
	})
}
