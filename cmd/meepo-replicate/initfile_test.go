package main

import (
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
)

func TestQuoted(t *testing.T) {
	for _, text := range []string{
		"orders", "shop.orders", "./meepo-state.db", "true", "No", "null", "~", "", " ", "1", "1e3", "0x1f", "-", "a: b", "a #b", "@a", "`a`", "%a", "[a]", "{a}", "a,b",
		`back\slash`, `quo"te`, "single'", "line\nbreak", "tab\t", "\u0001\u0085\u2028\ufeff", "ünïcode 🙂", "*", "&a", "!a", "|", ">", "?", ".5", ".nan", "2026-01-01", "y", "on", "a\u007f",
	} {
		var got struct{ V string }
		if err := yaml.Unmarshal([]byte("v: "+quoted(text)+"\n"), &got); err != nil || got.V != text {
			t.Errorf("%q is written as %s and read as %q, %v", text, quoted(text), got.V, err)
		}
		var list []string
		if err := yaml.Unmarshal([]byte("["+quoted(text)+", x]\n"), &list); err != nil || len(list) != 2 || list[0] != text {
			t.Errorf("%q is written as %s and read in a list as %q, %v", text, quoted(text), list, err)
		}
	}
}

func TestWithoutSecrets(t *testing.T) {
	for _, test := range []struct {
		raw, password, want string
		variables           []string
	}{
		{raw: "mysql://meepo@db/shop", want: "mysql://meepo@db/shop"},
		{raw: "mysql://meepo:hunter2@db/shop?tls=required", want: "mysql://meepo@db/shop?tls=required"},
		{raw: "mysql://meepo:hun@ter2@db/shop", want: "mysql://meepo@db/shop"},
		{raw: "mysql://meepo:@db/shop", want: "mysql://meepo@db/shop"},
		{raw: "mysql://mee$po:hunter2@db/sh$op", want: "mysql://mee$$po@db/sh$$op"},
		{raw: "https://a:hunter2@es1:9200,https://b:hunter2@es2:9200, http://es3", want: "https://a@es1:9200,https://b@es2:9200,http://es3"},
		{raw: "mongodb://u:hunter2@m1:27017,m2:27017/shop?replicaSet=rs0", want: "mongodb://u@m1:27017,m2:27017/shop?replicaSet=rs0"},
		{raw: "mongodb://m/?authMechanismProperties=AWS_SESSION_TOKEN:hunter2&tlsCertificateKeyFilePassword=hunter2",
			want:      "mongodb://m/?authMechanismProperties=${TARGET_URL_AUTHMECHANISMPROPERTIES}&tlsCertificateKeyFilePassword=${TARGET_URL_TLSCERTIFICATEKEYFILEPASSWORD}",
			variables: []string{"TARGET_URL_AUTHMECHANISMPROPERTIES", "TARGET_URL_TLSCERTIFICATEKEYFILEPASSWORD"}},
		{raw: "postgres://h/d?user=u&password=hunter2&sslmode=require", want: "postgres://h/d?user=u&password=${TARGET_URL_PASSWORD}&sslmode=require", variables: []string{"TARGET_URL_PASSWORD"}},
		{raw: "postgres://reader:hunter2@standby", password: "SOURCE_READ_PASSWORD", want: "postgres://reader:${SOURCE_READ_PASSWORD}@standby", variables: []string{"SOURCE_READ_PASSWORD"}},
	} {
		got, variables := withoutSecrets(test.raw, "TARGET", test.password)
		if diff := cmp.Diff(test.want, got) + cmp.Diff(test.variables, variables); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.raw, diff)
		}
		if strings.Contains(got, "hunter2") {
			t.Errorf("%s: a secret is in %s", test.raw, got)
		}
	}
}

// TestInit_Settings writes what flags and variables say, and reads it again.
func TestInit_Settings(t *testing.T) {
	said := setup{use: byInit, files: map[string]string{"pw": "hunter2", "ca.pem": "x", "deploy/x": ""}, args: []string{
		"--source=postgres://meepo:hunter2@db/shop?slot=a", "--source-tls-mode=verify-ca", "--source-tls-ca-file=ca.pem", "--source-heartbeat=5s", "--source-publication=p$p",
		"--target=elastic", "--target-url=https://es:9200", "--target-user=me", "--target-password-file=pw", "--state=data/state.db", "--source-read-url=postgres://r:hunter2@standby"},
		vars: map[string]string{"MEEPO_LOG_LEVEL": "warn"}}
	env := said.environment(t)
	c, _, err := load(env)
	if err != nil {
		t.Fatal(err)
	}
	file := (&survey{sourceWords: "a source", targetWords: "a target"}).writeFile(c, env, "deploy")
	text := file.text.String()
	if strings.Contains(text, "hunter2") {
		t.Errorf("a secret is in\n%s", text)
	}
	want := `# a source
source:
  url: "postgres://meepo@db/shop?slot=a"
  # The password of the URL is not written here. A file, read again at every connect, would do as well:
  # password_file: /run/secrets/source
  password: "${MEEPO_SOURCE_PASSWORD}"
  tls:
    mode: verify-ca
    ca_file: ../ca.pem
  publication: "p$$p"
  read_url: "postgres://r:${SOURCE_READ_PASSWORD}@standby"
  heartbeat: "5s"

# a target
target:
  kind: elastic
  url: "https://es:9200"
  user: me
  password_file: ../pw
`
	if !strings.Contains(text, want) {
		t.Errorf("%s", cmp.Diff(want, text))
	}
	if !strings.Contains(text, "\nstate: ../data/state.db\n") {
		t.Errorf("the state is elsewhere in\n%s", text)
	}
	if diff := cmp.Diff([]string{"MEEPO_SOURCE_PASSWORD", "SOURCE_READ_PASSWORD"}, file.variables); diff != "" {
		t.Error(diff)
	}
}
