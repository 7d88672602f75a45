package elastic_test

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/meepo-replicate/meepo/internal/faultproxy"
	"github.com/meepo-replicate/meepo/internal/servertest"
	"github.com/meepo-replicate/meepo/targets"
	"github.com/meepo-replicate/meepo/targets/elastic"
)

// failed writes ops and returns the items of the partial error, nil if all are durable.
func failed(t *testing.T, target *elastic.Target, ops ...targets.Op) []targets.ItemError {
	t.Helper()
	err := target.Write(t.Context(), ops)
	var partial *targets.PartialError
	if err != nil && !errors.As(err, &partial) {
		t.Fatalf("write: %v", err)
	}
	if partial == nil {
		return nil
	}
	return partial.Items
}

// real opens a target on the real server with a prepared destination.
func real(t *testing.T, dest func(*servertest.Elastic) *targets.Destination) (*servertest.Elastic, *elastic.Target, *targets.Destination) {
	t.Helper()
	server := servertest.OpenElastic(t)
	target := open(t, elastic.Config{URLs: []string{server.URL}})
	d := dest(server)
	if err := target.Prepare(t.Context(), []*targets.Destination{d}); err != nil {
		t.Fatal(err)
	}
	return server, target, d
}

func plainDest(server *servertest.Elastic) *targets.Destination { return destination(server, "docs") }

func wantStatus(t *testing.T, server *servertest.Elastic, method, path string, body any, want int) {
	t.Helper()
	if status, answer := server.Do(t, method, path, body); status != want {
		t.Fatalf("%s %s: status %d, want %d: %s", method, path, status, want, answer)
	}
}

// TestWrite_DeleteMakesNoIndex: Elasticsearch makes a missing index for a delete with an external
// version, even where the request requires an alias.
func TestWrite_DeleteMakesNoIndex(t *testing.T) {
	server := servertest.OpenElastic(t)
	target := open(t, elastic.Config{URLs: []string{server.URL}})
	dest, other := destination(server, "nowhere"), destination(server, "here")
	if err := target.Prepare(t.Context(), []*targets.Destination{other}); err != nil {
		t.Fatal(err)
	}
	items := failed(t, target, remove(dest, "1", 5), remove(other, "1", 5), remove(dest, "2", 5))
	if len(items) != 2 || items[0].Index != 0 || items[1].Index != 2 || items[0].Class != targets.Lost || items[1].Class != targets.Lost {
		t.Errorf("items: %+v, want 0 and 2 lost", items)
	}
	wantStatus(t, server, http.MethodHead, "/"+dest.Name, nil, http.StatusNotFound)
}

func TestWrite_DeleteFromAnothersIndexIsLost(t *testing.T) {
	server := servertest.OpenElastic(t)
	target := open(t, elastic.Config{URLs: []string{server.URL}})
	dest := destination(server, "theirs")
	wantStatus(t, server, http.MethodPut, "/"+dest.Name+"/_doc/1", map[string]any{"a": 1}, http.StatusCreated)
	for _, op := range []targets.Op{remove(dest, "missing", 5), upsert(dest, "1", 5, "a", nil)} {
		if items := failed(t, target, op); len(items) != 1 || items[0].Class != targets.Lost {
			t.Errorf("%s: %+v, want lost", op.Verb, items)
		}
	}
	if docs := server.Docs(t, dest.Name); len(docs) != 1 || docs["1"]["a"] == nil {
		t.Errorf("documents: %v", docs)
	}
}

func TestWrite_ClosedIsLostBlockedIsRetryable(t *testing.T) {
	server, target, dest := real(t, plainDest)
	index := "/" + dest.Name + "-000001"
	for _, block := range []string{"index.blocks.write", "index.blocks.read_only_allow_delete"} {
		wantStatus(t, server, http.MethodPut, index+"/_settings", map[string]any{block: true}, http.StatusOK)
		items := failed(t, target, upsert(dest, "1", 1, "a", nil))
		if len(items) != 1 || items[0].Class != targets.Retryable || !strings.Contains(items[0].Reason, "blocked by") {
			t.Errorf("%s: %+v, want retryable", block, items)
		}
		wantStatus(t, server, http.MethodPut, index+"/_settings", map[string]any{block: nil}, http.StatusOK)
	}
	wantStatus(t, server, http.MethodPost, index+"/_close", nil, http.StatusOK)
	items := failed(t, target, upsert(dest, "1", 1, "a", nil), remove(dest, "2", 1))
	if len(items) != 2 || items[0].Class != targets.Lost || items[1].Class != targets.Lost {
		t.Errorf("closed: %+v, want both lost", items)
	}
}

// TestWrite_PoisonReasonsHoldNoValues: a reason goes to logs and to status pages.
func TestWrite_PoisonReasonsHoldNoValues(t *testing.T) {
	const secret = "s3cr3t-value"
	kinds := []targets.Field{
		{Name: "int", Kind: targets.KindInt, Bits: 8}, {Name: "day", Kind: targets.KindDate}, {Name: "address", Kind: targets.KindInet},
		{Name: "flag", Kind: targets.KindBool}, {Name: "price", Kind: targets.KindInt, Bits: 64},
	}
	_, target, dest := real(t, func(server *servertest.Elastic) *targets.Destination {
		return &targets.Destination{Name: server.Prefix + "kinds", Fields: kinds}
	})
	for i, bad := range []any{secret, "2024-01-01 " + secret, secret, secret, secret} {
		doc := make([]any, len(kinds))
		doc[i] = bad
		items := failed(t, target, upsert(dest, "1", 1, doc...))
		switch {
		case len(items) != 1 || items[0].Class != targets.Rejected:
			t.Errorf("%s: %+v, want rejected", kinds[i].Name, items)
		case strings.Contains(items[0].Reason, secret) || !strings.Contains(items[0].Reason, "["+kinds[i].Name) || !strings.Contains(items[0].Reason, "exception"):
			t.Errorf("%s: the reason %q has to name type and field, and no value", kinds[i].Name, items[0].Reason)
		}
	}
	more := *dest
	more.Fields = append(slices.Clone(kinds), targets.Field{Name: "unknown", Kind: targets.KindText})
	items := failed(t, target, upsert(&more, "1", 1, nil, nil, nil, nil, nil, secret))
	if len(items) != 1 || items[0].Class != targets.Rejected || !strings.Contains(items[0].Reason, "unknown") || strings.Contains(items[0].Reason, secret) {
		t.Errorf("a field that is not there: %+v", items)
	}
}

// TestWrite_JSONThatElasticsearchRejects is kept as a string.
func TestWrite_JSONThatElasticsearchRejects(t *testing.T) {
	server, target, dest := real(t, func(server *servertest.Elastic) *targets.Destination {
		return &targets.Destination{Name: server.Prefix + "json", Fields: []targets.Field{{Name: "v", Kind: targets.KindJSON}}}
	})
	asText := []string{`{"a":1,"a":2}`, `{"b":[{"x":1,"\u0078":2}]}`, strings.Repeat("[", 1500) + strings.Repeat("]", 1500), `[` + strings.Repeat("9", 1001) + `]`, `{"a":`, `NaN`, ``}
	asJSON := []string{"{\n  \"a\": [1,\r\n 2]\n}", `{"a":{"a":1},"b":{"a":1}}`, strings.Repeat("[", 850) + strings.Repeat("]", 850), `"a\"b\\"`, `{"a":"{\"a\""}`, strings.Repeat("8", 1000), `{"\ud800":1E999}`}
	var ops []targets.Op
	for i, text := range slices.Concat(asText, asJSON) {
		ops = append(ops, upsert(dest, targets.ID(fmt.Sprint(i)), 1, text))
	}
	if items := failed(t, target, ops...); items != nil {
		t.Errorf("failed: %+v", items)
	}
	docs := server.Docs(t, dest.Name)
	for i, text := range asText {
		if docs[fmt.Sprint(i)]["v"] != text {
			t.Errorf("%.40q is stored as %.60v, want the text", text, docs[fmt.Sprint(i)]["v"])
		}
	}
	for i, text := range asJSON {
		if got := docs[fmt.Sprint(i+len(asText))]["v"]; got == nil || got == text {
			t.Errorf("%.40q is stored as %.60v, want JSON", text, got)
		}
	}
}

func TestWrite_ZeroDatesAreNull(t *testing.T) {
	server, target, dest := real(t, func(server *servertest.Elastic) *targets.Destination {
		return &targets.Destination{Name: server.Prefix + "dates", Fields: []targets.Field{
			{Name: "day", Kind: targets.KindDate}, {Name: "at", Kind: targets.KindDateTime}, {Name: "stamp", Kind: targets.KindTimestamp}}}
	})
	var ops []targets.Op
	for i, day := range []string{"0000-00-00", "2024-00-10", "2024-10-00", "2023-02-29", "2024-04-31", "0000-01-01"} {
		ops = append(ops, upsert(dest, targets.ID(fmt.Sprint(i)), 1, day, day+"T00:00:00.000000", day+"T00:00:00Z"))
	}
	if items := failed(t, target, ops...); items != nil {
		t.Errorf("failed: %+v", items)
	}
	for id, doc := range server.Docs(t, dest.Name) {
		if doc["day"] != nil || doc["at"] != nil || doc["stamp"] != nil {
			t.Errorf("%s: %v, want nulls", id, doc)
		}
	}
}

func TestWrite_RoutingAndBounds(t *testing.T) {
	p, target, dest := throughProxy(t, elastic.Config{MaxBulkOps: 10, MaxBulkBytes: 3000})
	var ops []targets.Op
	for i := range 57 {
		op := upsert(dest, targets.ID(fmt.Sprint(i)), 1, strings.Repeat("x", i*20), nil)
		op.Routing = "r"
		ops = append(ops, op)
	}
	if items := failed(t, target, ops...); items != nil {
		t.Fatalf("failed: %+v", items)
	}
	sent := p.all("_bulk")
	total := 0
	for i, request := range sent {
		count := strings.Count(string(request.body), `"version_type":"external","require_alias":true`)
		if count == 0 || count > 10 || len(request.body) > 3000 || strings.Count(string(request.body), `"routing":"r"`) != count {
			t.Errorf("request %d has %d ops in %d bytes", i, count, len(request.body))
		}
		total += count
	}
	if total != len(ops) || len(sent) > 30 {
		t.Errorf("%d ops in %d requests", total, len(sent))
	}
}

func TestWrite_RefusedForNowIsTriedAgain(t *testing.T) {
	p, target, dest := throughProxy(t, elastic.Config{})
	refusals := []int{http.StatusTooManyRequests, http.StatusServiceUnavailable, http.StatusBadGateway, http.StatusGatewayTimeout}
	p.intercept = func(w http.ResponseWriter, r *seen) bool {
		if !strings.HasSuffix(r.path, "_bulk") || len(refusals) == 0 {
			return false
		}
		status := refusals[0]
		refusals = refusals[1:]
		return faultproxy.Refuse(w, status, "")
	}
	if items := failed(t, target, upsert(dest, "1", 1, "a", nil)); items != nil {
		t.Errorf("failed: %+v", items)
	}
	if n := len(p.all("_bulk")); n != 5 {
		t.Errorf("%d requests, want 5", n)
	}
}

func TestWrite_RetryAfterIsHonoured(t *testing.T) {
	p, target, dest := throughProxy(t, elastic.Config{})
	refused := false
	p.intercept = func(w http.ResponseWriter, r *seen) bool {
		if refused || !strings.HasSuffix(r.path, "_bulk") {
			return false
		}
		refused = true
		return faultproxy.Refuse(w, http.StatusTooManyRequests, "1")
	}
	before := time.Now()
	if items := failed(t, target, upsert(dest, "1", 1, "a", nil)); items != nil {
		t.Errorf("failed: %+v", items)
	}
	if took := time.Since(before); took < time.Second || took > patience {
		t.Errorf("tried again after %v, want a second", took)
	}

	p.intercept = func(w http.ResponseWriter, r *seen) bool {
		return faultproxy.Refuse(w, http.StatusServiceUnavailable, "77")
	}
	before = time.Now()
	err := target.Write(t.Context(), []targets.Op{upsert(dest, "1", 2, "a", nil), upsert(dest, "2", 2, "a", nil)})
	var partial *targets.PartialError
	if !errors.As(err, &partial) || len(partial.Items) != 2 || partial.Items[0].Class != targets.Retryable || partial.RetryAfter != 77*time.Second {
		t.Errorf("asked to wait longer than we do: %v, %+v", err, partial)
	}
	if took := time.Since(before); took > 2*time.Second {
		t.Errorf("waited %v", took)
	}
}

// TestWrite_LostAnswer: the request was done and the answer did not come. The driver repeats it, and
// finds its own version.
func TestWrite_LostAnswer(t *testing.T) {
	p, target, dest := throughProxy(t, elastic.Config{})
	lost := false
	p.after = func(w http.ResponseWriter, r *seen, _ *http.Response) bool {
		if !lost && strings.HasSuffix(r.path, "_bulk") {
			lost = true
			faultproxy.CutOff(w)
		}
		return false
	}
	items := failed(t, target, upsert(dest, "1", 7, "a", nil), remove(dest, "2", 8))
	if len(items) != 2 || items[0].Class != targets.Conflict || items[0].Stored != 7 || items[1].Class != targets.Conflict || items[1].Stored != 8 {
		t.Errorf("items: %+v, want conflicts with our own versions", items)
	}
}

func TestWrite_TimeoutIsLeftToTheCaller(t *testing.T) {
	p, _, dest := throughProxy(t, elastic.Config{})
	target := open(t, elastic.Config{URLs: []string{p.server.URL}, Timeout: 300 * time.Millisecond})
	release := make(chan struct{})
	p.after = func(_ http.ResponseWriter, r *seen, _ *http.Response) bool {
		if strings.HasSuffix(r.path, "_bulk") {
			<-release
		}
		return false
	}
	err := target.Write(t.Context(), []targets.Op{upsert(dest, "1", 7, "a", nil)})
	close(release)
	var partial *targets.PartialError
	if err == nil || errors.As(err, &partial) {
		t.Errorf("write: %v, want that nothing is known", err)
	}
	if n := len(p.all("_bulk")); n != 1 {
		t.Errorf("%d requests, want one", n)
	}
}
