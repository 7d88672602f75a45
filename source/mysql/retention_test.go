package mysql

import (
	"testing"
	"time"

	"github.com/meepo-replicate/meepo/internal/servertest"
	"github.com/meepo-replicate/meepo/source"
)

// wantRunway asks for the runway and allows for the time that the test itself takes.
func wantRunway(t *testing.T, s *Source, at source.Position, age, want time.Duration) {
	t.Helper()
	now, err := s.Now(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	got, known, err := s.Runway(t.Context(), at, now.Add(-age))
	if err != nil || !known || got > want || got < want-5*time.Minute {
		t.Errorf("runway of a position that is %v old is %v (known: %t, error: %v), want %v", age, got, known, err, want)
	}
}

func wantNoRunway(t *testing.T, s *Source, at source.Position) {
	t.Helper()
	if got, known, err := s.Runway(t.Context(), at, time.Now()); known || err != nil {
		t.Errorf("runway is %v (known: %t, error: %v), want none", got, known, err)
	}
}

func TestRunway(t *testing.T) {
	eachPrivate(t, func(t *testing.T, p *servertest.PrivateSQL, s *Source) {
		p.Exec(t, "SET GLOBAL binlog_expire_logs_seconds = 36000")
		p.Exec(t, "INSERT INTO d.a VALUES (1, '')")
		at := head(t, s)
		wantRunway(t, s, at, 9*time.Hour, 10*time.Hour) // nothing is missing, or only of the file that is being written
		p.Exec(t, "FLUSH BINARY LOGS; INSERT INTO d.a VALUES (2, '')")
		wantRunway(t, s, at, 0, 10*time.Hour)
		wantRunway(t, s, at, 4*time.Hour, 6*time.Hour)
		wantRunway(t, s, at, 12*time.Hour, 0)

		p.Exec(t, "SET GLOBAL binlog_expire_logs_seconds = 0")
		wantNoRunway(t, s, at)
		if p.Flavor != servertest.MariaDB {
			p.Exec(t, "SET GLOBAL binlog_expire_logs_seconds = 36000; SET GLOBAL binlog_expire_logs_auto_purge = OFF")
			wantNoRunway(t, s, at)
			p.Exec(t, "SET GLOBAL binlog_expire_logs_auto_purge = ON")
		}

		p.Exec(t, "SET GLOBAL binlog_expire_logs_seconds = 36000; FLUSH BINARY LOGS; INSERT INTO d.a VALUES (3, '')")
		newest := lastFile(t, s)
		servertest.Eventually(t, 20*time.Second, "the purge", func() (bool, error) {
			p.Exec(t, "PURGE BINARY LOGS TO '"+newest+"'")
			files, err := s.logFiles(t.Context())
			return len(files) == 1, err
		})
		wantRunway(t, s, at, 0, 0)
		wantRunway(t, s, head(t, s), 0, 10*time.Hour)

		if p.Flavor != servertest.MySQL { // with GTIDs nobody has to be asked about files
			p.Exec(t, "CREATE USER nobody@'%' IDENTIFIED BY 'x'")
			cfg := configOf(t, p.ReplURL)
			cfg.User, cfg.Password = "nobody", password("x")
			wantNoRunway(t, openConfig(t, cfg), head(t, s))
		}
	})
}
