package elastic_test

import (
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/meepo-replicate/meepo/internal/servertest"
	"github.com/meepo-replicate/meepo/targets"
	"github.com/meepo-replicate/meepo/targets/elastic"
)

func check(t *testing.T, url string, dests ...*targets.Destination) []targets.Finding {
	t.Helper()
	found, err := open(t, elastic.Config{URLs: []string{url}}).Check(t.Context(), dests)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.IsSortedFunc(found, func(a, b targets.Finding) int { return int(b.Severity) - int(a.Severity) }) {
		t.Errorf("the worst is not first: %+v", found)
	}
	for _, f := range found {
		if f.Severity != targets.Note && f.Fix == "" {
			t.Errorf("no fix: %+v", f)
		}
	}
	return found
}

func wantFinding(t *testing.T, found []targets.Finding, severity targets.Severity, subject string, words ...string) {
	t.Helper()
	for _, f := range found {
		if f.Severity != severity || f.Subject != subject {
			continue
		}
		if !slices.ContainsFunc(words, func(word string) bool { return !strings.Contains(f.Message+" "+f.Fix, word) }) {
			return
		}
	}
	t.Errorf("no finding of severity %d on %q with %q in: %+v", severity, subject, words, found)
}

func worst(found []targets.Finding) targets.Severity {
	worst := targets.Severity(0)
	for _, f := range found {
		worst = max(worst, f.Severity)
	}
	return worst
}

func TestCheck_FreshAndPrepared(t *testing.T) {
	server := servertest.OpenElastic(t)
	dest := destination(server, "fresh")
	dest.Fields = append(slices.Clone(dest.Fields),
		targets.Field{Name: "total", Kind: targets.KindDecimal, Native: "decimal(12,2)"}, targets.Field{Name: "at", Kind: targets.KindDateTime, Native: "datetime(6)", Scale: 6},
		targets.Field{Name: "big", Kind: targets.KindUint, Bits: 64, Native: "bigint unsigned"}, targets.Field{Name: "day", Kind: targets.KindDate, Native: "date"})
	dest.Key = []targets.Field{{Name: "code", Kind: targets.KindText, Native: "varchar(255)", Length: 255}}
	found := check(t, server.URL, dest)
	wantFinding(t, found, targets.Note, "server", "Elasticsearch ")
	wantFinding(t, found, targets.Note, dest.Name+".total", "keyword", ".number")
	wantFinding(t, found, targets.Note, dest.Name+".at", "milliseconds")
	wantFinding(t, found, targets.Note, dest.Name+".big", "bigint unsigned", "keyword")
	wantFinding(t, found, targets.Note, dest.Name+".day", "null")
	wantFinding(t, found, targets.Note, dest.Name, "varchar(255)", "dead letter")
	if worst(found) != targets.Note {
		t.Errorf("a fresh destination: %+v", found)
	}
	wantStatus(t, server, http.MethodHead, "/"+dest.Name, nil, http.StatusNotFound) // it writes nothing
	if err := prepare(t, server, dest); err != nil {
		t.Fatal(err)
	}
	if found := check(t, server.URL, dest); worst(found) != targets.Note {
		t.Errorf("a prepared destination: %+v", found)
	}
}

func TestCheck_ExistingIndices(t *testing.T) {
	server := servertest.OpenElastic(t)
	concrete, typed, blocked, upper := destination(server, "concrete"), destination(server, "typed"), destination(server, "blocked"), destination(server, "Upper")
	wantStatus(t, server, http.MethodPut, "/"+concrete.Name, nil, http.StatusOK)
	wantStatus(t, server, http.MethodPut, "/"+typed.Name+"-x", map[string]any{
		"aliases": map[string]any{typed.Name: map[string]any{}}, "settings": map[string]any{"index.default_pipeline": "theirs"},
		"mappings": map[string]any{"properties": map[string]any{"size": map[string]any{"type": "ip"}}}}, http.StatusOK)
	if err := prepare(t, server, blocked); err != nil {
		t.Fatal(err)
	}
	wantStatus(t, server, http.MethodPut, "/"+blocked.Name+"/_settings", map[string]any{"index.blocks.read_only_allow_delete": true, "index.translog.durability": "async"}, http.StatusOK)
	found := check(t, server.URL, concrete, typed, blocked, upper)
	wantFinding(t, found, targets.Fatal, concrete.Name, "is an index", "another name")
	wantFinding(t, found, targets.Fatal, typed.Name, "field size", "is ip", "byte is wanted")
	wantFinding(t, found, targets.Warning, typed.Name, "60s", "gc_deletes")
	wantFinding(t, found, targets.Warning, typed.Name, "pipeline theirs")
	wantFinding(t, found, targets.Fatal, blocked.Name, "read_only_allow_delete", "disk")
	wantFinding(t, found, targets.Warning, blocked.Name, "durability async", "request")
	wantFinding(t, found, targets.Fatal, upper.Name, "upper-case", "mapping")
	wantStatus(t, server, http.MethodPut, "/"+blocked.Name+"/_settings", map[string]any{"index.blocks.read_only_allow_delete": nil}, http.StatusOK)
}

// TestCheck_OtherServers: what GET / and the security module may answer.
func TestCheck_OtherServers(t *testing.T) {
	server := servertest.OpenElastic(t)
	dest := destination(server, "docs")
	for name, c := range map[string]struct {
		root, privileges string
		severity         targets.Severity
		subject, word    string
	}{
		"old":        {root: `{"version":{"number":"7.10.2"}}`, severity: targets.Fatal, subject: "server", word: "older than 7.17"},
		"opensearch": {root: `{"version":{"number":"2.19.1","distribution":"opensearch"}}`, severity: targets.Note, subject: "server", word: "opensearch 2.19.1"},
		"version 9":  {root: `{"version":{"number":"9.2.0"}}`, severity: targets.Note, subject: "server", word: "9.2.0"},
		"no search":  {root: `{"hello":"world"}`, severity: targets.Fatal, subject: "server", word: "check the URL"},
		"privileges": {privileges: `{"has_all_requested":false,"cluster":{"monitor":false},"index":{"` + dest.Name + `":{"write":false,"read":true}}}`,
			severity: targets.Fatal, subject: dest.Name, word: "privilege write"},
		"privileges on marks": {privileges: `{"has_all_requested":false,"cluster":{"monitor":true},"index":{"meepo-replicate-marks":{"write":false,"read":true}}}`,
			severity: targets.Warning, subject: "meepo-replicate-marks", word: "privilege write"},
		"cluster privilege": {privileges: `{"has_all_requested":false,"cluster":{"monitor":false}}`, severity: targets.Warning, subject: "privileges", word: "monitor"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newProxy(t, server.URL)
			p.intercept = func(w http.ResponseWriter, r *seen) bool {
				switch {
				case r.path == "/" && c.root != "":
					_, _ = io.WriteString(w, c.root)
				case strings.HasSuffix(r.path, "/_has_privileges") && c.privileges != "":
					_, _ = io.WriteString(w, c.privileges)
				default:
					return false
				}
				return true
			}
			wantFinding(t, check(t, p.start(), dest), c.severity, c.subject, c.word)
		})
	}
}

func TestCheck_ForbiddenIsDenied(t *testing.T) {
	server := servertest.OpenElastic(t)
	p := newProxy(t, server.URL)
	p.intercept = func(w http.ResponseWriter, r *seen) bool {
		if r.path == "/_cluster/health" || r.path == "/" {
			return false
		}
		w.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(w, `{"error":{"type":"security_exception","reason":"action [indices:admin/get] is unauthorized for user [me]"},"status":403}`)
		return true
	}
	target := open(t, elastic.Config{URLs: []string{p.start()}})
	dest := destination(server, "docs")
	_, err := target.Check(t.Context(), []*targets.Destination{dest})
	wantDenied(t, err)
	if err := target.Prepare(t.Context(), []*targets.Destination{dest}); !errors.Is(err, targets.ErrDenied) || !strings.Contains(err.Error(), dest.Name) {
		t.Errorf("prepare: %v, want ErrDenied", err)
	}
}
