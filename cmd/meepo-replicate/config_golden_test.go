package main

import (
	"errors"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var rewriteGolden = flag.Bool("golden", false, "write the golden files anew; read the diff before you commit it")

// compareGolden compares with testdata/<dir>/<name>.
func compareGolden(t *testing.T, dir, name, got string) {
	t.Helper()
	path := filepath.Join(dir, strings.ReplaceAll(name, " ", "-")+".txt")
	if *rewriteGolden {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

var badConfigs = map[string]setup{
	"nothing said": {},
	"unknown keys": {files: map[string]string{"meepo.yaml": `version: 2
source:
  ulr: mysql://a:hunter2@h/x
  pasword: hunter2
  tls: {mode: verify_full, cafile: x}
tabels: [a.b]
target: elastic
colour: red
`}},
	"variables": {files: map[string]string{"meepo.yaml": `source: {url: "mysql://${DBUSER}@h/x", password: 'a$$b${oops'}
target: {kind: elastic, url: "http://${ES_HOST}:9200", user: $HOME}
mappings:
  - {name: a, from: "${SCHEMA}.a"}
`}, vars: map[string]string{"ES_HOST": "es"}},
	"variable without quotes": {files: map[string]string{"meepo.yaml": "target: {url: http://${ES_HOST}:9200, user: a}\n"}},
	"wrong values": {files: map[string]string{"meepo.yaml": `once: maybe
tables: {a: b}
rate: [1]
log_level: inf
`}, vars: map[string]string{"MEEPO_RATE": "-1"}, args: []string{"--target=elastics", "--source-server-id=0", "--source-heartbeat=10", "--source-password-file=nowhere"}},
	"not YAML": {files: map[string]string{"meepo.yaml": "source:\n\turl: x\n"}},
	"twice":    {files: map[string]string{"meepo.yaml": "state: a\nsource: {url: a, url: b}\nstate: b\n"}},
	"mappings": {files: map[string]string{"meepo.yaml": `mappings:
  - {name: a, form: s.a}
  - b.yaml
  - nowhere.yaml
  - {name: c, from: s.c}
once: perhaps
`, "b.yaml": "version: 1\nmappings:\n  - {name: c, from: s.c, excludes: [x]}\n"}},
	"mapping names": {files: map[string]string{"meepo.yaml": "mappings: [{name: a, from: s.a}, b.yaml, c*.yaml]\n", "b.yaml": "version: 1\nmappings:\n  - {name: a, from: s.c}\n"}, args: needed},
	"a list":        {files: map[string]string{"meepo.yaml": "- a\n"}},
	"anchors":       {files: map[string]string{"meepo.yaml": "state: &a x\n"}},
	"no file":       {args: []string{"--config=nowhere.yaml"}},
	"contradiction": {args: append([]string{"--once", "--follow-only", "--all-tables", "--tables=a.b"}, needed...), vars: map[string]string{"MEEPO_TARGET_API_KEY": "k", "MEEPO_TARGET_USER": "u"}},
	"two passwords": {files: map[string]string{"meepo.yaml": "source: {password: hunter2, password_file: pw}\n", "pw": "x"}},
	"everything at once": {files: map[string]string{"meepo.yaml": `source: {tls: {mode: required, ca_file: nowhere.pem, cert_file: nobody.pem}}
target: {api_key: hunter2, user: me}
tables: [orders, "b.["]
colour: red
mappings: [{name: a, form: s.a}]
`}, args: []string{"--source=mysql://a@h", "--target-url=h:9200", "--once", "--follow-only"}},
	"rows of another database": {files: map[string]string{"meepo.yaml": `source: {url: "postgres://a:hunter2@h/x", read_url: "postgres://a:hunter2@b/y"}
target: {kind: elastic, url: "http://es:9200"}
`}},
	"rows of a replica": {files: map[string]string{"meepo.yaml": `source: {url: "mysql://a:hunter2@h/x", read_url: "mysql://b/x"}
target: {kind: elastic, url: "http://es:9200"}
`}},
	"versions where there is no column": {files: map[string]string{"meepo.yaml": `source: {url: "mysql://a:hunter2@h/x"}
target: {kind: mongo, url: "mongodb://u:hunter2@m/x?w=0", version_column: v, api_key: hunter2}
`}},
	"one line": {files: map[string]string{"meepo.yaml": `{"source": {"url": "mysql://a:hunter2@h/x", "password": "hunter2"}, "stat": "x"}`}},
}
