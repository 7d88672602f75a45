// Command testreport runs "go test -json" and tells people what they need to know:
// one line per package, all that a failed test said, what was skipped and why, and at
// the end one line that counts.
//
//	testreport [-complete] go test -json ./...
//
// It fails when a test failed, when the command failed or when there was no test at
// all, and with -complete also when a test was skipped, which it then names: a run that
// leaves something out proves less than it seems to.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"
)

// stopLimit is how long the tests may clean up after an interrupt.
const stopLimit = 60 * time.Second

func main() {
	complete := flag.Bool("complete", false, "fail when a test is skipped")
	flag.Parse()
	if flag.NArg() == 0 {
		fmt.Fprintln(os.Stderr, "usage: testreport [-complete] go test -json [arguments]")
		os.Exit(2)
	}
	// A Ctrl-C reaches the tests too; this process stays to report what they still say.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, flag.Args(), *complete, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "testreport:", err)
		stop()
		os.Exit(1)
	}
}

// run executes the command and reports its events to out. The counting line is the
// last one, unless the command could not even be run.
func run(ctx context.Context, command []string, complete bool, out io.Writer) error {
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = stopLimit
	cmd.Stderr = os.Stderr
	events, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start: %w", err)
	}
	r := newReport(out, complete)
	readErr := r.read(events)
	waitErr := cmd.Wait()
	r.finish()
	switch {
	case readErr != nil:
		return fmt.Errorf("read events of %s: %w", command[0], readErr)
	case waitErr != nil && r.failed == 0:
		return fmt.Errorf("run %s: %w", command[0], waitErr)
	}
	return r.verdict(complete)
}

// verdict says why the run as a whole failed, if it did.
func (r *report) verdict(complete bool) error {
	switch {
	case r.failed > 0:
		return fmt.Errorf("%d failed", r.failed)
	case complete && r.skipped > 0:
		return fmt.Errorf("%d skipped, and this run must be complete", r.skipped)
	case r.passed+r.skipped == 0:
		return errors.New("no tests were run")
	}
	return nil
}
