package postgres

import (
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/meepo-replicate/meepo/internal/servertest"
)

// TestFailover promotes the server to a new timeline: positions of before are good, and the stream goes on by itself;
// what the old timeline had after the switch is lost, and said to be.
func TestFailover(t *testing.T) {
	for _, flavor := range servertest.PostgresFlavors() {
		t.Run(string(flavor), func(t *testing.T) {
			t.Parallel()
			p := servertest.StartSQL(t, flavor)
			d := p.Open(t)
			d.Exec(t, "CREATE TABLE a (id int PRIMARY KEY)")
			log := &lines{}
			cfg := configOf(t, d.ReplURL)
			cfg.Logger = slog.New(slog.NewTextHandler(io.MultiWriter(log, logWriter{t}), nil))
			s := openConfig(t, cfg)
			from := head(t, s)
			f := follow(t, s, from, "a")
			d.Exec(t, "INSERT INTO a VALUES (1)")
			f.untilSeen("a_write 1")
			p.Exec(t, "DO $$ BEGIN EXECUTE format('COPY (SELECT) TO %L', current_setting('data_directory') || '/standby.signal'); END $$")
			d.Exec(t, "INSERT INTO a SELECT generate_series(11, 30000)") // more than is read ahead, while nobody takes it
			p.Stop(t)
			p.Start(t)
			d.Reconnect()
			if !strings.Contains(d.QueryString(t, "SELECT pg_read_file(current_setting('data_directory') || '/../err.log')"), "database system was shut down") {
				t.Error("the server could not stop, since it waited for us")
			}
			d.Exec(t, "SELECT pg_promote()")
			servertest.Eventually(t, time.Minute, "the server to be a primary", func() (bool, error) {
				return d.QueryString(t, "SELECT pg_is_in_recovery()") == "false", nil
			})
			d.Exec(t, "INSERT INTO a VALUES (2)")
			f.untilSeen("a_write 2")
			if !strings.Contains(log.String(), errStopping.Error()) {
				t.Error("the server that stops was not left")
			}
			at, err := parsePosition(f.at)
			if err != nil || at.timeline != 2 {
				t.Errorf("position %s, want one of timeline 2; %v", f.at, err)
			}
			if err := s.Verify(t.Context(), from); err != nil {
				t.Errorf("a position of before the switch: %v", err)
			}
			if !slices.Contains(f.seen, "a_gap") {
				t.Error("what was read of the former primary is taken for good")
			}
			f.close()
			again := follow(t, s, from, "a")
			again.stream.(*stream).current().close() // the gap was not handed out, and is told again
			again.untilSeen("a_write 2")
			if len(again.seen) != 1+1+29990+1 || again.seen[0] != "a_gap" {
				t.Errorf("%d events, the first one %s, want %d", len(again.seen), again.seen[0], 1+1+29990+1)
			}
			again.close()
			after := follow(t, s, f.at, "a") // a position of the new timeline
			d.Exec(t, "INSERT INTO a VALUES (3)")
			after.untilSeen("a_write 3")
			wantLines(t, after.seen, "a_write 3")
			at.timeline = 1
			wantLost(t, s.Verify(t.Context(), at.text()))
		})
	}
}

// lines are those of a log.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lines) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(line)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
