package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/meepo-replicate/meepo/mappings/cases"
	"github.com/meepo-replicate/meepo/source"
)

// The command is "test"; a file cmd_test.go would be a test of Go's.

type casesOptions struct {
	target string
	update bool
}

func newTestCommand(p *process) *cobra.Command {
	var o casesOptions
	cmd := &cobra.Command{
		Use:   "test [DIR]",
		Short: "Try mappings on rows in files, without a database",
		Long: `Try mappings on rows in files, without a database: each folder at or below DIR (by default this one) that holds a
case.yaml is a case. It is compared with its want.txt what comes out: plans, warnings and operations, or errors.

  target: elastic
  mappings: ../../orders.yaml        # without it: mapping.yaml beside, if there is one
  variables: {MASK_KEY: only for this test}
  tables:
    - table: shop.orders
      key: id
      columns:
        id: bigint unsigned
        total: decimal(12,2)
        placed: datetime
      rows:
        - {id: 1, total: 12.50, placed: 2026-02-28 10:30:00}

--update writes want.txt anew: read the difference before you keep it. The exit code is 1 if a case does not give what
it should.`,
		RunE: func(_ *cobra.Command, args []string) error {
			switch len(args) {
			case 0:
				return runCases(p, ".", o)
			case 1:
				return runCases(p, args[0], o)
			}
			return &usageError{fmt.Sprintf("name one folder with cases, not %d", len(args)), "see meepo-replicate test --help"}
		},
	}
	cmd.Flags().Var(choice(&o.target, append([]string{""}, targetNames()...)...), "target", "the target of cases that name none: "+strings.Join(targetNames(), ", "))
	cmd.Flags().BoolVar(&o.update, "update", false, "write what comes out as what is wanted")
	completeChoices(cmd, "target", targetNames()...)
	return cmd
}

// newCaseRunner makes a runner that knows the drivers.
func newCaseRunner(target string) cases.Runner {
	runner := cases.Runner{
		Target: target, Targets: allRules(),
		Source: sourceKinds[0].schemes()[0], Sources: map[string]func(string) (source.Type, error){},
		Load: caseMappings,
	}
	for _, kind := range sourceKinds {
		for _, scheme := range kind.schemes() {
			runner.Sources[scheme] = kind.typeNamed
		}
	}
	return runner
}

func runCases(p *process, folder string, o casesOptions) error {
	folders, err := cases.Find(folder)
	if err != nil {
		return &usageError{text: err.Error(), advice: "name a folder that is there"}
	}
	if len(folders) == 0 {
		return &usageError{text: "there is no case in " + folder, advice: "make a folder with a " + cases.File + " in it: see meepo-replicate test --help"}
	}
	runner := newCaseRunner(o.target)
	failed := 0
	for _, one := range folders {
		if !runCase(p, runner, one, o.update) {
			failed++
		}
	}
	if failed == 0 {
		fmt.Fprintf(p.stdout, "%s, all as wanted\n", counted(len(folders), "case"))
		return nil
	}
	fmt.Fprintf(p.stdout, "%s, %d not as wanted\n", counted(len(folders), "case"), failed)
	return &silentError{exitFailed}
}

// runCase runs one case, says how it went, and returns whether all is well.
func runCase(p *process, runner cases.Runner, folder string, update bool) bool {
	result, err := runner.Run(folder)
	if err == nil && update && !result.Fits() {
		if err = result.Update(); err == nil {
			fmt.Fprintf(p.stdout, "new   %s\n%s", folder, indented(result.Diff()))
			return true
		}
	}
	switch {
	case err != nil:
		fmt.Fprintf(p.stdout, "FAIL  %s\n", folder)
		// As want.txt has them: in a case no key is a secret, which printError would take it for.
		fmt.Fprint(p.stdout, indented(err.Error()))
	case result.Fits():
		fmt.Fprintf(p.stdout, "ok    %s\n", folder)
		return true
	case result.Want == "":
		fmt.Fprintf(p.stdout, "FAIL  %s\n%s      nothing is wanted yet: this is what comes out, and --update keeps it as want.txt\n", folder, indented(result.Got))
	default:
		fmt.Fprintf(p.stdout, "FAIL  %s\n%s      if what comes out is right: meepo-replicate test --update %s\n", folder, indented(result.Diff()), folder)
	}
	return false
}

// indented moves lines to the right, so that they belong to the case above them.
func indented(text string) string {
	var out strings.Builder
	for line := range strings.Lines(text) {
		out.WriteString("      " + line)
	}
	if text != "" && !strings.HasSuffix(text, "\n") {
		out.WriteByte('\n')
	}
	return out.String()
}
