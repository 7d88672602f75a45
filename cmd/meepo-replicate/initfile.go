package main

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// writtenFile is the text of a configuration file, with what is to be said of it.
type writtenFile struct {
	text      strings.Builder
	line      int      // of the last one, from 1
	variables []string // that it wants to be set
	held      []heldAt
	leftOutAt int // 0: nowhere
}

// heldAt is where a mapping leaves columns out that look like secrets.
type heldAt struct {
	columns []string // with the table's name
	line    int
}

// printf writes a line. Names in comments may hold line ends.
func (f *writtenFile) printf(format string, args ...any) {
	f.text.WriteString(strings.TrimRight(oneLine.Replace(fmt.Sprintf(format, args...)), " ") + "\n")
	f.line++
}

// writeFile makes the file of a survey. Folder is where it will be: relative paths in it are taken from there.
func (s *survey) writeFile(c *config, env environment, folder string) *writtenFile {
	f := &writtenFile{}
	f.printf("# Written by meepo-replicate init. It is yours now: change what you like, then: meepo-replicate check")
	f.printf("# A text may hold variables, ${NAME}; $$ is a dollar. Each setting has a flag, too: meepo-replicate --help")
	f.printf("version: 1")
	for _, side := range []struct{ name, words string }{{"source", s.sourceWords}, {"target", s.targetWords}} {
		f.printf("")
		f.printf("# %s", side.words)
		f.printf("%s:", side.name)
		f.settings(env, side.name, folder)
	}
	f.printf("")
	f.printf("# Positions and progress. It belongs to this source and this target: keep it where it outlives the process.")
	f.printf("state: %s", quoted(relocated(c.State, c.origins["state"].layer != fromDefault, folder)))
	f.printf("")
	f.printf("# A mapping for each table; its name is that of its progress. Without `exclude` a column that is added later is")
	f.printf("# copied, too; `columns: [a, b]` takes those alone.")
	f.printf("mappings:")
	for i, d := range s.drafts {
		if i > 0 {
			f.printf("")
		}
		f.mapping(d)
	}
	f.leftOut(s.leftOut)
	return f
}

// settings writes what was said of one side by flags and variables, without passwords.
func (f *writtenFile) settings(env environment, side, folder string) {
	block, secrets := "", 0
	for i := range settings {
		s := &settings[i]
		key, ours := strings.CutPrefix(s.key, side+".")
		value, said := s.winner(env, nil)
		if !ours || !said || value.origin.layer == fromDefault {
			continue
		}
		indent := "  "
		if in, rest, nested := strings.Cut(key, "."); nested {
			if block != in {
				f.printf("  %s:", in)
			}
			block, key, indent = in, rest, "    "
		}
		if s.secret || strings.HasPrefix(key, "password") || strings.HasPrefix(key, "api_key") {
			secrets++
		}
		switch {
		case s.secret:
			f.printf("%s%s: \"${%s}\"", indent, key, s.env())
			f.variables = append(f.variables, s.env())
		case key == "url":
			secrets += f.url(env, side, value.texts[0])
		case key == "read_url":
			clean, names := withoutSecrets(value.texts[0], "SOURCE_READ", "SOURCE_READ_PASSWORD")
			f.printf("%s%s: %s", indent, key, quoted(clean))
			f.variables = append(f.variables, names...)
		case s.list():
			list := splitList(value.texts)
			for i := range list {
				list[i] = quoted(list[i])
			}
			f.printf("%s%s: [%s]", indent, key, strings.Join(list, ", "))
		default:
			text := strings.TrimSpace(strings.Join(value.texts, ","))
			f.printf("%s%s: %s", indent, key, quoted(relocated(text, s.path, folder)))
		}
	}
	if secrets == 0 {
		f.printf("  # password_file: /run/secrets/%s   # or password: \"${NAME}\"; a password itself has no business here", side)
	}
}

// url writes a side's address without its password, and the variable for that. It returns how many there are.
func (f *writtenFile) url(env environment, side, raw string) (secrets int) {
	clean, names := withoutSecrets(raw, strings.ToUpper(side), "")
	f.printf("  url: %s", quoted(clean))
	f.variables = append(f.variables, names...)
	if !hasPassword(raw) || saidSecret(env, side) {
		return 0
	}
	name := envPrefix + strings.ToUpper(side) + "_PASSWORD"
	f.printf("  # The password of the URL is not written here. A file, read again at every connect, would do as well:")
	f.printf("  # password_file: /run/secrets/%s", side)
	f.printf("  password: \"${%s}\"", name)
	f.variables = append(f.variables, name)
	return 1
}

// saidSecret reports whether a password was said apart from the URL.
func saidSecret(env environment, side string) bool {
	for i := range settings {
		s := &settings[i]
		if s.key != side+".password" && s.key != side+".password_file" {
			continue
		}
		if _, said := s.winner(env, nil); said {
			return true
		}
	}
	return false
}

// mapping writes a mapping with what its target does not keep.
func (f *writtenFile) mapping(d *draft) {
	f.printf("  - name: %s", quoted(d.mapping.Name.Value))
	f.printf("    from: %s", quoted(dollars(d.mapping.From[0].String())))
	f.printf("    to: %s", quoted(dollars(d.mapping.To.Value)))
	for _, doubt := range d.doubts {
		f.printf("    # Look at this: %s", doubt)
	}
	if len(d.held) > 0 {
		f.printf("    # Looks like a secret. Taken out of the list it is copied, as it is or masked: fields: {%s: {mask: redact}}", quoted(d.held[0]))
		var columns, shown []string
		for _, column := range d.held {
			columns = append(columns, quoted(dollars(column)))
			shown = append(shown, d.columns.Table.Name+"."+column)
		}
		f.printf("    exclude: [%s]", strings.Join(columns, ", "))
		f.held = append(f.held, heldAt{shown, f.line})
	}
	if len(d.losses) > 0 {
		f.printf("    # What the target has otherwise than the table, and what would change it:")
	}
	for _, l := range d.losses {
		f.printf("    #   %s: %s", l.column, strings.TrimPrefix(l.message, l.column+": "))
		if l.change != "" {
			f.printf("    #     %s", l.change)
		}
	}
	if len(d.renamed) > 0 {
		f.printf("    fields:")
	}
	for _, r := range d.renamed {
		f.printf("      # %s", r.why)
		f.printf("      %s: {to: %s}", quoted(r.column), quoted(dollars(r.field))) // variables stand in values only
	}
}

// leftOut names the tables without a mapping.
func (f *writtenFile) leftOut(list []leftOut) {
	if len(list) == 0 {
		return
	}
	f.printf("")
	f.printf("# Left out:")
	for i, l := range list {
		f.printf("#   %s: %s", l.table, l.reason)
		if i == 0 {
			f.leftOutAt = f.line
		}
	}
}

// plain are texts that YAML takes as they are, and for nothing but texts.
var plain = regexp.MustCompile(`^(\.{0,2}/|[A-Za-z_])[A-Za-z0-9_./-]*$`)

// notTexts are words that a reader of YAML may take for something else.
var notTexts = []string{"true", "false", "yes", "no", "on", "off", "y", "n", "null", "nan", ".nan", ".inf"}

// quoted is a text as YAML reads it.
func quoted(text string) string {
	if plain.MatchString(text) && !slices.Contains(notTexts, strings.ToLower(text)) {
		return text
	}
	return strconv.Quote(text) // its escapes are among those of YAML
}

// dollars keeps variables out of a text that holds dollars itself.
func dollars(text string) string { return strings.ReplaceAll(text, "$", "$$") }

// relocated is a path of the command line as seen from the file's folder.
func relocated(path string, isPath bool, folder string) string {
	if !isPath || path == "" || filepath.IsAbs(path) {
		return dollars(path)
	}
	if seen, err := filepath.Rel(folder, path); err == nil {
		return dollars(seen)
	}
	return dollars(path)
}

// nextURL is where another URL of a list begins.
var nextURL = regexp.MustCompile(`,\s*[a-z][a-z0-9+]*://`)

// secretParameter are parameters of URLs whose values are secrets.
var secretParameter = regexp.MustCompile(`(?i)([?&]([a-z]*password|authmechanismproperties)=)([^&#]*)`)

// withoutSecrets is a URL, or a list of them, as it may stand in a file: without passwords, or with the variable
// password in their place, and with variables for parameters that are secrets. It returns the names of those.
func withoutSecrets(raw, side, password string) (clean string, variables []string) {
	var parts []string
	for at := nextURL.FindStringIndex(raw); at != nil; at = nextURL.FindStringIndex(raw) {
		parts, raw = append(parts, raw[:at[0]]), strings.TrimSpace(raw[at[0]+1:])
	}
	parts = append(parts, raw)
	for i, part := range parts {
		part = passwordInURL.ReplaceAllStringFunc(dollars(part), func(m string) string {
			account := passwordInURL.FindStringSubmatch(m)[1] // "://user:"
			if password == "" {
				return strings.TrimSuffix(account, ":") + "@"
			}
			variables = append(variables, password)
			return account + "${" + password + "}@"
		})
		parts[i] = secretParameter.ReplaceAllStringFunc(part, func(m string) string {
			found := secretParameter.FindStringSubmatch(m)
			name := side + "_URL_" + strings.ToUpper(found[2])
			variables = append(variables, name)
			return found[1] + "${" + name + "}"
		})
	}
	return strings.Join(parts, ","), variables
}
