package main

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// ranked is a configuration whose places contradict each other, and what counts.
type ranked struct {
	file string
	vars map[string]string
	args []string
	want string
	// wrong is part of the error instead.
	wrong string
}

// settle loads it, with what a run cannot do without where the case does not say it, and compares
// what show makes of it with what counts.
func (r ranked) settle(t *testing.T, show func(*config) (string, error)) {
	t.Helper()
	s := setup{files: map[string]string{"meepo.yaml": r.file, "pw": "from pw"}, vars: map[string]string{
		"MEEPO_SOURCE": "mysql://meepo@h/shop", "MEEPO_TARGET": "elastic", "MEEPO_TARGET_URL": "http://h:9200"}, args: r.args}
	for name, text := range r.vars {
		s.vars[name] = text
	}
	for name, value := range s.vars {
		if value == "-" {
			delete(s.vars, name)
		}
	}
	c, _, err := s.load(t)
	if r.wrong != "" {
		if err == nil || !strings.Contains(err.Error(), r.wrong) {
			t.Errorf("error %v, want %q", err, r.wrong)
		} else if n := len(flatten(err)); n != 1 {
			t.Errorf("%d errors, want one: %v", n, err)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	got, err := show(c)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(r.want, got); diff != "" {
		t.Error(diff)
	}
}

// askFor returns what a password function says.
func askFor(t *testing.T, ask func(context.Context) (string, error)) string {
	t.Helper()
	if ask == nil {
		return "none"
	}
	text, err := ask(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestRanks_SourcePassword(t *testing.T) {
	const url = "mysql://meepo:from-url@h/shop"
	for name, r := range map[string]ranked{
		"the flag's URL beats the variable":          {args: []string{"--source=" + url}, vars: map[string]string{"MEEPO_SOURCE_PASSWORD": "v"}, want: "from-url"},
		"the flag's URL beats the file":              {args: []string{"--source=" + url}, file: "source: {password: f}\n", want: "from-url"},
		"the flag's URL beats the file's file":       {args: []string{"--source=" + url}, file: "source: {password_file: nowhere}\n", want: "from-url"},
		"the flag's file beats the flag's URL":       {args: []string{"--source=" + url, "--source-password-file=pw"}, want: "from pw"},
		"the flag's file beats the variable's URL":   {args: []string{"--source-password-file=pw"}, vars: map[string]string{"MEEPO_SOURCE": url}, want: "from pw"},
		"the variable beats the variable's URL":      {vars: map[string]string{"MEEPO_SOURCE": url, "MEEPO_SOURCE_PASSWORD": "v"}, want: "v"},
		"the variable beats the file's URL":          {file: "source: {url: '" + url + "'}\n", vars: map[string]string{"MEEPO_SOURCE": "-", "MEEPO_SOURCE_PASSWORD": "v"}, want: "v"},
		"the variable's URL beats the file":          {file: "source: {password_file: pw}\n", vars: map[string]string{"MEEPO_SOURCE": url}, want: "from-url"},
		"the file's file beats the file's URL":       {file: "source: {url: '" + url + "', password_file: pw}\n", vars: map[string]string{"MEEPO_SOURCE": "-"}, want: "from pw"},
		"a URL without a password says nothing":      {args: []string{"--source=mysql://meepo@h/shop"}, vars: map[string]string{"MEEPO_SOURCE_PASSWORD": "v"}, want: "v"},
		"a URL with an empty password says nothing":  {args: []string{"--source=mysql://meepo:@h/shop"}, vars: map[string]string{"MEEPO_SOURCE_PASSWORD": "v"}, want: "v"},
		"a file that counts for nothing is not read": {file: "source: {password_file: nowhere}\n", vars: map[string]string{"MEEPO_SOURCE_PASSWORD": "v"}, want: "v"},
	} {
		t.Run(name, func(t *testing.T) {
			r.settle(t, func(c *config) (string, error) {
				cfg, err := c.mysqlConfig()
				return askFor(t, cfg.Password), err
			})
		})
	}
}

// TestRanks_SourceParameters: the rest of what a URL can say has the URL's rank, too.
func TestRanks_SourceParameters(t *testing.T) {
	const url = "mysql://meepo@h/shop?tls=required&server-id=7&tls-server-name=u"
	file := "source: {server_id: 8, tls: {mode: verify-ca, server_name: f}}\n"
	for name, r := range map[string]ranked{
		"the flag's URL beats the file":    {args: []string{"--source=" + url}, file: file, want: "required 7 u"},
		"the flag beats the flag's URL":    {args: []string{"--source=" + url, "--source-tls-mode=preferred"}, file: file, want: "preferred 7 u"},
		"the variable beats a file's URL":  {file: "source: {url: '" + url + "'}\n", vars: map[string]string{"MEEPO_SOURCE": "-", "MEEPO_SOURCE_SERVER_ID": "9"}, want: "required 9 u"},
		"the file beats what nobody says":  {file: file, want: "verify-ca 8 f"},
		"the file beats the URL beside it": {file: strings.Replace(file, "{", "{url: '"+url+"', ", 1), vars: map[string]string{"MEEPO_SOURCE": "-"}, want: "verify-ca 8 f"},
	} {
		t.Run(name, func(t *testing.T) {
			r.settle(t, func(c *config) (string, error) {
				cfg, err := c.mysqlConfig()
				return fmt.Sprint(cfg.TLS.Mode, " ", cfg.ServerID, " ", cfg.TLS.ServerName), err
			})
		})
	}
}

func TestRanks_TargetAccount(t *testing.T) {
	const url = "http://urluser:from-url@h:9200"
	for name, r := range map[string]ranked{
		"the flag's URL beats variables":          {args: []string{"--target-url=" + url}, vars: map[string]string{"MEEPO_TARGET_USER": "v", "MEEPO_TARGET_PASSWORD": "v"}, want: "urluser from-url none"},
		"the flag's URL beats a variable's key":   {args: []string{"--target-url=" + url}, vars: map[string]string{"MEEPO_TARGET_API_KEY": "k"}, want: "urluser from-url none"},
		"the flag's URL beats the file":           {args: []string{"--target-url=" + url}, file: "target: {user: f, password_file: nowhere}\n", want: "urluser from-url none"},
		"the flag's user beats the variable's":    {args: []string{"--target-user=f"}, vars: map[string]string{"MEEPO_TARGET_URL": url, "MEEPO_TARGET_PASSWORD": "v"}, want: "f v none"},
		"the variable's user beats the file's":    {file: "target: {url: '" + url + "'}\n", vars: map[string]string{"MEEPO_TARGET_URL": "-", "MEEPO_TARGET_USER": "v", "MEEPO_TARGET_PASSWORD": "p"}, want: "v p none"},
		"the variable's key beats the file's URL": {file: "target: {url: '" + url + "'}\n", vars: map[string]string{"MEEPO_TARGET_URL": "-", "MEEPO_TARGET_API_KEY": "k"}, want: " none k"},
		"the variable's key beats the file":       {file: "target: {user: f, password: f}\n", vars: map[string]string{"MEEPO_TARGET_API_KEY": "k"}, want: " none k"},
		"the flag's user beats the file's key":    {file: "target: {api_key: k}\n", args: []string{"--target-user=f"}, vars: map[string]string{"MEEPO_TARGET_PASSWORD": "v"}, want: "f v none"},
		"the variable beats the file's password":  {file: "target: {url: '" + url + "'}\n", vars: map[string]string{"MEEPO_TARGET_URL": "-", "MEEPO_TARGET_PASSWORD": "v"}, want: "urluser v none"},
		"the setting beats the URL beside it":     {file: "target: {url: '" + url + "', password: f}\n", vars: map[string]string{"MEEPO_TARGET_URL": "-"}, want: "urluser f none"},
		"a user alone goes with any password":     {args: []string{"--target-url=http://urluser@h:9200"}, vars: map[string]string{"MEEPO_TARGET_PASSWORD": "v"}, want: "urluser v none"},
		"a password in a URL goes with its user":  {file: "target: {user: f}\n", vars: map[string]string{"MEEPO_TARGET_URL": url}, want: "urluser from-url none"},

		"user and key of one rank":        {vars: map[string]string{"MEEPO_TARGET_USER": "u", "MEEPO_TARGET_API_KEY": "k"}, wrong: "MEEPO_TARGET_API_KEY: cannot be used together with MEEPO_TARGET_USER"},
		"user and URL's user of one rank": {vars: map[string]string{"MEEPO_TARGET_USER": "u", "MEEPO_TARGET_URL": url}, wrong: "MEEPO_TARGET_USER: cannot be used together with the user in MEEPO_TARGET_URL"},
		"key and URL's user of one rank":  {vars: map[string]string{"MEEPO_TARGET_API_KEY": "k", "MEEPO_TARGET_URL": url}, wrong: "MEEPO_TARGET_API_KEY: cannot be used together with the user in MEEPO_TARGET_URL"},
		"password and key of one rank":    {vars: map[string]string{"MEEPO_TARGET_API_KEY": "k", "MEEPO_TARGET_PASSWORD": "p"}, wrong: "MEEPO_TARGET_API_KEY: cannot be used together with MEEPO_TARGET_PASSWORD"},
		"a password and nobody's":         {vars: map[string]string{"MEEPO_TARGET_PASSWORD": "p"}, wrong: "MEEPO_TARGET_PASSWORD: there is a password, and no user"},
		"a password above the file's key": {file: "target: {api_key: k}\n", vars: map[string]string{"MEEPO_TARGET_PASSWORD": "p"}, wrong: "MEEPO_TARGET_PASSWORD: there is a password, and no user"},
	} {
		t.Run(name, func(t *testing.T) {
			r.settle(t, func(c *config) (string, error) {
				cfg, err := c.elasticConfig()
				return cfg.User + " " + askFor(t, cfg.Password) + " " + askFor(t, cfg.APIKey), err
			})
		})
	}
}

func TestRanks_Tables(t *testing.T) {
	for name, r := range map[string]ranked{
		"--all-tables beats the file's tables":      {file: "tables: [a.b]\n", args: []string{"--all-tables"}, want: "shop.*"},
		"--tables beats the file's all_tables":      {file: "all_tables: true\n", args: []string{"--tables=a.b"}, want: "a.b"},
		"MEEPO_ALL_TABLES beats the file's tables":  {file: "tables: [a.b]\n", vars: map[string]string{"MEEPO_ALL_TABLES": "1"}, want: "shop.*"},
		"--tables beats MEEPO_ALL_TABLES":           {vars: map[string]string{"MEEPO_ALL_TABLES": "1"}, args: []string{"--tables=a.b"}, want: "a.b"},
		"--all-tables=false leaves the file's":      {file: "tables: [a.b]\n", args: []string{"--all-tables=false"}, want: "a.b"},
		"two flags":                                 {args: []string{"--all-tables", "--tables=a.b"}, wrong: "--all-tables: cannot be used together with --tables"},
		"two variables":                             {vars: map[string]string{"MEEPO_ALL_TABLES": "1", "MEEPO_TABLES": "a.b"}, wrong: "MEEPO_ALL_TABLES: cannot be used together with MEEPO_TABLES"},
		"two lines of the file":                     {file: "tables: [a.b]\nall_tables: true\n", wrong: "all_tables: cannot be used together with tables"},
		"--once beats the file's follow_only":       {file: "follow_only: true\n", args: []string{"--once"}, want: " once"},
		"--follow-only beats MEEPO_ONCE":            {args: []string{"--follow-only"}, vars: map[string]string{"MEEPO_ONCE": "1"}, want: " follow"},
		"once and follow_only both of the variable": {vars: map[string]string{"MEEPO_ONCE": "1", "MEEPO_FOLLOW_ONLY": "1"}, wrong: "MEEPO_FOLLOW_ONLY: cannot be used together with MEEPO_ONCE"},
	} {
		t.Run(name, func(t *testing.T) {
			r.settle(t, func(c *config) (string, error) {
				s, err := c.selectTables()
				if err != nil {
					return "", err
				}
				got := strings.Join(texts(s.tables), " ")
				if c.Once {
					got += " once"
				}
				if c.FollowOnly {
					got += " follow"
				}
				return got, nil
			})
		})
	}
}
