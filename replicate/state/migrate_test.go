package state

import (
	"database/sql"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// format1 is a file as the first release wrote it.
const format1 = `
CREATE TABLE meta      (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE position  (one INTEGER PRIMARY KEY CHECK (one = 1), position TEXT NOT NULL, fence TEXT NOT NULL,
                        committed_us INTEGER NOT NULL, saved_us INTEGER NOT NULL);
CREATE TABLE plans     (plan TEXT PRIMARY KEY, source TEXT NOT NULL, destination TEXT NOT NULL,
                        fingerprint TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE ranges    (plan TEXT NOT NULL, number INTEGER NOT NULL, rest TEXT NOT NULL, rows INTEGER NOT NULL,
                        PRIMARY KEY (plan, number)) WITHOUT ROWID;
CREATE TABLE jobs      (id INTEGER PRIMARY KEY, plan TEXT NOT NULL, kind TEXT NOT NULL,
                        reason TEXT NOT NULL, UNIQUE (plan, kind));
CREATE TABLE letters   (plan TEXT NOT NULL, key BLOB NOT NULL, key_text TEXT NOT NULL, document TEXT NOT NULL,
                        reason TEXT NOT NULL, at_us INTEGER NOT NULL, PRIMARY KEY (plan, key)) WITHOUT ROWID;
CREATE TABLE leases    (low INTEGER PRIMARY KEY, high INTEGER NOT NULL);
INSERT INTO meta VALUES ('format', '1');
INSERT INTO position VALUES (1, 'p', 'f', 1, 2);
INSERT INTO plans VALUES ('shop.orders', 'shop.orders', 'orders', 'x');
INSERT INTO letters VALUES ('shop.orders', 'k', 'k', 'd', 'bad', 3);
`

func writeFormat1(t *testing.T) string {
	path := filepath.Join(t.TempDir(), "state.db")
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec(format1); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestMigrate_KeepsContentAndCopy(t *testing.T) {
	path := writeFormat1(t)
	if _, err := OpenReadOnly(t.Context(), path); !errors.Is(err, ErrOlder) || !strings.Contains(err.Error(), "next run") {
		t.Errorf("a reader of an older format: %v", err)
	}
	s := open(t, path)
	snap, err := s.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if snap.Checkpoint == nil || snap.Checkpoint.Position != "p" || len(snap.Plans) != 1 || snap.Plans[0].Definition != "" || snap.ID == "" {
		t.Errorf("after the migration: %+v", snap)
	}
	letters, err := s.Letters(t.Context(), LetterFilter{}, 5)
	if err != nil || len(letters) != 1 || letters[0].KeyText != "k" || letters[0].Tries != 1 {
		t.Errorf("letters after the migration: %+v, %v", letters, err)
	}
	var index int
	if err := s.db.QueryRow(`SELECT count(*) FROM sqlite_master WHERE name = 'letters_by_age'`).Scan(&index); err != nil || index != 1 {
		t.Errorf("the index of a new file is not in a migrated one: %v", err)
	}
	save(t, s, Change{Letters: letters, Park: []Parked{{Plan: "a"}}, Plans: []Plan{{"a", "b", "c", "d", "e", "f"}}})
	db, err := sql.Open("sqlite", path+".format1")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var found int
	if err := db.QueryRow(`SELECT value FROM meta WHERE name = 'format'`).Scan(&found); err != nil || found != 1 {
		t.Errorf("the copy is of format %d: %v", found, err)
	}
}

func TestAsk(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	run := open(t, path)
	asker, err := OpenToAsk(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer asker.Close()
	at := time.UnixMicro(7).UTC()
	asked, err := asker.Ask(t.Context(), []Request{{Verb: RetryLetter, Plan: "a", Key: "k\x00", At: at}, {Verb: ResumePlan, Plan: "b", At: at}})
	if err != nil || asked != (Asked{1, 2}) || !asker.Running() {
		t.Fatalf("asked %v, running %v, %v", asked, asker.Running(), err)
	}
	list, err := run.Requests(t.Context(), 0)
	if err != nil || len(list) != 2 || list[0] != (Request{ID: 1, Verb: RetryLetter, Plan: "a", Key: "k\x00", At: at}) {
		t.Fatalf("%+v, %v", list, err)
	}
	save(t, run, Change{DoneRequests: []int64{1}})
	if list, err = run.Requests(t.Context(), 0); err != nil || len(list) != 1 || list[0].ID != 2 {
		t.Errorf("%+v, %v", list, err)
	}
	if err := run.Close(); err != nil {
		t.Fatal(err)
	}
	if asked, err = asker.Ask(t.Context(), nil); err != nil || asked != (Asked{}) || asker.Running() {
		t.Errorf("without a run: %v, running %v, %v", asked, asker.Running(), err)
	}
	again := open(t, path) // the asker holds no lock
	if _, err := again.Load(t.Context()); errors.Is(err, ErrLocked) {
		t.Error(err)
	}
}
