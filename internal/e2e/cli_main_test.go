package e2e

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/meepo-replicate/meepo/internal/servertest"
)

// program is the path of the built program.
var program string

func TestMain(m *testing.M) { goleak.VerifyTestMain(built{servertest.Closing{M: m}}) }

// built runs the tests with the program built.
type built struct{ servertest.Closing }

// Run is what goleak calls. It returns the exit code of the tests.
func (b built) Run() int {
	dir, err := os.MkdirTemp("", "meepo-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	program = filepath.Join(dir, "meepo-replicate")
	if err := build(program); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return b.Closing.Run()
}

// build builds the program into a file.
func build(file string, more ...string) error {
	args := append(append([]string{"build"}, more...), "-o", file, "github.com/meepo-replicate/meepo/cmd/meepo-replicate")
	if text, err := exec.Command("go", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("build the program: %w\n%s", err, text)
	}
	return nil
}

// faultyProgram builds the program with what tests watch and kill it with, when it is first needed.
var faultyProgram = sync.OnceValues(func() (string, error) {
	file := program + "-faulty"
	return file, build(file, "-tags", "faulty")
})

// longest is how long a process of these tests may live. Tests of large tables allow more.
var longest = 2 * time.Minute

// invocation is a command line with what is around it.
type invocation struct {
	args []string
	env  []string // NAME=value; MEEPO_ variables of the test itself are not passed on
	dir  string   // empty: a fresh one
	// faulty takes the build that heeds MEEPO_CRASH and watches over itself.
	faulty bool
	// stdout takes the program's output instead of the test. Nil: the test does.
	stdout *os.File
}

// running is a started program.
type running struct {
	cmd            *exec.Cmd
	stdout, stderr *output
	ended          chan struct{}
}

// output collects what a process writes.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write appends.
func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(b)
}

// String returns all so far.
func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

func (o *output) lines() []string {
	return strings.FieldsFunc(o.String(), func(r rune) bool { return r == '\n' })
}

// start starts the program. It is killed when the test ends, if it has not ended by itself.
func (i invocation) start(t *testing.T) *running {
	t.Helper()
	file, err := program, error(nil)
	if i.faulty {
		file, err = faultyProgram()
	}
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), longest)
	r := &running{cmd: exec.CommandContext(ctx, file, i.args...), stdout: &output{}, stderr: &output{}, ended: make(chan struct{})}
	r.cmd.Stdout, r.cmd.Stderr = r.stdout, r.stderr
	if i.stdout != nil {
		r.cmd.Stdout = i.stdout
	}
	r.cmd.Dir = i.dir
	if r.cmd.Dir == "" {
		r.cmd.Dir = t.TempDir()
	}
	r.cmd.Env = append(slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "MEEPO_") }), i.env...)
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = r.cmd.Wait() // the exit code tells
		close(r.ended)
	}()
	t.Cleanup(func() {
		cancel()
		<-r.ended
		if t.Failed() {
			t.Logf("%s\n--- stdout\n%s--- stderr\n%s", strings.Join(i.args, " "), tail(r.stdout.String()), tail(r.stderr.String()))
		}
	})
	return r
}

func tail(text string) string {
	const most = 8000
	if len(text) > most {
		return "…" + text[len(text)-most:]
	}
	return text
}

// run runs the program to its end.
func (i invocation) run(t *testing.T) *running {
	t.Helper()
	r := i.start(t)
	r.wait(t)
	return r
}

// wait waits for the end and returns the exit code. No process may end with a stack trace.
func (r *running) wait(t *testing.T) int {
	t.Helper()
	<-r.ended
	for _, trace := range []string{"goroutine ", "panic:", "runtime error"} {
		if strings.Contains(r.stderr.String()+r.stdout.String(), trace) {
			t.Errorf("the program's output holds %q", trace)
		}
	}
	return r.cmd.ProcessState.ExitCode()
}

func (r *running) signal(t *testing.T, s syscall.Signal) {
	t.Helper()
	if err := r.cmd.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
}

// stop ends a run by the first signal and expects it to end well. What a state file or a target says
// may be an earlier run's doing, so it first waits until this one minds signals.
func (r *running) stop(t *testing.T) {
	t.Helper()
	r.awaitLog(t, "msg=start")
	r.signal(t, syscall.SIGINT)
	if code := r.wait(t); code != 0 {
		t.Fatalf("exit code %d", code)
	}
}

// awaitLog waits for a text in the program's log.
func (r *running) awaitLog(t *testing.T, text string) {
	t.Helper()
	r.await(t, fmt.Sprintf("%q in the log", text), func() (bool, error) {
		return strings.Contains(r.stderr.String(), text), nil
	})
}

// awaitLines waits until the program has written so many lines and returns them.
func (r *running) awaitLines(t *testing.T, n int) []string {
	t.Helper()
	r.await(t, fmt.Sprintf("%d lines", n), func() (bool, error) {
		return len(r.stdout.lines()) >= n, fmt.Errorf("%d lines so far", len(r.stdout.lines()))
	})
	return r.stdout.lines()
}

// await polls while the program runs.
func (r *running) await(t *testing.T, what string, check func() (bool, error)) {
	t.Helper()
	died := false
	servertest.Eventually(t, longest, what, func() (bool, error) {
		over := false
		select {
		case <-r.ended:
			over = true // then this is the last look
		default:
		}
		ok, err := check()
		if ok {
			return true, nil
		}
		died = over
		if over {
			return true, nil
		}
		return false, err
	})
	if died {
		t.Fatalf("the program ended with code %d before there was %s", r.cmd.ProcessState.ExitCode(), what)
	}
}
