package mysql

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/meepo-replicate/meepo/internal/servertest"
	"github.com/meepo-replicate/meepo/source"
)

// resetLog lets a server's log begin anew, as it does after a restore on the same data folder.
func resetLog(t testing.TB, p *servertest.PrivateSQL) {
	t.Helper()
	second := time.Now().Unix() // the log's times are of whole seconds, and so is the proof
	servertest.Eventually(t, 5*time.Second, "the next second", func() (bool, error) { return time.Now().Unix() > second, nil })
	if p.Flavor == servertest.MariaDB {
		p.Exec(t, "RESET MASTER")
	} else {
		p.Exec(t, "RESET BINARY LOGS AND GTIDS")
	}
}

// growPast writes until the log has come to where it was before, by name.
func growPast(t testing.TB, p *servertest.PrivateSQL, s *Source, at source.Position) {
	t.Helper()
	n := 1000
	servertest.Eventually(t, time.Minute, "the log to grow past where it was", func() (bool, error) {
		have, _, err := s.Head(t.Context())
		if err != nil {
			return false, err
		}
		here, want := mustParse(t, have), mustParse(t, at)
		if want.place.file != "" && fileNumber(here.place.file) < fileNumber(want.place.file) {
			p.Exec(t, "FLUSH BINARY LOGS")
		}
		n++
		p.Exec(t, fmt.Sprintf("INSERT INTO d.a VALUES (%d, REPEAT('y', 150))", n))
		reached, err := here.reached(want)
		return reached && here.list.reached(want.list), err
	})
}

// unproven is a position as an earlier version has saved it.
func unproven(t testing.TB, at source.Position) source.Position {
	t.Helper()
	p := mustParse(t, at)
	p.commit, p.trace = commitProof{}, placeProof{}
	return p.text()
}

// TestVerify_LogBegunAnewAndGrownPast: a server that was reset, and has used the names of the position
// for other transactions since, is not the one of the position: neither of one that was read, nor of
// one at which the log was only opened.
func TestVerify_LogBegunAnewAndGrownPast(t *testing.T) {
	eachPrivate(t, func(t *testing.T, p *servertest.PrivateSQL, s *Source) {
		p.Exec(t, "INSERT INTO d.a VALUES (1, ''), (2, '')")
		f := follow(t, s, unproven(t, head(t, s)), "a")
		for f.at == unproven(t, f.at) {
			if _, err := f.next(); err != nil {
				t.Fatal(err)
			}
		}
		opened := f.at
		p.Exec(t, "INSERT INTO d.a VALUES (3, '')")
		f.until(head(t, s))
		read := f.at
		f.close()
		for _, at := range []source.Position{opened, read, unproven(t, read)} {
			if err := s.Verify(t.Context(), at); err != nil {
				t.Errorf("before, %s: %v", at, err)
			}
		}
		resetLog(t, p)
		growPast(t, p, s, read)
		for _, at := range []source.Position{opened, read} {
			err := s.Verify(t.Context(), at)
			wantLost(t, err)
			t.Logf("%s: %v", at, err)
			_, err = s.Open(t.Context(), at, []source.Subscription{{Tables: source.Pattern{Schema: "d", Name: "a"}}})
			wantLost(t, err)
		}
		// Of what carries no proof nobody can say more than before.
		if err := s.Verify(t.Context(), head(t, s)); err != nil {
			t.Errorf("a new position: %v", err)
		}
	})
}

// TestStream_LogBegunAnewAndGrownPast: a stream whose connection is cut finds it out, too.
func TestStream_LogBegunAnewAndGrownPast(t *testing.T) {
	eachPrivate(t, func(t *testing.T, p *servertest.PrivateSQL, s *Source) {
		f := follow(t, s, head(t, s), "a")
		p.Exec(t, "INSERT INTO d.a VALUES (1, '')")
		f.until(head(t, s))
		resetLog(t, p)
		growPast(t, p, s, f.at)
		f.stream.(*stream).current().hangUp()
		wantLost(t, f.toEnd())
	})
}

// TestVerify_NoPlace: without GTIDs an offset that is none is a lost position, not a broken log.
func TestVerify_NoPlace(t *testing.T) {
	p := servertest.StartSQL(t, servertest.MySQLNoGTID)
	p.Exec(t, "CREATE DATABASE d; CREATE TABLE d.a (id INT PRIMARY KEY, v VARCHAR(200)); INSERT INTO d.a VALUES (1, REPEAT('~', 200))")
	cfg := configOf(t, p.ReplURL)
	cfg.Database = "d"
	s := openConfig(t, cfg)
	at := mustParse(t, unproven(t, head(t, s)))
	p.Exec(t, "INSERT INTO d.a VALUES (2, '')")
	if err := s.Verify(t.Context(), at.text()); err != nil {
		t.Errorf("%s: %v", at.text(), err)
	}
	end := at.place.pos
	// Not 5 to 8: there, the server takes a byte of a checksum for the kind of an event, which it may be.
	for _, back := range []uint64{1, 20, 31, 40, 60, 100, 150} {
		at.place.pos = end - back
		err := s.Verify(t.Context(), at.text())
		if back == 31 && err == nil {
			continue // the commit begins there
		}
		wantLost(t, err)
		t.Logf("%d: %v", back, err)
	}
}

// TestPosition_Text: positions are read as they were written, with proof and without.
func TestPosition_Text(t *testing.T) {
	const sid = "3e11fa47-71ca-11e1-9e33-c80aa9429562"
	for _, text := range []source.Position{
		"gtid:", "gtid:" + sid + ":1-5:7", "gtid:" + sid + ":1-5:7;" + sid + ":7@1764140000123456",
		"gtid:" + sid + ":1-5:backup:1-3;" + sid + ":backup:3@1",
		"mariadb:0-1-7,2-1-4;bin.000003:412@abc+/=", "mariadb:0-1-7;bin.000003:412@abc+/=;1764140000,381,1764140001",
		"mariadb:0-1-7;bin.000003:412@1@host:3306;1764140000,0,0",
		"file:" + sid + "/bin.000003:412", "file:" + sid + "/bin.000003:412;1764140000,381,1764140001",
	} {
		if p, err := parsePosition(text); err != nil || p.text() != text {
			t.Errorf("%s: %s, %v", text, p.text(), err)
		}
	}
	for _, text := range []source.Position{
		"gtid:" + sid + ":1-5;", "gtid:" + sid + ":1-5;" + sid + ":5", "gtid:" + sid + ":1-5;5@7", "gtid:" + sid + ":1-5;" + sid + ":5@x",
		"mariadb:0-1-7;bin.000003:412@a;", "mariadb:0-1-7;bin.000003:412@a;1,2", "file:a/bin.000003:412;1,2,3,4", "file:a/bin.000003:412;1,x,3",
	} {
		if _, err := parsePosition(text); err == nil || !strings.Contains(err.Error(), "proof") {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// TestStream_LogBeginsAnewLive: the log begins anew under a stream, which the server does not say to its
// readers if the file's name stays. Who looks at the head finds it out, and the server itself says it
// once the new file is larger than the old one was.
func TestStream_LogBeginsAnewLive(t *testing.T) {
	for name, rows := range map[string]int{"short": 1, "grown past": 100} {
		t.Run(name, func(t *testing.T) {
			eachPrivate(t, func(t *testing.T, p *servertest.PrivateSQL, s *Source) {
				p.Exec(t, "INSERT INTO d.a VALUES (1, '')")
				f := follow(t, s, head(t, s), "a")
				p.Exec(t, "INSERT INTO d.a VALUES (2, ''), (3, '')")
				f.until(head(t, s))
				ended := make(chan error, 1)
				go func() { ended <- f.toEnd() }()
				resetLog(t, p)
				var again strings.Builder
				for n := range rows {
					fmt.Fprintf(&again, "INSERT INTO d.a VALUES (%d, REPEAT('z', 150));", 4+n)
				}
				p.Exec(t, again.String())
				servertest.Eventually(t, time.Minute, "the stream to end", func() (bool, error) {
					head(t, s)
					return len(ended) > 0, nil
				})
				err := <-ended
				wantLost(t, err)
				t.Log(err)
			})
		})
	}
}

// TestStream_LogBeginsAnewInOtherFiles: the log begins anew under a stream, and soon goes on in files of
// other names, to which the server leads its readers past the beginning.
func TestStream_LogBeginsAnewInOtherFiles(t *testing.T) {
	eachPrivate(t, func(t *testing.T, p *servertest.PrivateSQL, s *Source) {
		p.Exec(t, "INSERT INTO d.a VALUES (1, '')")
		f := follow(t, s, head(t, s), "a")
		p.Exec(t, "INSERT INTO d.a VALUES (2, ''), (3, '')")
		f.until(head(t, s))
		f.seen = nil
		resetLog(t, p)
		var again strings.Builder
		for n := range 6 {
			fmt.Fprintf(&again, "INSERT INTO d.a VALUES (%d, ''); FLUSH BINARY LOGS;", 4+n)
		}
		p.Exec(t, again.String())
		wantLost(t, f.toEnd())
		if got := f.lines(); len(got) > 0 {
			t.Errorf("handed out: %v", got)
		}
	})
}

// TestStream_CrashedFiles: files that end without saying so, since the server crashed, are read through.
func TestStream_CrashedFiles(t *testing.T) {
	eachPrivate(t, func(t *testing.T, p *servertest.PrivateSQL, s *Source) {
		from := head(t, s)
		var want []string
		for n := range 3 {
			p.Exec(t, fmt.Sprintf("INSERT INTO d.a VALUES (%d, '')", n))
			want = append(want, fmt.Sprint("a_write ", n))
			p.Kill(t)
			p.Start(t)
		}
		p.Stop(t)
		p.Start(t)
		p.Exec(t, "FLUSH BINARY LOGS; INSERT INTO d.a VALUES (7, '')")
		f := follow(t, s, from, "a")
		f.until(head(t, s))
		wantLines(t, f.lines(), strings.Join(append(want, "a_write 7"), "\n"))
	})
}

// TestStream_ReadsToTheHead: whatever ends the log, a reader that has all of it is at the head, so that a
// head beyond it means that something was not sent.
func TestStream_ReadsToTheHead(t *testing.T) {
	eachPrivate(t, func(t *testing.T, p *servertest.PrivateSQL, s *Source) {
		p.Exec(t, "CREATE TABLE d.b (id INT PRIMARY KEY)")
		f := follow(t, s, head(t, s), "a")
		st := f.stream.(*stream)
		ctx, cancel := context.WithCancel(t.Context())
		read := make(chan error, 1)
		go func() {
			var err error
			for err == nil {
				_, err = st.Next(ctx)
			}
			read <- err
		}()
		statements := map[string]func(){"a crash": func() { p.Kill(t); p.Start(t) }, "a restart": func() { p.Stop(t); p.Start(t) }}
		for _, q := range []string{
			"INSERT INTO d.a VALUES (1, '')", "FLUSH BINARY LOGS", "FLUSH BINARY LOGS; FLUSH BINARY LOGS", "CREATE TABLE d.e (id INT PRIMARY KEY)",
			"CREATE TEMPORARY TABLE d.c (id INT PRIMARY KEY)", "ANALYZE TABLE d.a", "CREATE USER x@y", "TRUNCATE TABLE d.b", "FLUSH TABLES",
			"SET binlog_format = STATEMENT; INSERT INTO d.a VALUES (2, '')", "XA START 'x'; INSERT INTO d.a VALUES (3, ''); XA END 'x'; XA PREPARE 'x'; XA COMMIT 'x'",
			"BEGIN; INSERT INTO d.a VALUES (4, ''); ROLLBACK", "BEGIN; INSERT INTO d.a VALUES (5, ''); SAVEPOINT y; INSERT INTO d.b VALUES (5); ROLLBACK TO y; COMMIT",
		} {
			statements[q] = func() { p.Exec(t, q) }
		}
		for name, run := range statements {
			run()
			servertest.Eventually(t, 10*time.Second, "the reader to be at the head after "+name, func() (bool, error) {
				have, _, err := s.Head(t.Context())
				if err != nil {
					return false, nil // the pool's connections are of before the crash
				}
				return mustParse(t, st.readTo()).reached(mustParse(t, have))
			})
		}
		cancel()
		if err := <-read; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
}

// TestDoubt: what a look at the head means depends on what was read, and on whether more of it comes.
func TestDoubt(t *testing.T) {
	place := func(n uint64) position {
		return position{kind: byFile, server: "a", place: binlogPlace{"bin.000001", n}}
	}
	for name, c := range map[string]struct {
		heads []uint64 // at one time, and later
		heard bool     // something of the log has come between
		want  bool
	}{
		"caught up": {[]uint64{5, 5}, false, false}, "lacking": {[]uint64{4, 4}, false, true}, "lacking for a moment": {[]uint64{4, 5}, false, false},
		"went back": {[]uint64{9, 7, 7}, false, true}, "more, not sent": {[]uint64{9, 9}, false, true}, "more, sent": {[]uint64{9, 9}, true, false},
		"said once": {[]uint64{4, 4, 4}, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var d doubt
				var got bool
				for _, head := range c.heads {
					got = d.look("5", place(5), place(head))
					<-time.After(2 * idleTime) // of the test's own clock
					d.ask()
					if c.heard {
						d.hear()
					}
				}
				if got != c.want {
					t.Errorf("%v, want %v", got, c.want)
				}
			})
		})
	}
}
