package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// patience is how long the nemesis waits for what must come, on a machine that is busy. Of a program
// that is wrong it may never come.
func (n *nemesis) patience() time.Duration {
	if n.sick {
		return 40 * time.Second
	}
	return 2 * time.Minute
}

// following is what the watched build says when the log is being read. From then on a run waits for
// both ends; before that it ends with an error when one is not there.
const following = "watched: the log is read"

// launch starts the program. There is none running.
func (n *nemesis) launch(args ...string) {
	n.t.Helper()
	r := &running{cmd: exec.Command(n.program, args...), stdout: &output{}, stderr: &output{}, ended: make(chan struct{})}
	r.cmd.Stdout, r.cmd.Stderr, r.cmd.Dir = r.stdout, r.stderr, n.dir
	r.cmd.Env = append(slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "MEEPO_") }), n.env...)
	if err := r.cmd.Start(); err != nil {
		n.t.Fatal(err)
	}
	go func() {
		_ = r.cmd.Wait() // the exit code tells
		close(r.ended)
	}()
	n.process = r
	n.report.starts++
}

// isFollowing reports whether the process has come as far as reading the log.
func (n *nemesis) isFollowing() bool { return strings.Contains(n.process.stderr.String(), following) }

func (n *nemesis) hasEnded() bool {
	select {
	case <-n.process.ended:
		return true
	default:
		return false
	}
}

// end signals the process, waits for its end and returns the exit code.
func (n *nemesis) end(s syscall.Signal) int {
	_ = n.process.cmd.Process.Signal(s) // it may have ended by itself
	if !n.await(n.patience(), "the end of the process after "+s.String(), n.hasEnded) {
		_ = n.process.cmd.Process.Kill()
		<-n.process.ended
	}
	n.heed()
	return n.process.cmd.ProcessState.ExitCode()
}

// heed collects what the validators of a process that has ended have said.
func (n *nemesis) heed() {
	text := n.process.stderr.String()
	for _, line := range n.process.stderr.lines() {
		if said, ok := strings.CutPrefix(line, "VALIDATOR: "); ok {
			n.report.violations = append(n.report.violations, said)
		}
	}
	for _, trace := range []string{"goroutine ", "panic:", "runtime error", "DATA RACE"} {
		if strings.Contains(text, trace) {
			n.trouble("the program's output holds %q", trace)
		}
	}
	n.keep(text)
}

// keep writes a process's log to where the run's records are.
func (n *nemesis) keep(text string) {
	f, err := os.OpenFile(filepath.Join(n.records, "program.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		n.t.Fatal(err)
	}
	defer f.Close()
	_, _ = f.WriteString("--- " + time.Now().UTC().Format(time.RFC3339Nano) + ": the log of a process that has ended\n" + text)
}

// look starts the process again if it has ended because an end was not there when it started. That it
// ends by itself in any other way is trouble.
func (n *nemesis) look() {
	if !n.hasEnded() {
		return
	}
	n.heed()
	code := n.process.cmd.ProcessState.ExitCode()
	if code != 1 || n.isFollowing() {
		n.trouble("the process ended by itself with code %d: %s", code, lastLines(n.process.stderr))
		return
	}
	n.report.failedStarts++
	n.launch()
}

func lastLines(o *output) string {
	lines := o.lines()
	return strings.Join(lines[max(0, len(lines)-4):], "\n\t")
}

// awaitFollowing waits until a process reads the log, and starts it again if it ends before. Nothing
// stands in its way.
func (n *nemesis) awaitFollowing() {
	n.await(n.patience(), "the log to be read", func() bool {
		n.look()
		return n.isFollowing()
	})
}

// await polls until check is true. It is false, and trouble, if that takes too long or there is
// trouble already.
func (n *nemesis) await(longest time.Duration, what string, check func() bool) bool {
	deadline := time.Now().Add(longest)
	for !check() {
		if n.inTrouble() {
			return false
		}
		if time.Now().After(deadline) {
			n.trouble("waited %s for %s; the log ends with: %s", longest, what, lastLines(n.process.stderr))
			return false
		}
		n.pause(20 * time.Millisecond)
	}
	return true
}

// pause lets time pass, in which the faults so far do their work.
func (n *nemesis) pause(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	<-timer.C
}
