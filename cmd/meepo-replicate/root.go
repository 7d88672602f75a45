package main

import (
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

const issuesURL = "https://github.com/meepo-replicate/meepo/issues"

// newRootCommand assembles the commands. The root itself runs.
func newRootCommand(p *process) *cobra.Command {
	root := newRunCommand(p)
	root.Use = "meepo-replicate"
	root.Short = "Keep Elasticsearch, MongoDB or PostgreSQL equal to tables of MySQL, MariaDB or PostgreSQL"
	root.Long = rootHelp
	root.AddCommand(newRunCommand(p), newInitCommand(p), newCheckCommand(p), newStatusCommand(p), newResumeCommand(p), newBackfillCommand(p), newDeadlettersCommand(p), newEventsCommand(p), newDDLCommand(p), newPlanCommand(p), newVerifyCommand(p), newHealCommand(p), newExplainCommand(p), newWaitCommand(p), newTestCommand(p), newSchemaCommand(p), newSourceCommand(p), newVersionCommand(p))
	root.SetOut(p.stdout)
	root.SetErr(p.stderr)
	root.SilenceErrors, root.SilenceUsage = true, true
	root.SetFlagErrorFunc(flagError)
	root.Version = versionText()
	root.SetVersionTemplate("{{.Version}}\n")
	return root
}

const rootHelp = `Keep Elasticsearch, MongoDB or PostgreSQL equal to tables of a running MySQL, MariaDB or PostgreSQL: copy what has not been
copied, then follow their changes, for ever and across restarts.

Everything can be said by a flag, by a variable MEEPO_… (--target-url is MEEPO_TARGET_URL) or in the file;
a flag beats a variable, a variable beats the file. Passwords are never flags: MEEPO_SOURCE_PASSWORD,
MEEPO_TARGET_PASSWORD, MEEPO_TARGET_API_KEY, or a file, read again at every connect. What stands in a URL (a user,
a password, parameters) has the rank of the URL; of equal rank, the setting of its own counts. Settings that exclude
each other, as --tables and --all-tables do, are an error only if they are of one rank.

  version: 1
  source: {url: "mysql://meepo@db:3306/shop", password_file: /run/secrets/mysql}
  target: {kind: elastic, url: "https://es:9200", api_key: "${ES_API_KEY}"}   # an unset variable is an error, $$ is $
  tables: [shop.*]
  mappings:
    - {name: orders, from: shop.orders, to: orders, exclude: [note], fields: {total: {to: amount}}}

Relative paths in the file are taken from its folder. The first signal (Ctrl-C) finishes what is in flight and
saves, the second leaves at once; both are safe.

` + exitCodesHelp

// loadConfig reads the configuration of a command.
func loadConfig(cmd *cobra.Command, use usedBy) (*config, []string, error) {
	return load(environment{flags: cmd.Flags(), lookup: os.LookupEnv, environ: os.Environ(), use: use})
}

// noArguments refuses arguments without repeating them: the likeliest one is a URL with a
// password.
func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	wrong := &usageError{text: "there is something on the command line that belongs to no flag"}
	if strings.Contains(args[0], "://") {
		wrong.advice = "write --source URL for the source and --target-url URL for the target"
		return wrong
	}
	wrong = &usageError{text: "unknown command " + quoteShort(args[0]), advice: "see " + cmd.CommandPath() + " --help"}
	var names []string
	siblings := cmd.Commands()
	if len(siblings) == 0 {
		siblings = cmd.Root().Commands()
	}
	for _, sub := range siblings {
		names = append(names, sub.Name())
	}
	if near := nearest(args[0], names); near != "" {
		wrong.text += ": did you mean " + near + "?"
	}
	return wrong
}

func quoteShort(text string) string {
	if len(text) > 20 {
		return "(" + text[:1] + "…)"
	}
	return `"` + text + `"`
}

// flagError explains a wrong flag. A one-letter flag is not repeated, since -psecret is how other
// programs take a password.
func flagError(cmd *cobra.Command, err error) error {
	text := err.Error()
	if name, ok := strings.CutPrefix(text, "unknown flag: --"); ok {
		var names []string
		cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
		if near := nearest(name, names); near != "" {
			text += ": did you mean --" + near + "?"
		} else if isSecretName(name) {
			text += ": passwords are not flags, since ps would show them"
			return &usageError{text, "set MEEPO_SOURCE_PASSWORD or MEEPO_TARGET_PASSWORD, or use --source-password-file or --target-password-file"}
		}
	} else if strings.HasPrefix(text, "unknown shorthand flag") {
		text, _, _ = strings.Cut(text, " in ")
	}
	return &usageError{text, "see " + cmd.CommandPath() + " --help"}
}

func isSecretName(name string) bool {
	for i := range settings {
		if s := &settings[i]; s.secret && strings.ReplaceAll(strings.ReplaceAll(s.key, ".", "-"), "_", "-") == name {
			return true
		}
	}
	return false
}
