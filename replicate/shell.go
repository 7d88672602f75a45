package replicate

import "strings"

// plainWord are the characters that no shell minds.
const plainWord = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:@%+=,"

// ShellWord is a text as one word of a command that somebody pastes into a POSIX shell: in quotes where the shell would make
// something else of it.
func ShellWord(text string) string {
	if text != "" && strings.Trim(text, plainWord) == "" {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}
