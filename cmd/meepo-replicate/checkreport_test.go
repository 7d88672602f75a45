package main

import (
	"bytes"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/meepo-replicate/meepo/mappings"
	"github.com/meepo-replicate/meepo/source"
)

func someReport() *checkReport {
	r := &checkReport{}
	g := r.group(sideSource, "source mysql://db")
	g.add(source.Note, "gtid_mode", "is <OFF>", "")
	g.failed("grants", &source.HintError{Err: errors.New("the account lacks SELECT"), Advice: "GRANT SELECT"})
	r.group(sideTables, "tables and mappings").failed("", &mappings.Error{Place: mappings.Place{File: "meepo.yaml", Line: 14, Column: 11}, Message: "unknown column", Hint: "did you mean id?"})
	r.group(sideTarget, "target http://es")
	return r
}

// TestCheckReport_JSON: the document is promised to programs, so it is compared as a whole.
func TestCheckReport_JSON(t *testing.T) {
	var out bytes.Buffer
	if err := someReport().printJSON(&out); err != nil {
		t.Fatal(err)
	}
	want := `{
  "version": 1,
  "findings": [
    {
      "side": "source",
      "severity": "error",
      "subject": "grants",
      "message": "the account lacks SELECT",
      "fix": "GRANT SELECT",
      "place": null,
      "loss": null
    },
    {
      "side": "source",
      "severity": "note",
      "subject": "gtid_mode",
      "message": "is <OFF>",
      "fix": "",
      "place": null,
      "loss": null
    },
    {
      "side": "tables",
      "severity": "error",
      "subject": "",
      "message": "unknown column",
      "fix": "did you mean id?",
      "place": {
        "file": "meepo.yaml",
        "line": 14,
        "column": 11
      },
      "loss": null
    }
  ],
  "counts": {
    "errors": 2,
    "warnings": 0,
    "notes": 1
  }
}
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Error(diff)
	}
}

func TestCheckReport_Text(t *testing.T) {
	var out bytes.Buffer
	if err := someReport().print(&out); err != nil {
		t.Fatal(err)
	}
	want := `source mysql://db
  error    grants: the account lacks SELECT
           what to do: GRANT SELECT
  note     gtid_mode: is <OFF>

tables and mappings
  error    meepo.yaml:14:11: unknown column
           what to do: did you mean id?

target http://es
  ok

2 errors, 0 warnings, 1 notes. Nothing was written.
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Error(diff)
	}
}

// TestCheck_JSONOfAWrongFile: a file that cannot be read is a finding, too, with its place, and the exit code stays that of a
// wrong configuration.
func TestCheck_JSONOfAWrongFile(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("meepo.yaml", []byte("version: 1\nsuorce: {}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	code, stdout, stderr := call(t, "check", "--json")
	if code != exitUsage || stderr != "" {
		t.Errorf("exit code %d, %q", code, stderr)
	}
	for _, want := range []string{`"side": "configuration"`, `unknown key \"suorce\"`, `"line": 2`, `"column": 1`} {
		if !strings.Contains(stdout, want) {
			t.Errorf("no %s in\n%s", want, stdout)
		}
	}
}

func TestGrouped(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", 1203331: "1,203,331", -1000: "-1,000", -100: "-100"} {
		if got := grouped(n); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
}
