package targets_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/meepo-replicate/meepo/targets"
)

func named(names ...string) []targets.Field {
	fields := make([]targets.Field, len(names))
	for i, name := range names {
		fields[i].Name = name
	}
	return fields
}

func TestNest_GroupsByObject(t *testing.T) {
	got := targets.Nest(named("id", "a.x", "name", "a.b.y", "c.z", "a.b.w"))
	want := []targets.Member{
		{Name: "id", Field: 0},
		{Name: "a", Field: -1, Members: []targets.Member{
			{Name: "x", Field: 1},
			{Name: "b", Field: -1, Members: []targets.Member{{Name: "y", Field: 3}, {Name: "w", Field: 5}}},
		}},
		{Name: "name", Field: 2},
		{Name: "c", Field: -1, Members: []targets.Member{{Name: "z", Field: 4}}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestCheckPaths(t *testing.T) {
	for names, want := range map[string]string{
		"a b a.b":   "fields a and a.b: the dot makes a an object, which it is not",
		"a.b.c a.b": "fields a.b and a.b.c: the dot makes a.b an object, which it is not",
		"a.b a.b":   "field a.b: there are two of that name",
		"a. b":      `field "a.": a dot at an end or beside a dot`,
		".a":        `field ".a": a dot at an end or beside a dot`,
		"a..b":      `field "a..b": a dot at an end or beside a dot`,
		"":          `field "": the name is empty`,
		"a.b a.c d": "",
		"a ab.c":    "",
	} {
		got := ""
		if err := targets.CheckPaths(named(strings.Split(names, " ")...)); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%s: %s, want %s", names, got, want)
		}
	}
}
