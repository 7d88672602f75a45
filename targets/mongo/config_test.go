package mongo_test

import (
	"strings"
	"testing"

	"github.com/meepo-replicate/meepo/targets"
	"github.com/meepo-replicate/meepo/targets/mongo"
)

func TestConfig(t *testing.T) {
	for url, want := range map[string]string{
		"mongodb://h/app": "",
		"mongodb://u:hunter1@h1,h2:27018/app?replicaSet=rs0": "",
		"mongodb://h/app?w=1":                                "",
		"mongodb://h/app?w=0":                                "w=0 gives no answer",
		"http://h/app":                                       "url: want \"mongodb://",
		"mongodb://u:hunter1@h/app?w=many&x=y":               "",
		"mongodb://u:hunter1@h/app?maxPoolSize=hunter":       "url of h: ",
		"mongodb://u:hunter1@h/admin":                        `the database "admin" is not for`,
		"mongodb://u:hunter1@h/a.b":                          "a character that no database may have",
		"mongodb://u:hunter1%@h/a":                           "url: not a valid one",
	} {
		err := mongo.Config{URL: url}.Validate()
		if want == "" && err == nil {
			continue
		}
		if err == nil || want == "" || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter1") {
			t.Errorf("%s: %v, want %q", url, err, want)
		}
	}
	if err := (mongo.Config{URL: "x://h", Conns: -1, Timeout: -5}).Validate(); err == nil || strings.Count(err.Error(), "\n") != 2 {
		t.Errorf("not all problems: %v", err)
	}
}

func TestNames(t *testing.T) {
	for name, fits := range map[string]bool{
		"app.film": true, "app.a.b": true, "app.Ünï code": true, "film": false, ".film": false, "app.": false, "admin.x": false, "app.system.users": false,
		"app.a$b": false, "a b.c": false, "app.meepo_replicate.marks": false, "meepo_replicate.x": false, "app..x": false, "app.x.": false, "app.a..b": false,
		strings.Repeat("x", 64) + ".a": false, "a." + strings.Repeat("x", 119): false,
	} {
		if err := mongo.CheckName(name); (err == nil) != fits {
			t.Errorf("%q: %v", name, err)
		}
	}
	for name, fits := range map[string]bool{"a": true, "a$": true, "_id": false, "$a": false, "a.b": true, "a.$b": false, ".a": false, "_id.a": false, "": false, "a\x00": false, "id": true} {
		if err := mongo.CheckFields([]targets.Field{{Name: name}}); (err == nil) != fits {
			t.Errorf("field %q: %v", name, err)
		}
	}
	if err := mongo.CheckFields([]targets.Field{{Name: "a"}, {Name: "a"}}); err == nil {
		t.Error("two fields of one name fit")
	}
}
