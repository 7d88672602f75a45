package main

import (
	"log/slog"
	"strings"

	"github.com/spf13/cobra"

	"github.com/meepo-replicate/meepo/mappings"
)

// choiceFlag is a flag of one command that takes one of a few words.
type choiceFlag struct {
	into    *string
	allowed []string
}

// choice makes a flag whose first word is the default.
func choice(into *string, allowed ...string) *choiceFlag {
	*into = allowed[0]
	return &choiceFlag{into, allowed}
}

// String returns nothing, as the usage says the default.
func (f *choiceFlag) String() string { return "" }

// Set takes one of the allowed words.
func (f *choiceFlag) Set(text string) error {
	allowed := f.allowed
	if allowed[0] == "" { // what holds without the flag
		allowed = allowed[1:]
	}
	if err := checkOneOf(text, allowed); err != nil {
		return err
	}
	*f.into = text
	return nil
}

// Type is what the help calls the value.
func (f *choiceFlag) Type() string { return "WORD" }

// completeChoices tells the shell a flag's words.
func completeChoices(cmd *cobra.Command, flag string, words ...string) {
	// The error would be a flag that does not exist, or one completed twice: TestCompletion sees it.
	_ = cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp))
}

// completeSettings tells the shell what the flags of the settings take.
func completeSettings(cmd *cobra.Command) {
	for i := range settings {
		s := &settings[i]
		if s.flag == "" || cmd.Flags().Lookup(s.flag) == nil {
			continue
		}
		switch {
		case len(s.oneOf) > 0:
			completeChoices(cmd, s.flag, s.oneOf...)
		case !s.path:
			completeChoices(cmd, s.flag)
		case strings.HasPrefix(s.flag, "config"):
			_ = cmd.MarkFlagFilename(s.flag, "yaml", "yml")
		}
	}
}

// compiledWarnings returns the warnings of a compilation, a line each.
func compiledWarnings(c mappings.Compiled) []string {
	texts := make([]string, len(c.Warnings))
	for i, w := range c.Warnings {
		texts[i] = w.Short()
	}
	return texts
}

func warn(log *slog.Logger, warnings []string) {
	for _, w := range warnings {
		log.Warn(w)
	}
}
