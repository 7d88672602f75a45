package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"
)

// setup is a configuration to be read: files in a fresh working directory, variables, a command line.
type setup struct {
	files map[string]string
	vars  map[string]string
	args  []string
	use   usedBy // byRun if zero
}

func (s setup) load(t *testing.T) (*config, []string, error) {
	t.Helper()
	return load(s.environment(t))
}

// environment makes the files and takes the command line apart.
func (s setup) environment(t *testing.T) environment {
	t.Helper()
	t.Chdir(t.TempDir())
	for name, text := range s.files {
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if s.use == 0 {
		s.use = byRun
	}
	flags := pflag.NewFlagSet("test", pflag.ContinueOnError)
	addFlags(flags, s.use)
	if err := flags.Parse(s.args); err != nil {
		t.Fatal(err)
	}
	var environ []string
	for name := range s.vars {
		environ = append(environ, name+"=…")
	}
	lookup := func(name string) (string, bool) {
		text, ok := s.vars[name]
		return text, ok
	}
	return environment{flags: flags, lookup: lookup, environ: environ, use: s.use}
}

// needed are the flags that a run cannot do without.
var needed = []string{"--source=mysql://meepo@127.0.0.1/shop", "--target=elastic", "--target-url=http://127.0.0.1:9200"}

// TestConfig_Precedence sets every setting in all layers and takes the layers away one by one.
func TestConfig_Precedence(t *testing.T) {
	for i := range settings {
		s := &settings[i]
		if s.key == "" || s.flag == "" {
			continue // tested by name below
		}
		t.Run(s.key, func(t *testing.T) {
			values := valuesFor(s)
			file := yamlFor(s.key, values[0])
			layers := setup{files: map[string]string{"meepo.yaml": file, "pem0": "0", "pem1": "1", "pem2": "2"}, use: byAll}
			for n, want := range values {
				switch n {
				case 1:
					layers.vars = map[string]string{s.env(): values[1]}
				case 2:
					layers.args = []string{"--" + s.flag + "=" + values[2]}
				}
				got, _, _ := layers.load(t) // what else is missing does not matter here
				fresh := &config{origins: map[string]origin{}}
				if err := s.assign(fresh, []string{want}); err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(s.into(fresh), s.into(got)); diff != "" {
					t.Errorf("layer %d does not count: %s", n, diff)
				}
			}
		})
	}
}

// valuesFor returns what the file, the variable and the flag say.
func valuesFor(s *setting) [3]string {
	switch {
	case s.key == "target.kind":
		return [3]string{"elastic", "elastic", "elastic"}
	case len(s.oneOf) > 0:
		return [3]string{s.oneOf[0], s.oneOf[1], s.oneOf[len(s.oneOf)-2]}
	case s.boolean():
		return [3]string{"true", "false", "true"}
	case s.path:
		return [3]string{"pem0", "pem1", "pem2"}
	case s.key == "source.heartbeat":
		return [3]string{"0", "2s", "3m"}
	case s.key == "source.url":
		return [3]string{"mysql://a@h/x", "mysql://b@h/x", "mysql://c@h/x"}
	}
	return [3]string{"11", "22", "33"}
}

func yamlFor(key, value string) string {
	var text strings.Builder
	parts := strings.Split(key, ".")
	for i, part := range parts {
		text.WriteString("\n" + strings.Repeat("  ", i) + part + ":")
	}
	return strings.TrimPrefix(text.String(), "\n") + " " + value + "\n"
}

func TestConfig_Example(t *testing.T) {
	c, warnings, err := setup{
		files: map[string]string{"meepo.yaml": `version: 1
source: {url: "mysql://meepo@db:3306/shop", password_file: secrets/mysql, tls: {mode: verify-full, ca_file: ca.pem}}
target: {kind: elastic, url: "https://es:9200", api_key: "${ES_API_KEY}"}     # an unset variable is an error
state: ./meepo-state.db
tables: [shop.*]
mappings:
  - {name: orders, from: shop.orders, to: orders, exclude: [note], fields: {total: {to: amount}}}
  - more.yaml
`, "secrets/mysql": "geheim\n", "ca.pem": "", "more.yaml": "version: 1\nmappings:\n  - {name: users, from: shop.users}\n"},
		vars: map[string]string{"ES_API_KEY": "abc$$d"},
	}.load(t)
	if err != nil || len(warnings) > 0 {
		t.Fatal(err, warnings)
	}
	password, err := c.Source.Password.reader("")(t.Context())
	if err != nil || password != "geheim" {
		t.Errorf("password %q, %v", password, err)
	}
	if c.Target.APIKey.Text != "abc$$d" || c.Source.TLS.Mode != "verify-full" || len(c.Mappings) != 1 || c.OnTruncate != "propagate" {
		t.Errorf("read as %+v", c)
	}
	if diff := cmp.Diff([]string{"more.yaml"}, c.MappingFiles); diff != "" {
		t.Error(diff)
	}
}

// TestConfig_Golden compares what is printed for configurations that are wrong.
func TestConfig_Golden(t *testing.T) {
	dir, err := filepath.Abs("testdata/config")
	if err != nil {
		t.Fatal(err)
	}
	for name, s := range badConfigs {
		t.Run(name, func(t *testing.T) {
			_, _, err := s.load(t)
			if err == nil {
				t.Fatal("it was accepted")
			}
			if code := exitCode(err); code != exitUsage {
				t.Errorf("exit code %d", code)
			}
			var out bytes.Buffer
			printError(&out, err)
			if strings.Contains(out.String(), "hunter2") {
				t.Errorf("a secret is shown:\n%s", &out)
			}
			compareGolden(t, dir, name, out.String())
		})
	}
}

func TestConfig_PathsAreFromTheFilesFolder(t *testing.T) {
	c, _, err := setup{
		files: map[string]string{"etc/m.yaml": "state: s.db\nsource: {url: 'mysql://a@h/x', tls: {ca_file: /abs.pem}}\nmappings: m/orders.yaml\n"},
		args:  []string{"--config", "etc/m.yaml", "--source-tls-cert-file", "cert.pem"}, use: byStatus | byRun,
	}.load(t)
	if c.State != filepath.Join("etc", "s.db") || c.Source.TLS.CAFile != "/abs.pem" || c.MappingFiles[0] != filepath.Join("etc", "m", "orders.yaml") {
		t.Errorf("read as %+v, %v", c, err)
	}
}

func mappingFile(name string) string {
	return "version: 1\nmappings:\n  - {name: " + name + ", from: shop." + name + "}\n"
}

func TestConfig_FlagDropsTheFilesMappings(t *testing.T) {
	c, _, err := setup{
		files: map[string]string{"meepo.yaml": "mappings:\n- {name: a, from: s.a}\n- b.yaml\n", "c.yaml": mappingFile("c"), "d.yaml": mappingFile("d"), "e.yaml": mappingFile("e")},
		args:  append([]string{"--mappings=c.yaml,d.yaml", "--mappings=e.yaml"}, needed...),
	}.load(t)
	if err != nil || len(c.parsed) != 3 {
		t.Fatal(c.parsed, err)
	}
	if diff := cmp.Diff([]string{"c.yaml", "d.yaml", "e.yaml"}, c.MappingFiles); diff != "" || len(c.Mappings) > 0 {
		t.Error(diff, c.Mappings)
	}
}

func TestConfig_HigherLayersSecretCounts(t *testing.T) {
	for name, test := range map[string]struct {
		vars map[string]string
		args []string
		want secret
	}{
		"variable beats the file's file": {vars: map[string]string{"MEEPO_SOURCE_PASSWORD": "v"}, want: secret{Text: "v"}},
		"flag beats the variable": {vars: map[string]string{"MEEPO_SOURCE_PASSWORD": "v"},
			args: []string{"--source-password-file=pw"}, want: secret{File: "pw"}},
		"file alone": {want: secret{File: "pw"}},
	} {
		t.Run(name, func(t *testing.T) {
			c, _, err := setup{files: map[string]string{"meepo.yaml": "source: {password_file: pw}\n", "pw": "x"},
				vars: test.vars, args: append(test.args, needed...)}.load(t)
			if err != nil || c.Source.Password != test.want {
				t.Errorf("%+v, %v", c.Source.Password, err)
			}
		})
	}
}

func TestConfig_Warnings(t *testing.T) {
	_, warnings, err := setup{
		args: []string{"--source=mysql://meepo:hunter2@127.0.0.1/shop", "--target=elastic", "--target-url=http://127.0.0.1:9200"},
		vars: map[string]string{"MEEPO_TABELS": "x", "MEEPO_TEST_MYSQL_URL": "y", "MEEPO_REPLICATE_PORT": "z"},
	}.load(t)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"the password in --source can be seen by everyone on this machine (ps); use --source-password-file or MEEPO_SOURCE_PASSWORD",
		"the variable MEEPO_TABELS means nothing: did you mean MEEPO_TABLES?",
	}
	if diff := cmp.Diff(want, warnings); diff != "" {
		t.Error(diff)
	}
}

func TestSecret_FileIsReadAtEveryConnect(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pw")
	read := secret{File: path}.reader("")
	for _, want := range []string{"one", "two"} {
		if err := os.WriteFile(path, []byte(want+"\r\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := read(t.Context()); err != nil || got != want {
			t.Errorf("%q, %v", got, err)
		}
	}
}

func TestSettings_NamesAreUnique(t *testing.T) {
	seen := map[string]bool{}
	for i := range settings {
		for _, name := range []string{settings[i].key, settings[i].flag, settings[i].env()} {
			if name != "" && seen[name] && !strings.EqualFold(settings[i].key, settings[i].flag) {
				t.Errorf("%s is there twice", name)
			}
			seen[name] = true
		}
	}
}

func TestHideSecrets_KeepsTheLength(t *testing.T) {
	for line, want := range map[string]string{
		`url: "mysql://a:hunter2@h/x", pasword: 1`: `url: "mysql://a:*******@h/x", pasword: *`,
		`url: mysql://a:hun@ter/2@h`:               `url: mysql://a:*********@h`,
		`api_key: hunter2`:                         `api_key: *******`,
		`url: http://h:9200/a`:                     `url: http://h:9200/a`,
	} {
		if got := hideSecrets(line); got != want {
			t.Errorf("%s: %s", line, got)
		}
	}
}

func TestShownURL(t *testing.T) {
	for raw, want := range map[string]string{
		"mysql://a:hunter2@h:3306/x":                    "mysql://a:xxxxx@h:3306/x",
		"http://a:hun@ter/2@h":                          "http://a:xxxxx@h",
		"http://a:hunter2@h:9200,http://b:hunter2@i:92": "http://a:xxxxx@i:92",
		"http://a:hunter2@h:9200,http://i:9200":         "http://a:xxxxx@h:9200,http://i:9200",
		"http://h:9200":                                 "http://h:9200",
	} {
		if got := shownURL(raw); got != want {
			t.Errorf("%s: %s, want %s", raw, got, want)
		}
	}
}
