package main

import (
	"fmt"
	"strings"
)

// badVariable is a place in a text where a variable cannot be put in.
type badVariable struct {
	offset       int // in bytes
	text, advice string
}

// expandVariables replaces ${NAME} by the variable's value and $$ by $. Other dollars stay.
func expandVariables(text string, lookup func(string) (string, bool)) (string, []badVariable) {
	var out strings.Builder
	var wrong []badVariable
	for i := 0; i < len(text); i++ {
		rest := text[i:]
		switch {
		case strings.HasPrefix(rest, "$$"):
			out.WriteByte('$')
			i++
		case strings.HasPrefix(rest, "${"):
			name, _, closed := strings.Cut(rest[2:], "}")
			if !closed || !isVariableName(name) {
				wrong = append(wrong, badVariable{i, "${ is not followed by a variable's name and }",
					"write ${NAME}, or $${ for the characters ${ themselves"})
				return "", wrong
			}
			value, set := lookup(name)
			if !set {
				wrong = append(wrong, badVariable{i, fmt.Sprintf("the variable %s is not set", name),
					fmt.Sprintf("export %s=…, or write $${ for the characters ${ themselves", name)})
			}
			out.WriteString(value)
			i += len("${}") + len(name) - 1
		default:
			out.WriteByte(text[i])
		}
	}
	return out.String(), wrong
}

func isVariableName(name string) bool {
	for i, r := range name {
		letter := r == '_' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
		if !letter && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	return name != ""
}
