package e2e

import (
	"compress/gzip"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/meepo-replicate/meepo/internal/faultproxy"
	"github.com/meepo-replicate/meepo/internal/servertest"
)

// TestNemesis lets everything go wrong for a while, and wants the target equal in the end. A longer one
// is make soak.
func TestNemesis(t *testing.T) {
	file, err := faultyProgram()
	if err != nil {
		t.Fatal(err)
	}
	onEach(t, func(t *testing.T, flavor servertest.Flavor) {
		runNemesis(t, nemesisRun{program: file, flavor: flavor, seed: 1, lasting: 20 * time.Second}).check(t)
	})
}

// nemesisRun is what makes a run of the nemesis: all that is random follows from the seed.
type nemesisRun struct {
	program string // the build with the validators
	flavor  servertest.Flavor
	seed    uint64
	lasting time.Duration // of the writers and the faults
	env     []string      // of the program
	only    []string      // faults; empty: all
	sick    bool          // the program is wrong: not much patience, and a comparison in any case
}

// nemesis is a run under way: writers change tables, faults happen, and the program has to cope.
type nemesis struct {
	t *testing.T
	nemesisRun
	rnd   *rand.Rand
	begun time.Time

	server               *servertest.PrivateSQL
	db                   *servertest.Database
	target               *servertest.Elastic
	sourceWay, targetWay *faultproxy.TCP
	gateway              *gateway
	dir, records         string
	record               io.Writer // of the transactions

	writers *nemesisWriters
	process *running
	away    atomic.Bool // the source is being restarted
	foreign int64       // the last version of somebody else's

	mu     sync.Mutex
	report nemesisReport
}

// nemesisReport is what came of a run.
type nemesisReport struct {
	run                               nemesisRun
	committed, rolledBack, failed     int64
	large                             int64 // of committed, up to 10,000 rows each
	definitions, starts, failedStarts int
	faults                            map[string]int
	answers                           map[string]int // what the gateway did to requests
	compared                          comparison
	violations                        []string // of the validators
	troubles                          []string // whatever else was not as it should be
}

// String is for people.
func (r *nemesisReport) String() string {
	var faults []string
	for name, times := range r.faults {
		faults = append(faults, fmt.Sprintf("%s %d", name, times))
	}
	for way, times := range r.answers {
		faults = append(faults, fmt.Sprintf("target %s %d", way, times))
	}
	slices.Sort(faults)
	return fmt.Sprintf(`seed %d, %s, %s
	%d transactions committed (%d of them of up to 10,000 rows), %d rolled back, %d failed, %d times tables were redefined
	%d starts of the program, of which %d failed; faults: %s
	%d rows compared in %d tables, %d differences, %d violations, %d troubles`,
		r.run.seed, r.run.flavor, r.run.lasting, r.committed, r.large, r.rolledBack, r.failed, r.definitions,
		r.starts, r.failedStarts, strings.Join(faults, ", "),
		r.compared.rows, len(nemesisTables), r.compared.differences, len(r.violations), len(r.troubles))
}

// check fails the test for whatever is not as it should be.
func (r *nemesisReport) check(t *testing.T) {
	t.Helper()
	for _, lines := range [][]string{r.violations, r.troubles, r.compared.first} {
		for _, line := range lines {
			t.Error(line)
		}
	}
	if r.committed == 0 || r.compared.rows == 0 || r.starts <= r.failedStarts*2 {
		t.Error("the run proves nothing: no transaction, no row, or hardly a start that went well")
	}
}

// runNemesis makes a run and returns what came of it.
func runNemesis(t *testing.T, o nemesisRun) *nemesisReport {
	t.Helper()
	n := newNemesis(t, o)
	n.launch()
	n.startWriters(3)
	if o.sick || n.rnd.IntN(2) == 0 { // else the very first start meets faults, too
		n.awaitFollowing()
	}
	n.begun = time.Now()
	for end := n.begun.Add(o.lasting); time.Now().Before(end) && !n.inTrouble(); {
		for _, fault := range deck(n.rnd, o.only, o.lasting) {
			n.pause(time.Duration(n.rnd.IntN(1200)) * time.Millisecond)
			if time.Now().After(end) || n.inTrouble() {
				break
			}
			n.look()
			n.logf("%s", fault.name)
			n.report.faults[fault.name]++
			fault.do(n)
		}
	}
	n.finish()
	r := &n.report
	r.committed, r.rolledBack, r.failed, r.large = n.writers.committed.Load(), n.writers.rolledBack.Load(), n.writers.failed.Load(), n.writers.large.Load()
	r.answers = n.gateway.counts
	t.Logf("%s", r)
	return r
}

func newNemesis(t *testing.T, o nemesisRun) *nemesis {
	t.Helper()
	n := &nemesis{t: t, nemesisRun: o, rnd: rand.New(rand.NewPCG(o.seed, 0)), records: t.ArtifactDir()}
	n.report.run, n.report.faults = o, map[string]int{}
	record, err := os.Create(filepath.Join(n.records, "transactions.log.gz"))
	if err != nil {
		t.Fatal(err)
	}
	packed := gzip.NewWriter(record)
	t.Cleanup(func() { packed.Close(); record.Close() })
	n.record = &lockedWriter{w: packed}
	n.server = servertest.StartSQL(t, o.flavor)
	n.db, n.target = n.server.Open(t), servertest.OpenElastic(t)
	for i := range nemesisTables {
		n.db.Exec(t, nemesisTables[i].create(n.db.Name))
	}
	var source string
	n.sourceWay, source = inFront(t, n.db.ReplURL)
	n.gateway = startGateway(t, n.target.URL, rand.New(rand.NewPCG(o.seed, 1)))
	var target string
	n.targetWay, target = inFront(t, n.gateway.proxy.Server.URL)
	n.dir = in(t, nemesisConfig(source, target, n.db, n.target.Prefix))
	t.Cleanup(func() {
		if n.process != nil && !n.hasEnded() {
			_ = n.process.cmd.Process.Kill()
			<-n.process.ended
			n.keep(n.process.stderr.String())
		}
	})
	return n
}

// lockedWriter lets several goroutines write lines.
type lockedWriter struct {
	mu sync.Mutex
	w  io.Writer
}

// Write writes.
func (l *lockedWriter) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(b)
}

func (n *nemesis) logf(format string, args ...any) {
	n.t.Helper()
	n.t.Logf("%7.3fs %s", time.Since(n.begun).Seconds(), fmt.Sprintf(format, args...))
}

// trouble notes what is not as it should be, and ends the run soon.
func (n *nemesis) trouble(format string, args ...any) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.report.troubles = append(n.report.troubles, fmt.Sprintf(format, args...))
}

func (n *nemesis) inTrouble() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.report.troubles) > 0
}

// finish ends writers and faults, lets the program catch up, and compares.
func (n *nemesis) finish() {
	n.writers.end()
	n.logf("the writers have ended")
	n.unstall()
	n.gateway.recover()
	if !n.inTrouble() {
		n.settle()
	}
	if !n.hasEnded() {
		n.end(syscall.SIGKILL)
	}
	if !n.inTrouble() || n.sick {
		n.compareAll()
	}
}

// settle lets the program come to its end in a world that is well again.
func (n *nemesis) settle() {
	n.awaitFollowing()
	n.catchUp()
	if n.inTrouble() {
		return
	}
	if code := n.end(syscall.SIGTERM); code != 0 {
		n.trouble("the process ended with code %d after a signal: %s", code, lastLines(n.process.stderr))
		return
	}
	// Sweeps and copies may be left, which go on in the background.
	n.launch("--once")
	if !n.await(n.patience(), "the end of the last run", n.hasEnded) {
		return
	}
	n.heed()
	if code := n.process.cmd.ProcessState.ExitCode(); code != 0 {
		n.trouble("the last run ended with code %d: %s", code, lastLines(n.process.stderr))
	}
	if s := statusOf(n.t, n.dir, nil); s.Letters != 0 || len(s.Jobs) != 0 {
		n.trouble("%d dead letters, such as %v; jobs %v", s.Letters, s.Newest, s.Jobs)
	}
}

func (n *nemesis) compareAll() {
	for i := range nemesisTables {
		n.compare(&nemesisTables[i], &n.report.compared)
	}
}

// catchUp waits until the running process has written the last row of all.
func (n *nemesis) catchUp() {
	const last = 9_000_000
	n.db.Exec(n.t, fmt.Sprintf("INSERT INTO goods (id, v) VALUES (%d, 'the last one')", last))
	n.await(n.patience(), "the last row in the target", func() bool {
		n.look()
		status, _ := n.target.Do(n.t, "GET", fmt.Sprintf("/%sgoods/_doc/%d", n.target.Prefix, last), nil)
		return status == 200
	})
	n.logf("the program has caught up")
}
