package e2e

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// nemesisFault is something that happens to the run.
type nemesisFault struct {
	name  string
	times int // in a deck
	do    func(*nemesis)
}

// nemesisFaults are all that can happen. They are drawn like cards: each comes as often as its number
// says before the deck is shuffled again, so that a short run has some of all.
var nemesisFaults = []nemesisFault{
	{"kill", 5, func(n *nemesis) { n.end(syscall.SIGKILL); n.launch() }},
	{"stop", 1, (*nemesis).stopAndStart},
	{"cut source", 2, func(n *nemesis) { n.logf("%d connections", n.sourceWay.Cut()) }},
	{"cut target", 2, func(n *nemesis) { n.logf("%d connections", n.targetWay.Cut()) }},
	{"stall source", 2, func(n *nemesis) { n.stall(n.sourceWay.Freeze, n.sourceWay.Thaw) }},
	{"stall target", 2, func(n *nemesis) { n.stall(n.targetWay.Freeze, n.targetWay.Thaw) }},
	{"busy target", 1, func(n *nemesis) { n.beUnwell(busy) }},
	{"unavailable target", 1, func(n *nemesis) { n.beUnwell(unavailable) }},
	{"mute target", 1, func(n *nemesis) { n.beUnwell(mute) }},
	{"tardy target", 2, func(n *nemesis) { n.beUnwell(tardy) }},
	{"choosy target", 2, func(n *nemesis) { n.beUnwell(choosy) }},
	{"foreign version", 2, (*nemesis).foreignVersion},
	{"rotate log", 1, func(n *nemesis) { n.administer("FLUSH BINARY LOGS") }},
	{"restart source", 1, (*nemesis).restartSource},
	{"purge log", 1, (*nemesis).purgeLog},
	{"lose state", 1, (*nemesis).loseState},
	{"full disk", 1, (*nemesis).fullDisk},
	{"clock set back", 1, (*nemesis).clockSetBack},
	{"add column", 2, (*nemesis).addColumn},
	{"drop column", 2, (*nemesis).dropColumn},
	{"replace table", 2, (*nemesis).replaceTable},
	{"truncate", 1, func(n *nemesis) { n.define("TRUNCATE TABLE " + n.someTable().name) }},
}

// longFaults are left to runs of a minute and more.
var longFaults = []string{"full disk", "clock set back"}

// deck shuffles the faults of these names; without any name, all that are for a run of this length.
func deck(rnd *rand.Rand, only []string, lasting time.Duration) []nemesisFault {
	var cards []nemesisFault
	for _, f := range nemesisFaults {
		for range f.times {
			if len(only) == 0 && (lasting >= time.Minute || !slices.Contains(longFaults, f.name)) || slices.Contains(only, f.name) {
				cards = append(cards, f)
			}
		}
	}
	rnd.Shuffle(len(cards), func(i, j int) { cards[i], cards[j] = cards[j], cards[i] })
	return cards
}

// stopAndStart ends the process as a user would. Everything is saved then.
func (n *nemesis) stopAndStart() {
	n.unstall()
	started := n.isFollowing()
	if code := n.end(syscall.SIGTERM); code != 0 && started {
		n.trouble("the process ended with code %d after a signal: %s", code, lastLines(n.process.stderr))
		return
	}
	n.launch()
}

// stall holds back an end's packets for a while, and sometimes kills the process in it.
func (n *nemesis) stall(freeze, thaw func()) {
	freeze()
	n.pause(time.Duration(n.rnd.IntN(1500)) * time.Millisecond)
	if n.rnd.IntN(4) == 0 {
		n.logf("and kill")
		n.end(syscall.SIGKILL)
		thaw()
		n.launch()
	}
	thaw()
}

func (n *nemesis) unstall() {
	n.sourceWay.Thaw()
	n.targetWay.Thaw()
}

// beUnwell makes the gateway unwell in a way for a while, sometimes for longer than until the next fault.
func (n *nemesis) beUnwell(way string) {
	n.gateway.be(way)
	n.pause(time.Duration(200+n.rnd.IntN(1500)) * time.Millisecond)
	if n.rnd.IntN(3) > 0 {
		n.gateway.be("")
	}
}

// foreignVersion writes a document as somebody would whose clock is far ahead, and then changes its row.
func (n *nemesis) foreignVersion() {
	// Not while there may be no state yet: what is in the target then would be somebody else's, and refused.
	n.unstall()
	n.gateway.be("")
	n.awaitFollowing()
	tx, err := n.db.DB.Begin()
	if err != nil {
		n.t.Fatal(err)
	}
	defer func() { _ = tx.Rollback() }() // after a commit it does nothing
	// The row is locked over this, so that nobody deletes it and nothing makes up for the foreign document.
	var id int
	if err := tx.QueryRow("SELECT id FROM goods WHERE id >= ? LIMIT 1 FOR UPDATE", n.rnd.IntN(3000)-500).Scan(&id); err != nil {
		n.logf("left out: %v", err)
		return
	}
	n.foreign = max(n.foreign, time.Now().UnixMicro()) + (10 * time.Minute).Microseconds()
	status, answer := n.target.Do(n.t, "PUT", fmt.Sprintf("/%sgoods/_doc/%d?version=%d&version_type=external&require_alias=true", n.target.Prefix, id, n.foreign), `{"v": "of somebody else"}`)
	n.logf("goods %d: version %d, status %d %.80s", id, n.foreign, status, answer)
	if _, err = tx.Exec("UPDATE goods SET v = ? WHERE id = ?", fmt.Sprint("after ", n.foreign), id); err == nil {
		err = tx.Commit()
	}
	if err != nil {
		n.t.Fatal(err)
	}
}

// administer runs a statement as the server's administrator.
func (n *nemesis) administer(statement string) {
	n.t.Helper()
	n.server.Exec(n.t, statement)
}

// restartSource kills the source, or shuts it down, and starts it again.
func (n *nemesis) restartSource() {
	n.away.Store(true)
	defer n.away.Store(false)
	if n.rnd.IntN(2) == 0 {
		n.logf("by a crash")
		n.server.Kill(n.t)
	} else {
		n.server.Stop(n.t)
	}
	n.server.Start(n.t)
}

// purgeLog lets the source forget what the saved position is before. The next start must say so, and
// a fresh one heals it.
func (n *nemesis) purgeLog() {
	n.unstall()
	n.gateway.be("")
	n.awaitFollowing()
	n.end(syscall.SIGKILL)
	n.sourceWay.Cut() // the server may still be sending the log to the process
	n.administer("INSERT INTO " + n.db.Name + ".goods (id, v) VALUES (5000000, 'unseen') ON DUPLICATE KEY UPDATE n = IFNULL(n, 0) + 1")
	n.administer("FLUSH BINARY LOGS")
	n.await(n.patience(), "the old logs to be gone", func() bool {
		logs := n.db.QueryStrings(n.t, "SHOW BINARY LOGS")
		if len(logs) > 1 {
			n.administer("PURGE BINARY LOGS TO '" + logs[len(logs)-1][0] + "'")
		}
		return len(logs) == 1
	})
	n.refusedThenFresh(3)
}

// loseState deletes the state. The next start must not copy everything silently.
func (n *nemesis) loseState() {
	n.unstall()
	n.gateway.be("")
	n.awaitFollowing()
	n.end(syscall.SIGKILL)
	documents := 0
	for i := range nemesisTables {
		documents += len(n.documents(&nemesisTables[i]))
	}
	files, err := filepath.Glob(filepath.Join(n.dir, "meepo-state.db*"))
	if err != nil || len(files) == 0 {
		n.t.Fatalf("no state file: %v", err)
	}
	for _, f := range files {
		if err := os.Remove(f); err != nil {
			n.t.Fatal(err)
		}
	}
	if documents == 0 { // killed before it had written any: nothing is there to be refused
		n.launch()
		return
	}
	n.refusedThenFresh(4)
}

// fullDisk lets no file of the process grow any more. It must end and say so; the next one goes on.
func (n *nemesis) fullDisk() {
	n.unstall()
	n.gateway.be("")
	n.awaitFollowing()
	err := unix.Prlimit(n.process.cmd.Process.Pid, unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: 4096, Max: unix.RLIM_INFINITY}, nil)
	if err != nil && !errors.Is(err, unix.ESRCH) { // it may have ended by itself, which look judges
		n.t.Fatal(err)
	}
	if !n.await(n.patience(), "the end of a process whose state file cannot grow", n.hasEnded) {
		return
	}
	n.heed()
	if code, text := n.process.cmd.ProcessState.ExitCode(), n.process.stderr.String(); code != 1 || !strings.Contains(text, "save state to ") {
		n.trouble("a process without room for its state ended with code %d: %s", code, lastLines(n.process.stderr))
		return
	}
	n.launch()
}

// clockSetBack has a new process see the source's clock up to two hours behind, standing still, until the
// source is restarted: versions are drawn from it, and may not go back with it.
func (n *nemesis) clockSetBack() {
	n.administer(fmt.Sprintf("SET GLOBAL init_connect = 'SET timestamp = UNIX_TIMESTAMP() - %d'", 60+n.rnd.IntN(7200)))
	n.end(syscall.SIGKILL)
	n.launch()
}

// refusedThenFresh starts the process, which must end with this code, and then begins anew.
func (n *nemesis) refusedThenFresh(want int) {
	if n.inTrouble() {
		return
	}
	n.launch()
	n.await(n.patience(), "the end of a start that is to be refused", func() bool { return n.hasEnded() || n.isFollowing() })
	if !n.hasEnded() {
		n.trouble("a start was not refused that should end with code %d", want)
		return
	}
	n.heed()
	if code := n.process.cmd.ProcessState.ExitCode(); code != want {
		n.trouble("a start ended with code %d, want %d: %s", code, want, lastLines(n.process.stderr))
		return
	}
	n.launch("--fresh")
	n.await(n.patience(), "the log to be read anew", func() bool { return n.isFollowing() || n.hasEnded() })
	if n.hasEnded() {
		n.trouble("a fresh start ended: %s", lastLines(n.process.stderr))
	}
}

func (n *nemesis) someTable() *nemesisTable { return &nemesisTables[n.rnd.IntN(len(nemesisTables))] }

// define changes tables. That a writer is in the way for too long leaves it out.
func (n *nemesis) define(statements ...string) {
	n.t.Helper()
	for _, s := range statements {
		n.logf("%s", s)
		if _, err := n.db.DB.Exec(s); err != nil {
			if !isDeadlock(err) {
				n.t.Fatalf("%s: %v", s, err)
			}
			n.logf("left out: %v", err)
			return
		}
	}
	n.report.definitions++
}

// extraColumns come and go, each always with the same type: another would not fit the index, and park
// the mapping.
var extraColumns = []string{"x_int INT DEFAULT 7", "x_text VARCHAR(20) NOT NULL DEFAULT 'seven'", "x_big BIGINT UNSIGNED"}

func (n *nemesis) hasColumn(x *nemesisTable, column string) bool {
	return n.db.QueryInt(n.t, "SELECT COUNT(*) FROM information_schema.columns WHERE table_schema = ? AND table_name = ? AND column_name = ?", n.db.Name, x.name, column) > 0
}

func (n *nemesis) addColumn() {
	x, column, place := n.someTable(), extraColumns[n.rnd.IntN(len(extraColumns))], []string{"", " FIRST", " AFTER v"}[n.rnd.IntN(3)]
	if name, _, _ := strings.Cut(column, " "); !n.hasColumn(x, name) {
		n.define("ALTER TABLE " + x.name + " ADD COLUMN " + column + place)
	}
}

func (n *nemesis) dropColumn() {
	first := n.rnd.IntN(len(nemesisTables) * len(extraColumns))
	for i := range len(nemesisTables) * len(extraColumns) { // the first that there is, from a random one
		at := (first + i) % (len(nemesisTables) * len(extraColumns))
		x := &nemesisTables[at%len(nemesisTables)]
		if name, _, _ := strings.Cut(extraColumns[at/len(nemesisTables)], " "); n.hasColumn(x, name) {
			n.define("ALTER TABLE " + x.name + " DROP COLUMN " + name)
			return
		}
	}
	n.logf("left out: there is none")
}

// replaceTable fills a new table under another name and renames it into place, as gh-ost does. What
// writers change meanwhile is lost, in the source as well.
func (n *nemesis) replaceTable() {
	x := n.someTable()
	ghost, old := "_"+x.name+"_gho", "_"+x.name+"_del"
	statements := []string{
		fmt.Sprintf("DROP TABLE IF EXISTS %s, %s", ghost, old),
		fmt.Sprintf("CREATE TABLE %s LIKE %s", ghost, x.name),
		fmt.Sprintf("INSERT INTO %s SELECT * FROM %s", ghost, x.name),
		fmt.Sprintf("UPDATE %s SET n = n + 1, v = CONCAT('g', v) WHERE LENGTH(v) < 50", ghost),
		fmt.Sprintf("RENAME TABLE %s TO %s, %s TO %s", x.name, old, ghost, x.name),
		fmt.Sprintf("DROP TABLE %s", old),
	}
	if n.rnd.IntN(2) == 0 && !n.hasColumn(x, "x_int") {
		statements = slices.Insert(statements, 2, fmt.Sprintf("ALTER TABLE %s ADD COLUMN x_int INT DEFAULT 7", ghost))
		columns := strings.Join(append(slices.Clone(x.key), "v", "n", "d", "at", "note"), ", ")
		statements[3] = fmt.Sprintf("INSERT INTO %s (%s) SELECT %s FROM %s", ghost, columns, columns, x.name)
	}
	n.define(statements...)
}
