package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/meepo-replicate/meepo/mappings"
)

// verifyFlags are the flags of verify alone.
type verifyFlags struct {
	json, repair, yes, again bool
	keys                     []string
	maxRepairs               int
	samples                  int
}

func newVerifyCommand(p *process) *cobra.Command {
	var how verifyFlags
	cmd := &cobra.Command{
		Use:   "verify [MAPPING...]",
		Short: "Hold source and target against each other, and mend what differs",
		Long: `Read all rows, map them, and compare them with what the target holds; then look for documents that no row stands
for. Nothing is written without --repair. MAPPING is a mapping's name, a table or a destination; without one, all are
compared. Where a run is on the state file, what it has not written yet is waited for, and a difference counts only if
it is still there afterwards. What was compared is kept beside the state: after Ctrl-C, the same command goes on.

Exit code 0 if both sides are equal, 5 if they are not and nothing was mended.`,
		RunE: func(cmd *cobra.Command, args []string) error { return runVerify(cmd, p, args, how) },
	}
	flags := cmd.Flags()
	flags.BoolVar(&how.json, "json", false, "one JSON document with all findings, see docs/verify.md")
	flags.BoolVar(&how.repair, "repair", false, "write what differs or is missing again, and remove documents without a row")
	flags.BoolVar(&how.yes, "yes", false, "repair without asking")
	flags.IntVar(&how.maxRepairs, "max-repairs", 10_000, "repair nothing if there is more to repair than this")
	flags.StringArrayVar(&how.keys, "key", nil, "compare this `KEY` only, as 17, or as de,17 for a key of two columns; may be repeated")
	flags.BoolVar(&how.again, "from-start", false, "begin at the start, whatever an earlier one has done")
	flags.IntVar(&how.samples, "samples", 5, "findings of each kind and mapping to show")
	addFlags(flags, byCompare)
	completeSettings(cmd)
	return cmd
}

func runVerify(cmd *cobra.Command, p *process, names []string, how verifyFlags) (err error) {
	c, warnings, err := loadConfig(cmd, byCompare)
	if err != nil {
		return err
	}
	log := newLogger(p.stderr, c)
	warn(log, warnings)
	ctx, stop := p.untilSignal(cmd.Context())
	defer stop()
	ends := &ends{}
	defer func() { err = errors.Join(err, ends.close(cmd.Context())) }()
	s, err := c.openSides(ctx, names, log, ends)
	if err != nil {
		return err
	}
	v := &verification{how: how, process: p, comparing: comparing{c: c, sides: s, log: log, began: time.Now(), again: how.again}}
	if v.keys, err = s.keysNamed(how.keys); err != nil {
		return err
	}
	v.keep = v.keys == nil
	if v.follower, err = openFollower(ctx, c.State, s.source, ends); err != nil {
		return err
	}
	if err = v.run(ctx); err != nil {
		return err
	}
	return v.verdict(ctx)
}

// keysNamed reads keys of the one plan that is meant; nil: none is named.
func (s *sides) keysNamed(texts []string) ([]mappings.DocKey, error) {
	if len(texts) == 0 {
		return nil, nil
	}
	if len(s.plans) > 1 {
		return nil, &usageError{"--key: it is not said of which table", "name the mapping or the table: meepo-replicate verify shop.orders --key " + texts[0]}
	}
	var keys []mappings.DocKey
	var wrong []error
	for _, text := range texts {
		key, err := s.plans[0].ParseKey(text)
		if err != nil {
			wrong = append(wrong, &usageError{err.Error(), "write the key as the table has it, several columns joined by commas in the key's order"})
		}
		keys = append(keys, mappings.DocKey{Plan: s.plans[0].ID(), Key: key})
	}
	return keys, errors.Join(wrong...)
}

// verification is one call of the command.
type verification struct {
	comparing
	how     verifyFlags
	process *process
}

// verdict shows what was found, mends it where that was asked for, and chooses the exit code.
func (v *verification) verdict(ctx context.Context) error {
	wrong := v.result.Wrong()
	if v.how.json {
		if err := writeJSON(v.process.stdout, v.document()); err != nil {
			return err
		}
	} else if err := v.print(v.process.stdout); err != nil {
		return err
	}
	switch {
	case wrong == 0:
		return nil
	case !v.how.repair:
		return &silentError{exitDiffers}
	}
	return v.repair(ctx)
}

// confirmed asks a person.
func (p *process) confirmed(question string) (bool, error) {
	if p.stderr.width() == 0 {
		return false, nil
	}
	fmt.Fprint(p.stderr, question+" [y/N] ")
	var answer string
	if _, err := fmt.Fscanln(os.Stdin, &answer); err != nil {
		return false, nil //nolint:nilerr // no answer is a no
	}
	return strings.EqualFold(answer, "y") || strings.EqualFold(answer, "yes"), nil
}
