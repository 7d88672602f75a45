// Command write runs all tests of the failure matrix and writes the table of their results into a
// page, between its marks:
//
//	write README.md
//
// What failed or did not run stands in the table as such, and makes the command fail.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/meepo-replicate/meepo/internal/matrix"
)

const module = "github.com/meepo-replicate/meepo"

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: write README.md")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := write(ctx, os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "matrix:", err)
		stop()
		os.Exit(1)
	}
}

// write runs the tests and puts their table into the page.
func write(ctx context.Context, page string) error {
	text, err := os.ReadFile(page)
	if err != nil {
		return err
	}
	before, _, begins := strings.Cut(string(text), matrix.Begin)
	_, after, ends := strings.Cut(string(text), matrix.End)
	if !begins || !ends {
		return fmt.Errorf("%s: has no %s and %s", page, matrix.Begin, matrix.End)
	}
	results, err := run(ctx)
	if err != nil {
		return err
	}
	table := before + matrix.Begin + "\n" + matrix.Render(results) + "\n" + matrix.End + after
	if err := os.WriteFile(page, []byte(table), 0o644); err != nil {
		return err
	}
	if missing := results.Missing(); len(missing) > 0 {
		return fmt.Errorf("%d tests have not passed, the first is %s", len(missing), missing[0].Name)
	}
	return nil
}

// run runs the tests and takes in what they say.
func run(ctx context.Context) (*matrix.Results, error) {
	cmd := exec.CommandContext(ctx, "go", command()...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = time.Minute // for what the tests clean up
	cmd.Env = append(os.Environ(), "MEEPO_MATRIX=full", "MEEPO_REQUIRE_SERVERS=1")
	cmd.Stderr = os.Stderr
	events, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	results, err := matrix.Read(events, module, time.Now().Format("2 January 2006"), os.Stdout)
	if err != nil {
		_, _ = io.Copy(io.Discard, events) // so that the tests can end
	}
	var failed *exec.ExitError // which the table tells, too
	if ended := cmd.Wait(); ended != nil && (!errors.As(ended, &failed) || ctx.Err() != nil) {
		err = errors.Join(err, ended)
	}
	return results, err
}

// command is the go command that runs the matrix's tests, and no other.
func command() []string {
	var names, folders []string
	for _, test := range matrix.Tests() {
		name, _, _ := strings.Cut(test.Name, "/")
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
		if folder := "./" + test.Folder; !slices.Contains(folders, folder) {
			folders = append(folders, folder)
		}
	}
	return append([]string{"test", "-json", "-tags", "matrix", "-count=1", "-timeout", "90m", "-run", "^(" + strings.Join(names, "|") + ")$"}, folders...)
}
