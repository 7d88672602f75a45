package expressions_test

import (
	"fmt"
	"testing"

	"github.com/meepo-replicate/meepo/mappings/expressions"
)

// FuzzCompile: whatever is written is refused with a place inside the text, or runs, twice alike.
func FuzzCompile(f *testing.F) {
	for _, text := range []string{
		"total - tax", "status != 'draft' and not (n in [1, 2])", "filter(meta.tags, {# != 'a'})[0]", "name[1:-1] + string(raw)",
		"yes ? n : none", "meta?.a?.b ?? 1", `$env["order-id"]`, "let x = 1; x", "any([1], {# > 0})", "-n ** 2", "round(f, 2)", "{a: 1}", "map(", "1..2",
		"name matches name", "day in ['2026-01-01', day]", "replace(name, '', name)",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := compile(t, text)
		if err != nil {
			wrong := expressions.Errors(err)
			if len(wrong) == 0 {
				t.Errorf("%q: an error of another kind: %v", text, err)
			}
			for _, e := range wrong {
				if e.From < 0 || e.To < e.From || e.Message == "" {
					t.Errorf("%q: %+v", text, e)
				}
			}
			return
		}
		first, err := p.Run(valuesOf(p))
		second, again := p.Run(valuesOf(p))
		if (err == nil) != (again == nil) {
			t.Errorf("%q: %v, then %v", text, err, again)
		}
		if err == nil && fmt.Sprintf("%T %v", first, first) != fmt.Sprintf("%T %v", second, second) {
			t.Errorf("%q: %v, then %v", text, first, second)
		}
	})
}
