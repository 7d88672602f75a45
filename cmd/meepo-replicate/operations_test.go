package main

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestOperations_CommandsExist: whoever is on call types what docs/operations.md says.
func TestOperations_CommandsExist(t *testing.T) {
	text, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	commands := regexp.MustCompile("(?m)(?:^|`)meepo-replicate ([a-z][^`#\n]*)").FindAllStringSubmatch(string(text), -1)
	if len(commands) < 10 {
		t.Fatalf("only %d commands were found", len(commands))
	}
	for _, c := range commands {
		words := strings.Fields(c[1])
		root := newRootCommand(&process{stderr: &redirect{}})
		cmd, rest, err := root.Find(words)
		if err != nil || cmd == root || cmd.Name() == "deadletters" {
			t.Errorf("meepo-replicate %s: no such command (%v)", c[1], err)
			continue
		}
		if err := cmd.ParseFlags(rest); err != nil {
			t.Errorf("meepo-replicate %s: %v", c[1], err)
		}
	}
	for _, flag := range regexp.MustCompile(`\B--[a-z][a-z-]+`).FindAllString(string(text), -1) {
		root := newRootCommand(&process{stderr: &redirect{}})
		letters, _, err := root.Find([]string{"deadletters", "retry"})
		if err != nil {
			t.Fatal(err)
		}
		if name := flag[2:]; root.Flags().Lookup(name) == nil && letters.Flags().Lookup(name) == nil {
			t.Errorf("%s is no flag", flag)
		}
	}
}
