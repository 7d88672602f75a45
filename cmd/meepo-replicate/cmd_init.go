package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
)

func newInitCommand(p *process) *cobra.Command {
	output := defaultConfigFile
	cmd := &cobra.Command{
		Use:   "init",
		Short: "Look at both sides and write a configuration to begin with",
		Long: `Look at a source, and at the target where it answers, and write one commented configuration: a mapping for each table,
with what the target does not keep of its columns. Tables that cannot be followed are left out with the reason, columns
that look like secrets are excluded, and no password is written: a variable stands in its place. Without --tables all
tables of the URL's database are taken. Nothing is overwritten, and neither side is changed.

  meepo-replicate init --source mysql://meepo@db/shop --target elastic --target-url https://es:9200`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return runInit(cmd, p, output) },
	}
	addFlags(cmd.Flags(), byInit)
	cmd.Flags().StringVar(&output, "output", output, "`FILE` to write; - for standard output")
	completeSettings(cmd)
	_ = cmd.MarkFlagFilename("output", "yaml", "yml")
	return cmd
}

func runInit(cmd *cobra.Command, p *process, output string) error {
	if err := refuseExisting(output); err != nil {
		return err // before anybody waits for a server
	}
	env := environment{flags: cmd.Flags(), lookup: os.LookupEnv, environ: os.Environ(), use: byInit}
	c, warnings, err := load(env)
	if err != nil {
		return err
	}
	log := newLogger(p.stderr, c)
	warn(log, warnings)
	ctx, stop := p.untilSignal(cmd.Context())
	defer stop()
	s, err := lookAt(ctx, c, log)
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	if err != nil {
		return err
	}
	file := s.writeFile(c, env, filepath.Dir(output))
	if output == "-" {
		if _, err := io.WriteString(p.stdout, file.text.String()); err != nil {
			return err
		}
		return s.report(p.stderr, file, "")
	}
	if err := writeNew(output, file.text.String()); err != nil {
		return err
	}
	return s.report(p.stdout, file, output)
}

// refuseExisting is the error of a file that is there.
func refuseExisting(path string) error {
	if path == "" {
		return &problem{Where: "--output", Text: "no file is named", Advice: "name one, or - for standard output"}
	}
	if _, err := os.Lstat(path); err != nil || path == "-" {
		return nil // what else may be wrong shows when it is written
	}
	return &problem{Where: "--output", Text: path + " is there already, and is not overwritten",
		Advice: "name another file with --output, or - to see on standard output what would be written; or move " + path + " away"}
}

// writeNew writes a file that is not there yet, whole or not at all.
func writeNew(path, text string) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return refuseExisting(path)
	}
	if err != nil {
		return &problem{Where: "--output", Text: err.Error(), Advice: "name a file in a folder that is there, and where you may write"}
	}
	_, err = file.WriteString(text)
	if err = errors.Join(err, file.Close()); err != nil {
		return errors.Join(fmt.Errorf("write %s: %w", path, err), os.Remove(path))
	}
	return nil
}

// report says what was found and written. Path is empty where the file went to standard output.
func (s *survey) report(w io.Writer, file *writtenFile, path string) error {
	out := &lines{w: w}
	out.printf("source   %s · %s, %s\n", s.sourceWords, counted(s.tables, "table"), rowsText(s.rows))
	out.printf("target   %s\n", cmp.Or(s.targetWords, "answers, and does not say what it is"))
	wrote := path
	if path == "" {
		wrote = "to standard output"
	}
	wrote += " (" + counted(len(s.drafts), "table") + ")"
	if len(s.leftOut) > 0 {
		var names []string
		for _, l := range s.leftOut {
			names = append(names, l.table.Name+" ("+l.short()+")")
		}
		wrote += fmt.Sprintf(". Left out, line %d: %s", file.leftOutAt, listed(names))
	}
	out.printf("wrote    %s\n", wrote)
	for _, h := range file.held {
		look, are := "look like secrets, excluded", strings.Join(h.columns, ", ")
		if len(h.columns) == 1 {
			look = "looks like a secret, excluded"
		}
		out.printf("held     %s: %s at line %d\n", are, look, h.line)
	}
	if n := s.lossy(); n > 0 {
		out.printf("differs  %s in the target: each is named at its mapping\n", counted(n, "column"))
	}
	for _, wrong := range s.wrong {
		out.printf("!        target: %s\n", wrong)
	}
	for _, d := range s.drafts {
		for _, doubt := range d.doubts {
			out.printf("!        %s: %s\n", d.dest.Name, doubt)
		}
	}
	out.printf("next     %s\n", nextCommand(file, path))
	return out.err
}

// nextCommand is what to type after init.
func nextCommand(file *writtenFile, path string) string {
	var text strings.Builder
	for _, name := range file.variables {
		if value, _ := os.LookupEnv(name); value == "" {
			text.WriteString(name + "=… ")
		}
	}
	text.WriteString("meepo-replicate check")
	switch path {
	case defaultConfigFile, "./" + defaultConfigFile:
	case "":
		text.WriteString(" --config FILE, once it is in a file")
	default:
		text.WriteString(" --config " + path)
	}
	return text.String()
}

func (s *survey) lossy() int {
	n := 0
	for _, d := range s.drafts {
		n += len(d.losses)
	}
	return n
}

// counted is a number with its noun.
func counted(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// rowsText is an estimate of rows, to be read and not to be added up.
func rowsText(n int64) string {
	switch {
	case n >= 1e9:
		return fmt.Sprintf("about %.1f G rows", float64(n)/1e9)
	case n >= 1e6:
		return fmt.Sprintf("about %.1f M rows", float64(n)/1e6)
	case n >= 10_000:
		return fmt.Sprintf("about %d k rows", n/1000)
	}
	return fmt.Sprintf("about %d rows", n)
}

// listed names the first few.
func listed(names []string) string {
	const most = 5
	if len(names) > most {
		return strings.Join(names[:most], ", ") + fmt.Sprintf(" and %d more", len(names)-most)
	}
	return strings.Join(names, ", ")
}
