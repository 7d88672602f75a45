// Command meepo-replicate copies the tables of a running MySQL or MariaDB into Elasticsearch and
// follows their changes.
//
// The package is the process: flags, variables and the file (settings.go is the one table of
// them), signals, exit codes, progress and messages. It is the only one that knows all drivers,
// in wire.go, and the only one that reads the environment. What replication is stands in package
// replicate.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/meepo-replicate/meepo/replicate"
	"github.com/meepo-replicate/meepo/source"
	"github.com/meepo-replicate/meepo/targets"
)

// The exit codes, as the help lists them.
const (
	exitOK       = 0
	exitFailed   = 1
	exitUsage    = 2
	exitLost     = 3
	exitMismatch = 4
	exitDiffers  = 5
	exitLate     = 6
	exitChanges  = 2 // of plan --exit-code, as of other tools that plan
	exitAtOnce   = 130
)

const exitCodesHelp = `Exit codes:
  0    done, or stopped by a first signal with everything saved
  1    failed: see the message; a restart goes on from what is saved
  2    the command line, the configuration or a mapping is wrong; nothing was done
  3    the source no longer holds the changes after the saved position
  4    the target does not fit: its fields are not the mapping's, it was replaced or went back to an earlier
       time, or it holds documents and the state is new
  5    source and target differ (verify)
  6    what was waited for is not there in time (wait)
  130  left at once: by a second signal, or by the first where there was nothing to save (check, status)`

// errSecondSignal is why a context ended when the user did not want to wait.
var errSecondSignal = errors.New("left at once")

// hardStop is how long the second signal waits for the command to return before the process ends
// under it. State and target are safe against that at any time.
const hardStop = 2 * time.Second

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// run is the process without the exit.
func run(args []string, stdout, stderr io.Writer) (code int) {
	defer func() {
		if bug := recover(); bug != nil {
			fmt.Fprintf(stderr, "error: this is a bug in meepo-replicate: %v\n  what to do: report it at %s with this line and the command; what is saved is safe, start again\n",
				bug, issuesURL)
			code = exitFailed
		}
	}()
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	p := &process{stdout: stdout, stderr: &redirect{to: stderr}, drain: make(chan struct{})}
	stop := p.catchSignals(cancel)
	defer stop()

	root := newRootCommand(p)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if errors.Is(context.Cause(ctx), errSecondSignal) {
		err = errSecondSignal
	}
	return p.report(err)
}

// process is what commands need of the world around them.
type process struct {
	stdout io.Writer
	stderr *redirect
	drain  chan struct{} // closed by the first signal
}

// catchSignals closes drain at the first signal and cancels at the second.
func (p *process) catchSignals(cancel context.CancelCauseFunc) (stop func()) {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	if !signal.Ignored(syscall.SIGHUP) { // nohup: a closed terminal is no reason to end
		signal.Notify(signals, syscall.SIGHUP)
	}
	done := make(chan struct{})
	var owned sync.WaitGroup
	owned.Go(func() {
		select {
		case <-signals:
			close(p.drain)
		case <-done:
			return
		}
		select {
		case <-signals:
			cancel(errSecondSignal)
		case <-done:
			return
		}
		select {
		case <-time.After(hardStop):
		case <-signals:
		case <-done:
			return
		}
		os.Exit(exitAtOnce)
	})
	return func() {
		signal.Stop(signals)
		close(done)
		owned.Wait()
	}
}

// untilSignal returns a context that the first signal ends, for commands that have nothing to
// finish.
func (p *process) untilSignal(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	stopped := make(chan struct{})
	var owned sync.WaitGroup
	owned.Go(func() {
		select {
		case <-p.drain:
			cancel(errInterrupted)
		case <-stopped:
		}
	})
	return ctx, func() {
		close(stopped)
		owned.Wait()
		cancel(nil)
	}
}

// errInterrupted is why a command ended that a signal found at work with nothing to save.
var errInterrupted = errors.New("interrupted")

// report prints how the command ended and returns the exit code.
func (p *process) report(err error) int {
	code := exitCode(err)
	var shown *silentError
	if err != nil && !errors.As(err, &shown) && code != exitAtOnce {
		printError(p.stderr, err)
	}
	return code
}

// silentError ends the process with a code after the command itself has said why.
type silentError struct{ code int }

// Error is never shown.
func (e *silentError) Error() string { return fmt.Sprintf("exit code %d", e.code) }

// usageError is a wrong command line or configuration that has no place of its own to point to.
type usageError struct {
	text, advice string
}

// Error returns what is wrong.
func (e *usageError) Error() string { return e.text }

// Hint returns what to type.
func (e *usageError) Hint() string { return e.advice }

// exitCode sorts an error.
func exitCode(err error) int {
	var silent *silentError
	var wrong *problem
	var usage *usageError
	var late *lateError
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &silent):
		return silent.code
	case errors.Is(err, errSecondSignal), errors.Is(err, errInterrupted):
		return exitAtOnce
	case errors.As(err, &wrong), errors.As(err, &usage), isMappingError(err), errors.Is(err, source.ErrNoTable):
		return exitUsage
	case errors.As(err, &late):
		return exitLate
	case errors.Is(err, source.ErrPositionLost):
		return exitLost
	case errors.Is(err, targets.ErrMismatch), errors.Is(err, targets.ErrReplaced), errors.Is(err, replicate.ErrFilled), errors.Is(err, replicate.ErrParked),
		errors.Is(err, replicate.ErrChanged):
		return exitMismatch
	}
	return exitFailed
}
