package main

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"strings"
)

// secret is a password or key: a text, or a file that holds it. One of the two is set, or none.
type secret struct{ Text, File string }

func (s secret) empty() bool { return s == secret{} }

// reader returns what asks for the secret again at every connect, so that it may change while
// the process runs; nil without one. variable is read first if the text came from there.
func (s secret) reader(variable string) func(context.Context) (string, error) {
	switch {
	case s.File != "":
		return func(context.Context) (string, error) { return readSecretFile(s.File) }
	case s.Text != "":
		return func(context.Context) (string, error) {
			if text := os.Getenv(variable); variable != "" && text != "" {
				return text, nil
			}
			return s.Text, nil
		}
	}
	return nil
}

// readSecretFile returns a file's text without the line end that editors add.
func readSecretFile(path string) (string, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("read password file: %w", err)
	}
	text := strings.TrimSuffix(strings.TrimSuffix(string(raw), "\n"), "\r")
	if text == "" {
		return "", fmt.Errorf("read password file %s: it is empty", path)
	}
	return text, nil
}

// variableOf returns the variable that a secret came from, "" if it came from elsewhere.
func (c *config) variableOf(name string) string {
	if at := c.origins[name]; at.layer == fromVariable {
		return at.name
	}
	return ""
}

// hasPassword reports whether a URL holds a password.
func hasPassword(raw string) bool {
	return passwordInURL.MatchString(raw)
}

// passwordInURL finds the password of a URL anywhere in a text, also where the URL is not valid.
// It goes to the last @ before a blank or quote, because people forget to escape theirs.
var passwordInURL = regexp.MustCompile(`(://[^\s"'/@:]*:)([^\s"']*)@`)

// secretPair finds what a line of YAML says for a key whose name sounds like a secret, misspelt
// ones included. It takes the rest of the line, since the value's end is not known.
var secretPair = regexp.MustCompile(`(?i)([\w-]*(?:pas|pw|key|secret|token)[\w-]*["']?\s*:\s*)(\S.*)$`)

// hideSecrets blanks out passwords in a line that is to be shown, and keeps its length so that
// carets still point to the right place.
func hideSecrets(line string) string {
	stars := func(s string) string { return strings.Repeat("*", len([]rune(s))) }
	line = passwordInURL.ReplaceAllStringFunc(line, func(m string) string {
		parts := passwordInURL.FindStringSubmatch(m)
		return parts[1] + stars(parts[2]) + "@"
	})
	return secretPair.ReplaceAllStringFunc(line, func(m string) string {
		parts := secretPair.FindStringSubmatch(m)
		return parts[1] + stars(parts[2])
	})
}

// shownURL is a URL, or a list of them, without passwords, for logs. It cuts from the first
// password to the last @, so that nothing of an odd one stays.
func shownURL(raw string) string {
	return passwordInURL.ReplaceAllString(raw, "${1}xxxxx@")
}
