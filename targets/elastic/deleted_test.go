package elastic

import (
	"strings"
	"testing"

	"github.com/meepo-replicate/meepo/targets"
)

func TestWithMark_KeepsAllElse(t *testing.T) {
	const at = `"2026-01-02T03:04:05Z"`
	for _, c := range []struct{ name, field, doc, want string }{
		{"null", "gone", `{"a":1.00,"gone":null,"b":"<\u0041>"}`, `{"a":1.00,"gone":` + at + `,"b":"<\u0041>"}`},
		{"not there", "gone", `{"a":1}`, `{"gone":` + at + `,"a":1}`},
		{"nothing there", "gone", ` { } `, ` {"gone":` + at + ` } `},
		{"last, with spaces", "gone", "{ \"a\" : {\"gone\":1} ,\n \"gone\" : null }", "{ \"a\" : {\"gone\":1} ,\n \"gone\" : " + at + " }"},
		{"has one", "gone", `{"gone":"2025-01-01T00:00:00Z"}`, `{"gone":"2025-01-01T00:00:00Z"}`},
		{"an escaped name", "gone", `{"g\u006fne":null}`, `{"g\u006fne":` + at + `}`},
		{"within", "meta.gone", `{"meta":{"a":1,"gone":null},"b":2}`, `{"meta":{"a":1,"gone":` + at + `},"b":2}`},
		{"within, not there", "meta.gone", `{"meta":{},"b":2}`, `{"meta":{"gone":` + at + `},"b":2}`},
		{"within null", "meta.more.gone", `{"meta":null}`, `{"meta":{"more":{"gone":` + at + `}}}`},
		{"within nothing", "meta.more.gone", `{"b":2}`, `{"meta":{"more":{"gone":` + at + `}},"b":2}`},
		{"within has one", "meta.gone", `{"meta":{"gone":1}}`, `{"meta":{"gone":1}}`},
		{"within a number", "meta.gone", `{"meta":1}`, "error"},
		{"no object", "gone", `[1]`, "error"},
		{"no document", "gone", ``, "error"},
	} {
		dest := &targets.Destination{Name: "d", Fields: []targets.Field{{Name: c.field, Kind: targets.KindTimestamp}}, Mark: c.field}
		op := &targets.Op{Verb: targets.MarkDeleted, Dest: dest, ID: "1", Version: 1, Doc: []any{strings.Trim(at, `"`)}}
		got, err := withMark(op, []byte(c.doc))
		switch {
		case c.want == "error":
			if err == nil {
				t.Errorf("%s: %s, want an error", c.name, got)
			}
		case err != nil || string(got) != c.want:
			t.Errorf("%s: %s, %v; want %s", c.name, got, err, c.want)
		}
	}
}
