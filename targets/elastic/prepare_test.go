package elastic_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/meepo-replicate/meepo/internal/servertest"
	"github.com/meepo-replicate/meepo/targets"
	"github.com/meepo-replicate/meepo/targets/elastic"
)

func prepare(t *testing.T, server *servertest.Elastic, dest *targets.Destination) error {
	t.Helper()
	return open(t, elastic.Config{URLs: []string{server.URL}}).Prepare(t.Context(), []*targets.Destination{dest})
}

// wantMismatch checks an error that somebody has to act on.
func wantMismatch(t *testing.T, err error, words ...string) {
	t.Helper()
	var hint *targets.HintError
	if !errors.Is(err, targets.ErrMismatch) || !errors.As(err, &hint) || hint.Advice == "" {
		t.Errorf("error %v, want ErrMismatch with a hint", err)
		return
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("error %q does not say %q", err, word)
		}
	}
}

type indexAnswer struct {
	Aliases map[string]struct {
		Write bool `json:"is_write_index"`
	} `json:"aliases"`
	Settings map[string]any `json:"settings"`
	Mappings struct {
		Dynamic    string                    `json:"dynamic"`
		Meta       map[string]map[string]any `json:"_meta"`
		Properties map[string]map[string]any `json:"properties"`
	} `json:"mappings"`
}

func getIndex(t *testing.T, server *servertest.Elastic, name string) indexAnswer {
	t.Helper()
	status, answer := server.Do(t, http.MethodGet, "/"+name+"?flat_settings=true", nil)
	var indices map[string]indexAnswer
	if err := json.Unmarshal(answer, &indices); err != nil || status != http.StatusOK || len(indices) != 1 {
		t.Fatalf("get %s: status %d, %v: %s", name, status, err, answer)
	}
	for _, index := range indices {
		return index
	}
	return indexAnswer{}
}

func TestPrepare_MakesIndexBehindAlias(t *testing.T) {
	server := servertest.OpenElastic(t)
	dest := destination(server, "shop.orders")
	if err := prepare(t, server, dest); err != nil {
		t.Fatal(err)
	}
	index := getIndex(t, server, dest.Name+"-000001")
	if !index.Aliases[dest.Name].Write || index.Mappings.Dynamic != "strict" || index.Settings["index.gc_deletes"] != "1h" || index.Settings["index.translog.durability"] != "request" ||
		index.Mappings.Meta["meepo"]["destination"] != dest.Name || index.Mappings.Properties["size"]["type"] != "byte" {
		t.Errorf("index: %+v", index)
	}
}

func TestPrepare_AtOnceByTwo(t *testing.T) {
	server := servertest.OpenElastic(t)
	dest := destination(server, "both")
	var preparing sync.WaitGroup
	for range 4 {
		preparing.Go(func() {
			if err := prepare(t, server, dest); err != nil {
				t.Error(err)
			}
		})
	}
	preparing.Wait()
}

func TestPrepare_ConcreteIndexIsMismatch(t *testing.T) {
	server := servertest.OpenElastic(t)
	dest := destination(server, "theirs")
	wantStatus(t, server, http.MethodPut, "/"+dest.Name, nil, http.StatusOK)
	wantMismatch(t, prepare(t, server, dest), dest.Name, "is an index")
}

func TestPrepare_AliasOfTwoIndicesIsMismatch(t *testing.T) {
	server := servertest.OpenElastic(t)
	dest := destination(server, "two")
	for _, n := range []string{"a", "b"} {
		wantStatus(t, server, http.MethodPut, "/"+dest.Name+n, map[string]any{"aliases": map[string]any{dest.Name: map[string]any{}}}, http.StatusOK)
	}
	wantMismatch(t, prepare(t, server, dest), "2 indices")
	other := destination(server, "readonly")
	wantStatus(t, server, http.MethodPut, "/"+other.Name+"a", map[string]any{"aliases": map[string]any{other.Name: map[string]any{"is_write_index": false}}}, http.StatusOK)
	wantMismatch(t, prepare(t, server, other), "does not let")
}

// TestPrepare_IndexOfTheirOwn is used as it is where its types take the values.
func TestPrepare_IndexOfTheirOwn(t *testing.T) {
	server := servertest.OpenElastic(t)
	dest := destination(server, "own")
	dest.Fields = append(slices.Clone(dest.Fields), targets.Field{Name: "a.b", Kind: targets.KindInt, Bits: 16}, targets.Field{Name: "data", Kind: targets.KindJSON})
	wantStatus(t, server, http.MethodPut, "/"+dest.Name+"-mine", map[string]any{"mappings": map[string]any{"properties": map[string]any{
		"name":  map[string]any{"type": "keyword"},
		"extra": map[string]any{"type": "date"},
		"size":  map[string]any{"type": "long"},
		"a":     map[string]any{"properties": map[string]any{"b": map[string]any{"type": "integer"}}},
	}}}, http.StatusOK)
	wantStatus(t, server, http.MethodPut, "/"+dest.Name+"-mine/_alias/"+dest.Name, nil, http.StatusOK)
	if err := prepare(t, server, dest); err != nil {
		t.Fatal(err)
	}
	if got := getIndex(t, server, dest.Name).Mappings.Properties; got["data"]["type"] != "object" || got["name"]["type"] != "keyword" || got["extra"] == nil {
		t.Errorf("properties: %v", got)
	}
	if items := failed(t, open(t, elastic.Config{URLs: []string{server.URL}}), upsert(dest, "1", 1, "a", int64(1), int64(2), `{"x":1}`)); items != nil {
		t.Errorf("write: %+v", items)
	}
	dest.Fields = append(slices.Clone(dest.Fields), targets.Field{Name: "extra", Kind: targets.KindInt, Bits: 32, Native: "int"})
	wantMismatch(t, prepare(t, server, dest), "field extra", "is date", "integer is wanted", "(int)")
}

func TestPrepare_IndexWithoutItsAlias(t *testing.T) {
	server := servertest.OpenElastic(t)
	dest := destination(server, "healed")
	if err := prepare(t, server, dest); err != nil {
		t.Fatal(err)
	}
	alias := "/" + dest.Name + "-000001/_alias/" + dest.Name
	wantStatus(t, server, http.MethodDelete, alias, nil, http.StatusOK)
	if err := prepare(t, server, dest); err != nil {
		t.Errorf("empty and ours: %v", err)
	}
	if items := failed(t, open(t, elastic.Config{URLs: []string{server.URL}}), upsert(dest, "1", 1, "a", nil)); items != nil {
		t.Errorf("write: %+v", items)
	}
	wantStatus(t, server, http.MethodDelete, alias, nil, http.StatusOK)
	wantMismatch(t, prepare(t, server, dest), "without the alias", "holds 1 documents")

	other := destination(server, "foreign")
	wantStatus(t, server, http.MethodPut, "/"+other.Name+"-000001", nil, http.StatusOK)
	wantMismatch(t, prepare(t, server, other), "was not made for it")
}

// TestPrepare_AllAtOnce: everything that keeps any destination from being made is said, each with its
// advice, and none is made.
func TestPrepare_AllAtOnce(t *testing.T) {
	server := servertest.OpenElastic(t)
	fine, concrete, foreign, filled, unnamed := destination(server, "fine"), destination(server, "concrete"), destination(server, "foreign"), destination(server, "filled"), destination(server, "un#named")
	restored := destination(server, "restored")
	wantStatus(t, server, http.MethodPut, "/"+concrete.Name, nil, http.StatusOK)
	wantStatus(t, server, http.MethodPut, "/"+foreign.Name+"-000001", nil, http.StatusOK)
	for _, dest := range []*targets.Destination{filled, restored} {
		if err := prepare(t, server, dest); err != nil {
			t.Fatal(err)
		}
		if dest == filled {
			wantStatus(t, server, http.MethodPut, "/"+dest.Name+"/_doc/1", map[string]any{"name": "a"}, http.StatusCreated)
		}
		wantStatus(t, server, http.MethodDelete, "/"+dest.Name+"-000001/_alias/"+dest.Name, nil, http.StatusOK)
	}
	all := []*targets.Destination{fine, restored, concrete, foreign, filled, unnamed}
	target := open(t, elastic.Config{URLs: []string{server.URL}})
	err := target.Prepare(t.Context(), all)
	wantMismatch(t, err, concrete.Name, "is an index", foreign.Name, "was not made for it", filled.Name, "holds 1 documents", unnamed.Name, "holds '#'")
	if n := strings.Count(fmt.Sprint(err), "prepare "); n != 4 {
		t.Errorf("%d errors, want 4: %v", n, err)
	}
	for _, name := range []string{fine.Name, restored.Name} {
		wantStatus(t, server, http.MethodHead, "/"+name, nil, http.StatusNotFound)
	}
	found := check(t, server.URL, all...)
	for _, dest := range all[2:] { // check foretells the same
		wantFinding(t, found, targets.Fatal, dest.Name)
	}
	if err := target.Prepare(t.Context(), all[:2]); err != nil {
		t.Error(err)
	}
}

func TestPrepare_ManyFields(t *testing.T) {
	server := servertest.OpenElastic(t)
	dest := destination(server, "wide")
	dest.Fields = nil
	for i := range 1017 {
		dest.Fields = append(dest.Fields, targets.Field{Name: fmt.Sprint("column", i), Kind: targets.KindText, Length: 100})
	}
	first := *dest
	first.Fields = dest.Fields[:300]
	if err := prepare(t, server, &first); err != nil {
		t.Fatal(err)
	}
	if err := prepare(t, server, dest); err != nil {
		t.Errorf("with 1017 fields: %v", err)
	}
	other := *dest
	other.Name += "2"
	if err := prepare(t, server, &other); err != nil {
		t.Errorf("a new index with 1017 fields: %v", err)
	}
}

func TestPrepare_NamesAndFields(t *testing.T) {
	server := servertest.OpenElastic(t)
	for name, c := range map[string]struct {
		dest   string
		fields []string
		want   string
	}{
		"upper case":     {"Shop.Orders", []string{"a"}, `use "shop.orders"`},
		"slash":          {"a/b", []string{"a"}, `holds '/'`},
		"space":          {"a b", []string{"a"}, `holds ' '`},
		"colon":          {"a:b", []string{"a"}, `holds ':'`},
		"percent":        {"a%20b", []string{"a"}, `holds '%'`},
		"begins":         {"_a", []string{"a"}, `begins with "_"`},
		"empty":          {"", []string{"a"}, "empty"},
		"dots":           {"..", []string{"a"}, "reserved"},
		"long":           {strings.Repeat("x", 249), []string{"a"}, "249 bytes"},
		"metadata field": {"a", []string{"b", "_id"}, "field _id"},
		"field twice":    {"a", []string{"b", "b"}, "two of that name"},
		"field object":   {"a", []string{"b.c", "b"}, "fields b and b.c"},
		"field blank":    {"a", []string{" "}, "the name is empty"},
		"field dot":      {"a", []string{"b."}, "a dot"},
	} {
		t.Run(name, func(t *testing.T) {
			dest := &targets.Destination{Name: c.dest}
			for _, field := range c.fields {
				dest.Fields = append(dest.Fields, targets.Field{Name: field, Kind: targets.KindInt, Bits: 8})
			}
			err := prepare(t, server, dest)
			var hint *targets.HintError
			if err == nil || !strings.Contains(err.Error(), c.want) || !errors.As(err, &hint) {
				t.Errorf("error %v, want %q and a hint", err, c.want)
			}
		})
	}
	// The longest name that we take is one that the server takes, too.
	longest := &targets.Destination{Name: server.Prefix + strings.Repeat("ü", (248-len(server.Prefix))/2), Fields: fields}
	if err := prepare(t, server, longest); err != nil {
		t.Errorf("a name of %d bytes: %v", len(longest.Name), err)
	}
}

// TestPrepare_AskedTypes: an index that exists has the type that the mapping asks for, with its parameters.
func TestPrepare_AskedTypes(t *testing.T) {
	server := servertest.OpenElastic(t)
	target := open(t, elastic.Config{URLs: []string{server.URL}})
	dest := destination(server, "asked")
	dest.Fields = []targets.Field{
		{Name: "code", Kind: targets.KindText, Native: "varchar(10)", Length: 10, As: "keyword"},
		{Name: "place", Kind: targets.KindVector, Native: "vector(3)", Length: 3, As: "dense_vector"},
	}
	if err := target.Prepare(t.Context(), []*targets.Destination{dest}); err != nil {
		t.Fatal(err)
	}
	for want, change := range map[string]func(fields []targets.Field){
		"":                              func(fields []targets.Field) { fields[0].As = "" },
		"is keyword, where text":        func(fields []targets.Field) { fields[0].As = "text" },
		"has dims 3, where 4 is wanted": func(fields []targets.Field) { fields[1].Length = 4 },
		`there is no type "keywords"`:   func(fields []targets.Field) { fields[0].As = "keywords" },
	} {
		other := *dest
		other.Fields = slices.Clone(dest.Fields)
		change(other.Fields)
		err := target.Prepare(t.Context(), []*targets.Destination{&other})
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}
