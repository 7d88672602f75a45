package main

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/meepo-replicate/meepo/mappings"
	"github.com/meepo-replicate/meepo/source"
	"github.com/meepo-replicate/meepo/targets"
)

// call runs a command line in this process.
func call(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, err bytes.Buffer
	code = run(args, &out, &err)
	return code, out.String(), err.String()
}

func TestRoot_WrongCommandLines(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, test := range []struct {
		args string
		want string
	}{
		{"--tabels=x", "error: unknown flag: --tabels: did you mean --tables?\n  what to do: see meepo-replicate --help\n"},
		{"--source-password=hunter2", "error: unknown flag: --source-password: passwords are not flags, since ps would show them\n" +
			"  what to do: set MEEPO_SOURCE_PASSWORD or MEEPO_TARGET_PASSWORD, or use --source-password-file or --target-password-file\n"},
		{"-phunter2", "error: unknown shorthand flag: 'p'\n  what to do: see meepo-replicate --help\n"},
		{"stauts", "error: unknown command \"stauts\": did you mean status?\n  what to do: see meepo-replicate --help\n"},
		{"deadletters rety", "error: unknown command \"rety\": did you mean retry?\n  what to do: see meepo-replicate deadletters --help\n"},
		{"--max-rejected=30 --source=mysql://u@h/d --target=elastic --target-url=http://h", "error: --max-rejected: 30 is not a share above 0, up to 1: 0.25 is a quarter\n"},
		{"mysql://a:hunter2@h", "error: there is something on the command line that belongs to no flag\n  what to do: write --source URL for the source and --target-url URL for the target\n"},
		{"events --format=yaml", "error: invalid argument \"yaml\" for \"--format\" flag: \"yaml\" is not one of json, plain\n  what to do: see meepo-replicate events --help\n"},
		{"status --state=nowhere.db", "error: there is no state file nowhere.db\n  what to do: name the one of your run by --state, or start a run: it makes the file\n"},
	} {
		code, stdout, stderr := call(t, strings.Fields(test.args)...)
		if code != exitUsage || stdout != "" {
			t.Errorf("%s: exit code %d, output %q", test.args, code, stdout)
		}
		if diff := cmp.Diff(test.want, stderr); diff != "" {
			t.Errorf("%s: %s", test.args, diff)
		}
	}
}

func TestRoot_Help(t *testing.T) {
	code, stdout, _ := call(t, "--help")
	if code != exitOK {
		t.Fatal(code)
	}
	for i := range settings {
		s := &settings[i]
		if shown := strings.Contains(stdout, "--"+s.flag+" "); s.flag != "" && shown != (s.uses&byRun != 0) {
			t.Errorf("--%s is shown: %v", s.flag, shown)
		}
	}
	for _, want := range []string{"130", "init", "check", "status", "resume", "deadletters", "events", "version", "completion"} {
		if !strings.Contains(stdout, want) {
			t.Errorf("the help does not name %s:\n%s", want, stdout)
		}
	}
}

func TestRoot_VersionAndCompletion(t *testing.T) {
	for args, want := range map[string]string{
		"version":                      "meepo-replicate ",
		"--version":                    "meepo-replicate ",
		"completion bash":              "bash completion",
		"__complete --target ":         "elastic\n",
		"__complete --log-level w":     "warn\n",
		"__complete events --format p": "plain\n",
		"__complete check --source-tls-mode verify-f": "verify-full\n",
	} {
		fields := strings.Fields(args)
		if strings.HasSuffix(args, " ") {
			fields = append(fields, "")
		}
		code, stdout, stderr := call(t, fields...)
		if code != exitOK || !strings.Contains(stdout, want) {
			t.Errorf("%s: exit code %d, %s%s", args, code, stdout, stderr)
		}
	}
}

func TestExitCode(t *testing.T) {
	for want, errs := range map[int][]error{
		exitOK:       {nil},
		exitFailed:   {errors.New("x"), &silentError{exitFailed}},
		exitUsage:    {&problem{}, &usageError{}, &mappings.Error{}, source.ErrNoTable, errors.Join(errors.New("x"), &problem{})},
		exitLost:     {fmt.Errorf("open: %w", source.ErrPositionLost)},
		exitMismatch: {fmt.Errorf("prepare: %w", targets.ErrMismatch)},
		exitAtOnce:   {errSecondSignal, errInterrupted},
	} {
		for _, err := range errs {
			if got := exitCode(err); got != want {
				t.Errorf("%v: exit code %d, want %d", err, got, want)
			}
		}
	}
}

func TestPrintError_JoinsHintsAndPlaces(t *testing.T) {
	err := errors.Join(
		fmt.Errorf("open source: %w", &source.HintError{Err: errors.New("refused"), Advice: "start it"}),
		&mappings.Error{Place: mappings.Place{File: "m.yaml", Line: 3, Column: 2, Text: "\tpassword: hunter2"}, Message: "bad", Hint: "good"},
		errors.Join(errors.New("a"), errors.New("b")),
		errors.New("a"),
	)
	var out bytes.Buffer
	printError(&out, err)
	want := `error: open source: refused
  what to do: start it
error: m.yaml:3:2: bad
    3 |  password: *******
         ^
  what to do: good
error: a
error: b
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Error(diff)
	}
}
