package e2e

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/meepo-replicate/meepo/internal/servertest"
)

const acceptanceSQL = `
INSERT INTO test (data) VALUES ('a');
INSERT INTO test (data) VALUES ('b'), ('c'), ('d');
UPDATE test SET data = 'aa' WHERE id = 1;
UPDATE test SET data = 'bb' WHERE id = 2;
UPDATE test SET data = 'cc' WHERE id != 1;
DELETE FROM test WHERE id != 1;
DELETE FROM test WHERE id = 1;`

var acceptanceEvents = []string{
	"test_write 1", "test_write 2", "test_write 3", "test_write 4",
	"test_update 1", "test_update 2", "test_update 2", "test_update 3", "test_update 4",
	"test_delete 2", "test_delete 3", "test_delete 4", "test_delete 1",
}

// event is a line of events.
type event struct {
	Event, Table, Action, Position, Time string
	Key                                  json.RawMessage
}

func parseEvents(t *testing.T, lines []string) []event {
	t.Helper()
	list := make([]event, len(lines))
	for i, line := range lines {
		if err := json.Unmarshal([]byte(line), &list[i]); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
	}
	return list
}

func plain(list []event) []string {
	texts := make([]string, len(list))
	for i, e := range list {
		texts[i] = strings.TrimSpace(e.Event + " " + string(e.Key))
	}
	return texts
}

func TestEvents_AcceptanceSQL(t *testing.T) {
	onAny(t, func(t *testing.T, flavor servertest.Flavor) {
		db := servertest.OpenSQL(t, flavor).InSchema(t)
		create := "CREATE TABLE test (id INT AUTO_INCREMENT PRIMARY KEY, data VARCHAR(16))"
		if flavor.IsPostgres() {
			// A statement changes rows as they lie in the table, and an update puts a row behind all others. With a
			// partition for each, they stay in the order of the keys, as MySQL has them.
			create = "CREATE TABLE test (id serial PRIMARY KEY, data varchar(16)) PARTITION BY LIST (id); CREATE TABLE test_1 PARTITION OF test FOR VALUES IN (1); " +
				"CREATE TABLE test_2 PARTITION OF test FOR VALUES IN (2); CREATE TABLE test_3 PARTITION OF test FOR VALUES IN (3); CREATE TABLE test_4 PARTITION OF test FOR VALUES IN (4)"
		}
		db.Exec(t, create)
		source := "--source=" + db.ReplURL
		slot := "--source-slot=" + db.Name + "_2"
		asPlain := invocation{args: []string{"events", source, "--format=plain"}}.start(t)
		asJSON := invocation{args: []string{"events", source, "--tables=" + db.Name + ".test", slot}}.start(t)
		asPlain.awaitLog(t, "events follow")
		asJSON.awaitLog(t, "events follow")

		execAcceptance(t, db)
		if diff := cmp.Diff(acceptanceEvents, asPlain.awaitLines(t, 13)); diff != "" {
			t.Errorf("plain: %s", diff)
		}
		list := parseEvents(t, asJSON.awaitLines(t, 13))
		if diff := cmp.Diff(acceptanceEvents, plain(list)); diff != "" {
			t.Errorf("json: %s", diff)
		}
		for _, e := range list {
			if e.Table != db.Name+".test" || e.Position == "" || e.Time == "" {
				t.Errorf("an event is %+v", e)
			}
		}
		for _, r := range []*running{asPlain, asJSON} {
			r.signal(t, syscall.SIGTERM)
			if code := r.wait(t); code != 0 {
				t.Errorf("exit code %d after a signal", code)
			}
			if n := len(r.stdout.lines()); n != 13 {
				t.Errorf("%d lines", n)
			}
		}
		testFromEvent(t, source, slot, list)
	})
}

// execAcceptance runs the statements one by one.
func execAcceptance(t *testing.T, db *servertest.Database) {
	t.Helper()
	for _, statement := range strings.Split(strings.TrimSuffix(acceptanceSQL, ";"), ";") {
		db.Exec(t, statement)
	}
}

// testFromEvent reads from the position of an event in the middle, which delivers it again. A slot holds the log from where
// it was made, so it has to be that of the reader of before.
func testFromEvent(t *testing.T, source, slot string, list []event) {
	for _, at := range []int{0, 6, 12} {
		again := invocation{args: []string{"events", source, slot, "--from=" + list[at].Position, "--until=now"}}.run(t)
		if code := again.wait(t); code != 0 {
			t.Fatalf("exit code %d", code)
		}
		lines := again.stdout.lines()
		if len(lines) < 13-at {
			t.Fatalf("from event %d: %d lines", at, len(lines))
		}
		got := plain(parseEvents(t, lines))
		if want := acceptanceEvents[at:]; !slices.Equal(want, got[len(got)-len(want):]) {
			t.Errorf("from event %d: %v", at, got)
		}
	}
}

func TestEvents_TableChangesAndCompositeKeys(t *testing.T) {
	db := servertest.OpenSQL(t, servertest.MariaDB)
	db.Exec(t, "CREATE TABLE pairs (a VARCHAR(9), b VARBINARY(3), PRIMARY KEY (a, b)) CHARACTER SET utf8mb4")
	r := invocation{args: []string{"events", "--source=" + db.ReplURL, "--format=plain"}}.start(t)
	r.awaitLog(t, "events follow")
	db.Exec(t, "INSERT INTO pairs VALUES ('ä', x'00ff00'); UPDATE pairs SET a = 'b'; TRUNCATE pairs")
	want := []string{"pairs_write ä,0x00ff00", "pairs_delete ä,0x00ff00", "pairs_write b,0x00ff00", "pairs_truncate"}
	if diff := cmp.Diff(want, r.awaitLines(t, len(want))); diff != "" {
		t.Error(diff)
	}
}

func TestEvents_UntilNowEndsAtOnceWithoutEvents(t *testing.T) {
	onEach(t, func(t *testing.T, flavor servertest.Flavor) {
		db := servertest.OpenSQL(t, flavor)
		r := invocation{args: []string{"events", "--source=" + db.ReplURL, "--until=now"}}.run(t)
		if code := r.wait(t); code != 0 || r.stdout.String() != "" {
			t.Errorf("exit code %d", code)
		}
	})
}

func TestEvents_ClosedPipeEndsQuietly(t *testing.T) {
	db := servertest.OpenSQL(t, servertest.MySQL)
	db.Exec(t, "CREATE TABLE test (id INT AUTO_INCREMENT PRIMARY KEY, data VARCHAR(16))")
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	r := invocation{args: []string{"events", "--source=" + db.ReplURL}, stdout: write}.start(t)
	r.awaitLog(t, "events follow")
	for _, end := range []*os.File{write, read} {
		if err := end.Close(); err != nil {
			t.Fatal(err)
		}
	}
	db.Exec(t, "INSERT INTO test (data) VALUES ('a')")
	if code := r.wait(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if strings.Contains(r.stderr.String(), "error") {
		t.Error("it is not quiet")
	}
}
