package matrix

import "strings"

// Pair is a source and a target between which the matrix is tested.
type Pair struct {
	Name   string // names the subtest: source+target
	Source string // as people call it
	Target string
}

// source is the source's part of the name.
func (p Pair) source() string {
	source, _, _ := strings.Cut(p.Name, "+")
	return source
}

// Pairs are all of them: a new source or target is a row more here, and one in the tests that says
// how it is opened.
var Pairs = []Pair{
	{"mysql+elastic", "MySQL 9.7, GTID", "Elasticsearch 8.14"},
	{"mysql-nogtid+elastic", "MySQL 9.7, no GTID", "Elasticsearch 8.14"},
	{"mysql-minimal+elastic", "MySQL 9.7, minimal metadata", "Elasticsearch 8.14"},
	{"mariadb+elastic", "MariaDB 10.11", "Elasticsearch 8.14"},
	{"postgres+elastic", "PostgreSQL 18", "Elasticsearch 8.14"},
	{"mysql+postgres", "MySQL 9.7, GTID", "PostgreSQL 18"},
	{"mariadb+postgres", "MariaDB 10.11", "PostgreSQL 18"},
	{"postgres+postgres", "PostgreSQL 18", "PostgreSQL 18"},
	{"mysql+mongo", "MySQL 9.7, GTID", "mongo-java-server 1.47"},
	{"mariadb+mongo", "MariaDB 10.11", "mongo-java-server 1.47"},
	{"postgres+mongo", "PostgreSQL 18", "mongo-java-server 1.47"},
}

// Scene is what the process is doing when it is killed.
type Scene string

// The scenes.
const (
	Start       Scene = "start"
	Backfill    Scene = "backfill"
	Handover    Scene = "hand-over"
	Follow      Scene = "follow"
	Transaction Scene = "transaction of 10,000 rows"
	Letter      Scene = "dead letter"
	Sweep       Scene = "sweep after TRUNCATE"
	Park        Scene = "parking (its index is gone)"
	Resume      Scene = "resume, asked of the run"
	ResumeLater Scene = "resume, asked while it was down"
	Away        Scene = "target answers 503"
	Foreign     Scene = "target holds a foreign version"
	Absent      Scene = "key without row or delete"
)

// Kill is one place at which the process is killed.
type Kill struct {
	Name  string // names the subtest of TestCrash
	Scene Scene
	Place string // where exactly, for people
	Crash string // the value of MEEPO_CRASH: point[/condition]:n
}

// Point is the point of replicate.Observer, without its condition.
func (k Kill) Point() string {
	point, _, _ := strings.Cut(k.Crash, ":")
	point, _, _ = strings.Cut(point, "/")
	return point
}

// Kills are all of them. Each scene is staged by the test's table of scenes.
var Kills = []Kill{
	{"start-unsaved", Start, "target prepared, nothing saved", "saving:1"},
	{"start-saved", Start, "first position saved, nothing read", "state_saved:1"},

	{"backfill-planned", Backfill, "ranges saved, nothing read", "backfill_planned/goods:1"},
	{"backfill-read", Backfill, "chunk read, not written", "chunk_read/goods:2"},
	{"backfill-written", Backfill, "chunk written, not settled", "ops_written:2"},
	{"backfill-done", Backfill, "chunk settled, progress not saved", "chunk_done/goods:2"},
	{"backfill-saved", Backfill, "progress saved", "state_saved/ranges:2"},
	{"handover-unsaved", Handover, "last chunk settled, its end not saved", "backfill_done/goods:1"},
	{"handover-saved", Handover, "end of the copy saved", "state_saved/goods-copied:1"},

	{"follow-received", Follow, "batch received", "batch_received:5"},
	{"follow-dirty", Follow, "documents to be read, none waiting yet", "dirty:5"},
	{"follow-taken", Follow, "documents in flight, not read", "taken:5"},
	{"follow-read", Follow, "rows read, not written", "rows_read:5"},
	{"follow-writing", Follow, "before the write is sent", "writing:5"},
	{"follow-written", Follow, "written, not settled", "ops_written:5"},
	{"follow-settled", Follow, "settled, not saved", "settled:5"},
	{"follow-saving", Follow, "between write and save", "saving/position:3"},
	{"follow-saved", Follow, "between save and ack", "state_saved/position:3"},
	{"follow-acked", Follow, "after the ack", "acked:3"},

	{"transaction-received", Transaction, "batch without a position received", "batch_received/inside:3"},
	{"transaction-written", Transaction, "a part of it written", "ops_written/inside:6"},

	{"letter-made", Letter, "rejected, letter not saved", "dead_letter:1"},
	{"letter-saving", Letter, "letter and position being saved", "saving/letters:1"},
	{"letter-saved", Letter, "letter saved", "state_saved/letters:1"},

	{"sweep-received", Sweep, "TRUNCATE received", "batch_received/table:1"},
	{"sweep-queued", Sweep, "sweep saved with the position", "state_saved/sweep:1"},
	{"sweep-begun", Sweep, "before the first id is listed", "sweep_begun/goods:1"},
	{"sweep-written", Sweep, "a part of the deletes written", "ops_written/sweeping:1"},
	{"sweep-done", Sweep, "all settled, its end not saved", "sweep_done/goods:1"},
	{"sweep-saved", Sweep, "its end saved", "state_saved/swept:1"},

	{"park-unsaved", Park, "parked, not saved", "parked:1"},
	{"park-saving", Park, "parking being saved", "saving/park:1"},
	{"park-saved", Park, "parking saved", "state_saved/park:1"},

	{"resume-saving", Resume, "resumed, not saved", "saving/requests:1"},
	{"resume-saved", Resume, "resuming saved, nothing copied", "state_saved/requests:1"},
	{"resume-start", ResumeLater, "at the next start, not saved", "saving/requests:1"},

	{"away-retry", Away, "before a write is tried again", "retry/target:1"},
	{"foreign-conflict", Foreign, "a version of somebody else's found", "conflict:1"},
	{"absent-miss", Absent, "counted as a miss", "miss:1"},
}

// On reports whether the kill is staged on a pair: only a target that keeps versions can hold a foreign one, and the tests'
// MongoDB rejects no document for its values.
func (k Kill) On(p Pair) bool {
	switch k.Scene {
	case Foreign:
		return strings.HasSuffix(p.Name, "+elastic")
	case Letter:
		return !strings.HasSuffix(p.Name, "+mongo")
	}
	return true
}
