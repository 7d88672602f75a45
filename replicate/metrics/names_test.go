package metrics_test

import (
	"os"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/goccy/go-yaml"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
)

const operations = "../../docs/operations.md"

// rule is an alert rule as the file has it.
type rule struct {
	Alert, Expr string
	Annotations struct {
		Summary string
		Runbook string `yaml:"runbook_url"`
	}
}

func loadRules(t *testing.T) []rule {
	t.Helper()
	var file struct {
		Groups []struct{ Rules []rule }
	}
	text, err := os.ReadFile(rules)
	if err == nil {
		err = yaml.Unmarshal(text, &file)
	}
	if err != nil || len(file.Groups) != 1 || len(file.Groups[0].Rules) == 0 {
		t.Fatalf("rules: %v, %+v", err, file)
	}
	return file.Groups[0].Rules
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

var metricName = regexp.MustCompile(`\bmeepo_[a-z_]+`)

// TestRules_HaveARunbook: each rule asks for metrics that exist and points to its section.
func TestRules_HaveARunbook(t *testing.T) {
	page, names := read(t, operations), read(t, "names.go")
	for _, r := range loadRules(t) {
		if !strings.Contains(page, "\n### "+r.Alert+"\n") {
			t.Errorf("%s has no section %s", operations, r.Alert)
		}
		if want := "docs/operations.md#" + strings.ToLower(r.Alert); !strings.HasSuffix(r.Annotations.Runbook, want) {
			t.Errorf("%s: its runbook_url %s does not end in %s", r.Alert, r.Annotations.Runbook, want)
		}
		for _, name := range metricName.FindAllString(r.Expr, -1) {
			if !strings.Contains(names, `"`+name+`"`) {
				t.Errorf("%s asks for %s, which there is not", r.Alert, name)
			}
		}
	}
}

// TestNames_OfARun: what a run serves keeps Prometheus' conventions.
func TestNames_OfARun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, nil)
		page := r.page()
		r.end()
		problems, err := promlint.New(strings.NewReader(page)).Lint()
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range problems {
			if strings.HasPrefix(p.Metric, "meepo_") && p.Metric != "meepo_log_runway_hours" { // what people think of it in
				t.Errorf("%s: %s", p.Metric, p.Text)
			}
		}
	})
}
