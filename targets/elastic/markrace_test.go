package elastic_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/meepo-replicate/meepo/internal/servertest"
	"github.com/meepo-replicate/meepo/targets"
	"github.com/meepo-replicate/meepo/targets/elastic"
	"github.com/meepo-replicate/meepo/targets/targettest"
)

// marking is a destination whose documents stay, with a mark.
func marking(server *servertest.Elastic, name string) *targets.Destination {
	dest := destination(server, name)
	dest.Fields = append(append([]targets.Field{}, fields...), targets.Field{Name: "gone", Kind: targets.KindTimestamp, Native: "timestamp", Nullable: true})
	dest.Mark = "gone"
	return dest
}

func markDeleted(dest *targets.Destination, id targets.ID, version int64) targets.Op {
	return targets.Op{Verb: targets.MarkDeleted, Dest: dest, ID: id, Version: version, Doc: []any{"2026-01-02T03:04:05Z"}}
}

// TestMark_RacesWithAWrite: the document changes between the read and the write of a mark. The higher version stays.
func TestMark_RacesWithAWrite(t *testing.T) {
	server := servertest.OpenElastic(t)
	p := newProxy(t, server.URL)
	dest := marking(server, "docs")
	direct := open(t, elastic.Config{URLs: []string{server.URL}})
	if err := direct.Prepare(t.Context(), []*targets.Destination{dest}); err != nil {
		t.Fatal(err)
	}
	var once sync.Once
	p.after = func(_ http.ResponseWriter, r *seen, _ *http.Response) bool {
		if strings.HasSuffix(r.path, "_mget") {
			once.Do(func() {
				if err := direct.Write(t.Context(), []targets.Op{upsert(dest, "1", 9, "newer", nil, nil), remove(dest, "2", 9)}); err != nil {
					t.Error(err)
				}
			})
		}
		return false
	}
	target := open(t, elastic.Config{URLs: []string{p.start()}})
	if err := direct.Write(t.Context(), []targets.Op{upsert(dest, "1", 1, "a", nil, nil), upsert(dest, "2", 1, "b", nil, nil), upsert(dest, "3", 1, "c", nil, nil)}); err != nil {
		t.Fatal(err)
	}
	targettest.ExpectFailures(t, target, []targets.Op{markDeleted(dest, "1", 5), markDeleted(dest, "2", 5), markDeleted(dest, "3", 5)},
		"0 4 version conflict", "1 4 version conflict")
	expectBodies(t, direct, dest, map[targets.ID]string{"1": `{"name":"newer","size":null,"gone":null}`, "2": "", "3": `{"name":"c","size":null,"gone":"2026-01-02T03:04:05Z"}`})
}

// TestMark_LandsLate: a mark's request is carried out after a row came back. The row stays.
func TestMark_LandsLate(t *testing.T) {
	server := servertest.OpenElastic(t)
	p := newProxy(t, server.URL)
	dest := marking(server, "docs")
	target := open(t, elastic.Config{URLs: []string{p.start()}})
	if err := target.Prepare(t.Context(), []*targets.Destination{dest}); err != nil {
		t.Fatal(err)
	}
	for _, op := range []targets.Op{upsert(dest, "1", 1, "a", nil, nil), markDeleted(dest, "1", 2), upsert(dest, "1", 3, "back", nil, nil)} {
		if err := target.Write(t.Context(), []targets.Op{op}); err != nil {
			t.Fatal(err)
		}
	}
	bulks := p.all("_bulk")
	if len(bulks) != 3 {
		t.Fatalf("%d requests, want 3", len(bulks))
	}
	if status, answer := server.Do(t, http.MethodPost, bulks[1].path, bulks[1].body); status != http.StatusOK || !strings.Contains(string(answer), "version_conflict") {
		t.Errorf("the mark again: status %d, %s", status, answer)
	}
	expectBodies(t, target, dest, map[targets.ID]string{"1": `{"name":"back","size":null,"gone":null}`})
}

// TestMark_LeavesItsVersion: a mark that finds no document, or a marked one, still is the newest that the server knows: a row's write of
// before that lands late stays out.
func TestMark_LeavesItsVersion(t *testing.T) {
	server := servertest.OpenElastic(t)
	target := open(t, elastic.Config{URLs: []string{server.URL}})
	dest := marking(server, "docs")
	if err := target.Prepare(t.Context(), []*targets.Destination{dest}); err != nil {
		t.Fatal(err)
	}
	for _, op := range []targets.Op{
		upsert(dest, "marked", 1, "a", nil, nil), markDeleted(dest, "marked", 2), markDeleted(dest, "marked", 9), markDeleted(dest, "missing", 9),
	} {
		if err := target.Write(t.Context(), []targets.Op{op}); err != nil {
			t.Fatalf("%s of %s: %v", op.Verb, op.ID, err)
		}
	}
	late := []targets.Op{upsert(dest, "marked", 5, "late", nil, nil), upsert(dest, "missing", 5, "late", nil, nil)}
	targettest.ExpectFailures(t, target, late, "0 4 version conflict", "1 4 version conflict")
	expectBodies(t, target, dest, map[targets.ID]string{"marked": `{"name":"a","size":null,"gone":"2026-01-02T03:04:05Z"}`, "missing": ""})
}

// TestMark_MakesNoIndex: a mark of a document that is not there makes no index where the alias is gone.
func TestMark_MakesNoIndex(t *testing.T) {
	server := servertest.OpenElastic(t)
	p := newProxy(t, server.URL)
	dest := marking(server, "docs")
	target := open(t, elastic.Config{URLs: []string{p.start()}})
	if err := target.Prepare(t.Context(), []*targets.Destination{dest}); err != nil {
		t.Fatal(err)
	}
	p.after = func(_ http.ResponseWriter, r *seen, _ *http.Response) bool {
		if strings.HasSuffix(r.path, "_mget") {
			wantStatus(t, server, http.MethodDelete, "/"+dest.Name+"-000001", nil, http.StatusOK)
		}
		return false
	}
	targettest.ExpectFailures(t, target, []targets.Op{markDeleted(dest, "1", 5)}, "0 5")
	if status, _ := server.Do(t, http.MethodHead, "/"+dest.Name, nil); status != http.StatusNotFound {
		t.Errorf("the index is there: status %d", status)
	}
}

func expectBodies(t *testing.T, target *elastic.Target, dest *targets.Destination, want map[targets.ID]string) {
	t.Helper()
	for id, body := range want {
		docs, err := target.ReadDocs(t.Context(), dest.Name, []targets.ID{id})
		if err != nil || string(docs[0].Body) != body {
			t.Errorf("document %q is %s, %v; want %s", id, docs[0].Body, err, body)
		}
	}
}
