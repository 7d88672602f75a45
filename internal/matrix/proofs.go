package matrix

import (
	"maps"
	"strings"
)

// Proof is a fault without a kill at a named point, and the tests that prove what comes of it.
type Proof struct {
	Fault    string
	Result   string // what a passed test has seen, in a word or two
	Compared string
	Tests    map[string]Test // by name of the pair; a pair that is not in it was not tested
}

// Test names a test or subtest.
type Test struct {
	Folder string // of its package
	Name   string // as go test writes it
}

const e2e = "internal/e2e"

// everyField is what most tests compare.
const everyField = "every field of every row"

// Proofs are all of them.
var Proofs = []Proof{
	{"copied under a writer that changes keys, stopped and started again", "equal", everyField, pairs("TestPair/%s")},
	{"databases like Sakila and WordPress, from `init` to a run, changed while it runs", "equal", everyField, pairs("TestInit_AllPairs/%s")},
	{"killed at a moment of chance, in the copy and in follow", "equal", everyField, each("TestKill/%s")},
	{"most of all this at random moments, by a seed", "equal", everyField, mysqls("TestNemesis/%s")},
	{"writers at full speed while it copies", "equal", everyField, each("TestBackfillUnderWriters/%s")},
	{"TRUNCATE under writers", "equal", everyField, each("TestTruncate/%s")},
	{"columns added, dropped and moved, before and while it is down", "equal", everyField, mysqls("TestAlter/%s")},
	{"a table made unfit for the target (no key, a name it cannot have)", "parked, equal when resumed", "every row", mysqls("TestAlter_Unfit/%s")},
	{"tables created, renamed into place and dropped", "equal", "every row", mysqls("TestCreateRenameDrop/%s")},
	{"source killed and started again", "equal", everyField, each("TestSourceOutage/%s")},
	{"source's connections stay open and carry nothing", "unhealthy, says so", "answers of /healthz", on("mariadb", "TestListen_SourceGoesSilent")},
	{"killed, and the source too, between the two phases of XA transactions", "equal", everyField, mysqls("TestXA/%s/Killed")},
	{"XA transaction prepared before the first start", "copied anew, equal", everyField, mysqls("TestXA/%s/BeforeTheFirstRun")},
	{"source has purged the log after the saved position", "refused, exit code 3", "message and exit code", mysqls("TestMessages_Server/%s/position_purged")},
	{"source's log begun anew under a run, or grown past the saved position since", "refused, exit code 3; equal with --fresh", everyField, mysqls("TestSourceReset/%s")},
	{"account's right to read one table taken away, and given back", "parked, equal when resumed", everyField, with(mysqls("TestGrantTakenAway/%s"), on("postgres", "TestPostgres_GrantTakenAway"))},
	{"killed between the two phases of prepared transactions of PostgreSQL", "equal", everyField, on("postgres", "TestPostgres_TwoPhase")},
	{"replication slot dropped, under a run and between two", "refused, exit code 3; equal with --fresh", everyField, on("postgres", "TestPostgres_SlotLost")},
	{"replication slot given up by the server", "refused, exit code 3; equal with --fresh", everyField, on("postgres", "TestPostgres_SlotInvalidated")},
	{"table taken out of the publication for a while", "copied anew, equal", "id and a text of every row", on("postgres", "TestPostgres_Unpublished")},
	{"PostgreSQL's tables altered, renamed, dropped; partitions attached, detached, truncated", "equal", "id and a text of every row", on("postgres", "TestPostgres_Definitions")},
	{"rows read from a standby whose replay is paused meanwhile", "equal", everyField, on("postgres", "TestPostgres_ReadURL")},
	{"source's password changed, connections cut", "goes on", "number of rows", on("mariadb", "TestRun_PasswordRotates")},
	{"target stopped and started again", "equal", everyField, on("mysql", "TestTargetOutage")},
	{"target killed and started again", "equal", everyField, map[string]Test{"mysql+postgres": {e2e, "TestPostgresTarget_Outage"}}},
	{"target cut off, and reached again", "equal", everyField, map[string]Test{"mysql+mongo": {e2e, "TestMongoTarget_Outage"}}},
	{"FerretDB 1 as the target, killed and started again", "equal", "every field but the decimal, of every row", map[string]Test{"mysql+mongo": {e2e, "TestMongoTarget_Killed"}}},
	{"target answers most writes with 429 for a while", "equal", everyField + "; dead letters", each("TestStorm/%s")},
	{"target does what it is asked, and never answers, three times", "goes on", "every row", on("mysql", "TestBulkThatHangs")},
	{"target's index deleted, during a run and between two", "parked, equal when resumed", everyField, each("TestParked_DeletedIndex/%s")},
	{"target's index takes no row of a table", "parked, equal when mended", everyField, each("TestParked_WrongMapping/%s")},
	{"dead letters retried and dropped while it runs", "resolved", everyField, each("TestDeadletters/%s")},
	{"target rejects one row of 100,000", "dead letter, others equal", "number of rows; the letter", on("mariadb", "TestPoisonRow")},
	{"target does not answer, and the run is to end", "left by a second signal", "exit code", on("mariadb", "TestRun_SecondSignalLeavesAtOnce")},
	{"target's index is another's", "refused, exit code 4", "message and exit code", on("mariadb", "TestMessages_TargetMismatch")},
	{"disk full under the state file", "stopped, goes on with room", everyField + "; the saved position", pairs("TestStateDiskFull/%s")},
	{"state file in use by another run", "refused, with its pid", "message and exit code", each("TestSecondRun/%s")},
	{"state file lost", "refused, equal with --fresh", everyField, each("TestLostState/%s")},
	{"state of another server's", "refused", "message and exit code", mysqls("TestForeignState")},
	{"two runs with states of their own on one index", "equal", everyField, mysqls("TestTwoStates/%s")},
	{"state file corrupt, or of a newer program", "refused, left as it is", "message, file, number of documents", on("mariadb", "TestMessages_State")},
}

// NotTested is what nothing in the matrix says anything about.
var NotTested = []string{
	"MySQL 8.0 and 8.4, Percona Server, MariaDB other than 10.11",
	"managed services (RDS, Aurora, Cloud SQL, Azure; Elastic Cloud)",
	"Elasticsearch other than 8.14, OpenSearch, a cluster of several nodes",
	"a real mongod: write concern, TLS and SCRAM of one",
	"power cuts: a kill of the process leaves the kernel alive",
}

// each are subtests of one test, one per source, into Elasticsearch.
func each(pattern string) map[string]Test {
	tests := map[string]Test{}
	for _, p := range Pairs {
		source, target, _ := strings.Cut(p.Name, "+")
		if target != "elastic" {
			continue
		}
		tests[p.Name] = Test{e2e, strings.ReplaceAll(pattern, "%s", source)}
	}
	return tests
}

// pairs are subtests of one test, one per pair.
func pairs(pattern string) map[string]Test {
	tests := map[string]Test{}
	for _, p := range Pairs {
		tests[p.Name] = Test{e2e, strings.ReplaceAll(pattern, "%s", p.Name)}
	}
	return tests
}

// mysqls is each for MySQL and MariaDB alone.
func mysqls(pattern string) map[string]Test {
	tests := each(pattern)
	delete(tests, "postgres+elastic")
	return tests
}

// with joins tests of different pairs.
func with(some, more map[string]Test) map[string]Test {
	maps.Copy(some, more)
	return some
}

// on is one test on one source.
func on(source, name string) map[string]Test {
	return map[string]Test{source + "+elastic": {e2e, name}}
}
