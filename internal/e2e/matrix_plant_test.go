package e2e

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// plant is a pair of the matrix under replication, with two mappings so that one can be parked: goods,
// which writers change, and side.
type plant struct {
	t      *testing.T
	source sourceEnd
	target targetEnd
	dir    string
	report string // where the program says at which point it killed itself
	armed  string // once this file exists, it counts
	runs   []*running
}

// newPlant fills the tables and writes the configuration.
func newPlant(t *testing.T, pair string, rows int) *plant {
	t.Helper()
	source, target := openPair(t, pair)
	return plantBetween(t, source, target, rows)
}

// plantBetween is newPlant for ends of the test's own. Said is what the mapping of side says besides.
func plantBetween(t *testing.T, source sourceEnd, target targetEnd, rows int, said ...string) *plant {
	t.Helper()
	p := &plant{t: t, source: source, target: target}
	from, schema := p.source.config()
	to, prefix := p.target.config()
	without := ""
	if narrow, ok := target.(narrowEnd); ok {
		without = ", exclude: [" + narrow.without() + "]"
	}
	p.dir = in(t, fmt.Sprintf("version: 1\n%s\n%s\nmappings:\n  - {name: goods, from: %[3]s.goods, to: %[4]sgoods%[5]s}\n  - {name: side, from: %[3]s.side, to: %[4]sside%[6]s}\n",
		from, to, schema, prefix, without, strings.Join(append([]string{""}, said...), ", ")))
	p.report, p.armed = filepath.Join(p.dir, "report"), filepath.Join(p.dir, "armed")
	p.source.exec(t, goodsRows(1, rows), "INSERT INTO side VALUES (1, 'one'), (2, 'two'), (3, 'three')")
	return p
}

// goodsRows is a statement that inserts the rows with these ids.
func goodsRows(from, to int) string {
	var b strings.Builder
	b.WriteString("INSERT INTO goods (id, v, n, d, at, note) VALUES ")
	for id := from; id <= to; id++ {
		if id > from {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "(%d,'value %d',%d,%d.%02d,'2026-01-02 03:04:05.%06d','number %d')", id, id, id%1000, id%777, id%100, id, id)
	}
	return b.String()
}

// start starts the program, to be killed at a point or not.
func (p *plant) start(crash string, later bool) *running {
	p.t.Helper()
	i := invocation{dir: p.dir, faulty: true}
	if crash != "" {
		i.env = []string{"MEEPO_CRASH=" + crash, "MEEPO_CRASH_REPORT=" + p.report}
	}
	if later {
		i.env = append(i.env, "MEEPO_CRASH_AFTER="+p.armed)
	}
	r := i.start(p.t)
	p.runs = append(p.runs, r)
	return r
}

// arm lets the program count from now on.
func (p *plant) arm() {
	p.t.Helper()
	if err := os.WriteFile(p.armed, nil, 0o600); err != nil {
		p.t.Fatal(err)
	}
}

// awaitKilled waits until the program has killed itself where it was to.
func (p *plant) awaitKilled(r *running, crash string) {
	p.t.Helper()
	code := r.wait(p.t)
	status, ok := r.cmd.ProcessState.Sys().(syscall.WaitStatus)
	at, err := os.ReadFile(p.report)
	if !ok || !status.Signaled() || status.Signal() != syscall.SIGKILL || err != nil || string(at) != crash {
		p.t.Fatalf("it was to be killed at %s, and ended with code %d, %v, at %q (%v)", crash, code, r.cmd.ProcessState, at, err)
	}
}

// scribble starts a writer that changes goods at random until it is ended. It is not as fast as it could
// be: many of these tests run at once.
func (p *plant) scribble(most int) *writers {
	w := &writers{stop: make(chan struct{})}
	p.t.Cleanup(func() { w.end() })
	rnd := rand.New(rand.NewPCG(1, 7))
	w.wg.Go(func() {
		pace := time.NewTicker(3 * time.Millisecond)
		defer pace.Stop()
		for {
			select {
			case <-w.stop:
				return
			case <-pace.C:
			}
			changes, err := p.source.change(rnd, most)
			if err != nil {
				p.t.Errorf("writer: %v", err)
				return
			}
			w.done.Add(int64(changes))
		}
	})
	return w
}

// status is what the program says of the state.
func (p *plant) status() statusJSON {
	p.t.Helper()
	return statusOf(p.t, p.dir, nil)
}

// awaitParked waits until the state says that goods is parked.
func (p *plant) awaitParked(r *running) {
	p.t.Helper()
	r.await(p.t, "goods parked", func() (bool, error) {
		s, err := statusIf(p.t, p.dir, nil)
		return err == nil && len(s.Parked) == 1, err
	})
}

// finish lets one more run do what is left and end by itself: what the log told last may have queued a
// sweep, or may not be saved at all while somebody's XA transaction is prepared.
func (p *plant) finish() {
	p.t.Helper()
	r := invocation{args: []string{"--once"}, dir: p.dir, faulty: true}.run(p.t)
	p.runs = append(p.runs, r)
	if code := r.wait(p.t); code != 0 {
		p.t.Fatalf("exit code %d", code)
	}
}

// resume asks for a mapping to be copied anew.
func (p *plant) resume(mapping string) {
	p.t.Helper()
	if r := (invocation{args: []string{"resume", mapping}, dir: p.dir}).run(p.t); r.wait(p.t) != 0 {
		p.t.Fatalf("resume: %s", r.stderr)
	}
}

// awaitCopied waits until all tables are copied and nothing else is left to do.
func (p *plant) awaitCopied(r *running) {
	p.t.Helper()
	r.await(p.t, "all tables copied", func() (bool, error) {
		s, err := statusIf(p.t, p.dir, nil)
		if err != nil || len(s.Tables) != 2 || len(s.Jobs)+len(s.Parked) > 0 {
			return false, fmt.Errorf("status %+v, %w", s, err)
		}
		return s.Tables[0].Copied && s.Tables[1].Copied, nil
	})
}

// awaitCaughtUp makes one more change and waits until it is in the target: all before it has been taken
// in by then, and is written before a stop ends the program.
func (p *plant) awaitCaughtUp(r *running) {
	p.t.Helper()
	p.source.exec(p.t, "INSERT INTO side VALUES (999, 'last')")
	r.await(p.t, "the last row in the target", func() (bool, error) {
		_, there := p.target.docs(p.t, "side")["999"]
		return there, nil
	})
}

// equal compares both tables with their documents, field by field. Rows with ids in letters must have
// no document, and a dead letter each; there may be no other. No log may hold a row's values.
func (p *plant) equal(letters []string) {
	p.t.Helper()
	for _, r := range p.runs {
		if found := values.FindString(r.stderr.String()); found != "" {
			p.t.Errorf("a row's value is in the log: %q", found)
		}
	}
	compared := 0
	for _, table := range []string{"goods", "side"} {
		want := p.source.rows(p.t, table)
		compared += len(want)
		if lossy, ok := p.target.(lossyEnd); ok {
			for id, row := range want {
				want[id] = lossy.kept(row)
			}
		}
		if table == "goods" {
			for _, id := range letters {
				delete(want, id)
			}
		}
		sameMaps(p.t, want, p.target.docs(p.t, table))
	}
	p.t.Attr("compared", strconv.Itoa(compared))
	s := p.status()
	for _, l := range s.Newest {
		if len(letters) == 1 && l.Key == letters[0] {
			continue
		}
		p.t.Errorf("dead letter of key %s: %s", l.Key, l.Reason)
	}
	if s.Letters != len(letters) {
		p.t.Errorf("%d dead letters, want %d", s.Letters, len(letters))
	}
}
