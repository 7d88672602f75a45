package elastic

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestParseBulk_RefusesWhatIsNoAnswer(t *testing.T) {
	for _, answer := range []string{
		``, `{}`, `null`, `[]`, `{"errors":false,"items":[]}`, `{"items":[{"index":{"status":201}}`, `{"items":[{"index":{"status":201}},{}]}`,
		`{"items":[{"index":{"status":201}},{"index":{}}]}`, `{"items":[{"index":{"status":201}},{"index":{"status":201},"delete":{"status":200}}]}`,
		`{"items":[{"index":{"status":201}},{"index":{"status":201}},{"index":{"status":201}}]}`, `<html>`,
		`{"items":[{"index":{"status":201}},{"index":{"status":999}}]}`, `{"items":[{"index":{"status":201}},{"index":{"status":400,"Status":201}}]} x`,
		`{"items":[{"index":{"status":201}},{"index":{"status":400,"status":201}}]}`, `{"items":[{"index":{"status":201}},{"index":{"Status":201}}]}`,
		`{"items":[{"index":{"status":201}},{"create":{"status":201}}]}`, `{"errors":true,"items":[{"index":{"status":201}},{"index":{"status":201}}]}`,
		`{"errors":false,"items":[{"index":{"status":201}},{"delete":{"_index":"d-000001","status":404}}]}`,
	} {
		if items, err := parseBulk([]byte(answer), []action{actionIndex, actionIndex}); err == nil {
			t.Errorf("%s: %+v", answer, items)
		}
	}
	for _, answer := range []string{
		`{"items":[{"delete":{"status":200}}]}`, `{"errors":false,"items":[{"delete":{"_index":"","status":404}}]}`, `{"errors":false,"items":[{"index":{"status":200}}]}`,
	} {
		if items, err := parseBulk([]byte(answer), []action{actionDelete}); err == nil {
			t.Errorf("a delete, %s: %+v", answer, items)
		}
	}
}

func TestItemCause_FromTheWire(t *testing.T) {
	items, err := parseBulk([]byte(`{"items":[{"index":{"status":400,"error":{"type":"a","reason":"b","caused_by":{"type":"c","reason":null}}}}]}`), []action{actionIndex})
	if err != nil || items[0].Error.CausedBy.Type != "c" || items[0].Error.text() != "a: b; caused by c" {
		t.Errorf("%+v, %v", items, err)
	}
}

// FuzzParsePlainBulk: the fast reader reads the same as package json, or nothing.
func FuzzParsePlainBulk(f *testing.F) {
	f.Add(`{"errors":false,"items":[{"index":{"status":201}},{"delete":{"_index":"d-000001","status":404}}]}`)
	f.Add(`{"errors":false,"items":[{"delete":{"_index":"d","status":200}},{"index":{"status":200}}]}` + "\n")
	f.Add(`{"errors":false,"items":[{"delete":{"_index":"a","status":200,"error":{"type":"b","status":201}}},{"index":{"status":200}}]}`)
	f.Fuzz(func(t *testing.T, answer string) {
		for _, actions := range [][]action{{actionIndex, actionDelete}, {actionDelete, actionIndex}} {
			fast, ok := parsePlainBulk([]byte(answer), actions)
			if !ok {
				continue
			}
			var content struct {
				Items []map[action]struct {
					Index  string `json:"_index"`
					Status int
					Error  *itemCause
				}
			}
			if err := json.Unmarshal([]byte(answer), &content); err != nil || len(content.Items) != 2 {
				t.Fatalf("%q: %+v, and by package json %v", answer, fast, err)
			}
			for i, item := range content.Items {
				if len(item) != 1 || bulkItem(item[actions[i]]) != fast[i] {
					t.Errorf("%q: item %d is %+v, and by package json %+v", answer, i, fast[i], item)
				}
			}
		}
	})
}

func BenchmarkParseBulk(b *testing.B) {
	actions := make([]action, 1000)
	for i := range actions {
		actions[i] = actionIndex
	}
	const conflict = `{"index":{"status":409,"error":{"type":"version_conflict_engine_exception","reason":"[1]: version conflict, current version [5] is higher"}}},`
	for name, item := range map[string]string{"plain": `{"index":{"status":201}},`, "conflicts": conflict} {
		b.Run(name, func(b *testing.B) {
			answer := []byte(`{"errors":` + map[bool]string{true: "false", false: "true"}[name == "plain"] + `,"items":[` + strings.TrimSuffix(strings.Repeat(item, 1000), ",") + `]}`)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := parseBulk(answer, actions); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
