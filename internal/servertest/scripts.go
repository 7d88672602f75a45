package servertest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// repoRoot returns the folder of go.mod, above the folder a test runs in.
var repoRoot = sync.OnceValues(func() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("no go.mod above the working folder")
		}
		dir = parent
	}
})

// server is a private server: a folder and a port that outlive its process.
type server struct {
	title string
	dir   string
	port  int
	start func(more []string) []string // the command that starts it, relative to scripts/servers
	stop  []string
}

// newServer makes the folder of a private server and sees to its end. What a
// killed test leaves is stopped with the shared servers, by its folder.
func newServer(t testing.TB, title string) *server {
	t.Helper()
	run := serverEnv(t, runDirEnv, "private "+title)
	port, err := freePort()
	if err != nil {
		t.Fatalf("servertest: %v", err)
	}
	parent := filepath.Join(run, "private")
	if err := os.MkdirAll(parent, 0o755); err != nil {
		t.Fatalf("servertest: make the folder of private servers: %v", err)
	}
	s := &server{title: title, dir: filepath.Join(parent, randomName("p")), port: port}
	t.Cleanup(func() { s.cleanup(t) })
	return s
}

// cleanup kills the server, since its data are thrown away, and shows its log if
// the test failed.
func (s *server) cleanup(t testing.TB) {
	if err := s.script(s.stopCommand("-9")...); err != nil {
		t.Errorf("servertest: %v", err)
		return
	}
	if t.Failed() {
		t.Logf("end of the log of the private %s:\n%s", s.title, tail(filepath.Join(s.dir, "err.log"), 4000))
	}
	if err := os.RemoveAll(s.dir); err != nil {
		t.Errorf("servertest: remove the data of a private server: %v", err)
	}
}

// run starts the server; a server that runs already stays as it is.
func (s *server) run(t testing.TB, more ...string) {
	t.Helper()
	if err := s.script(s.start(more)...); err != nil {
		t.Fatalf("servertest: start a private %s: %v", s.title, err)
	}
}

// end ends the server's process and waits for it; flags may hold "-9".
func (s *server) end(t testing.TB, flags ...string) {
	t.Helper()
	if err := s.script(s.stopCommand(flags...)...); err != nil {
		t.Fatalf("servertest: stop a private %s: %v", s.title, err)
	}
}

func (s *server) stopCommand(flags ...string) []string {
	command := append([]string{}, s.stop...)
	return append(append(command, flags...), s.dir)
}

// script runs a script of scripts/servers. Its output goes to a file: the server
// it starts would keep a pipe open, and a reader of that waiting.
func (s *server) script(command ...string) error {
	root, err := repoRoot()
	if err != nil {
		return err
	}
	out, err := os.CreateTemp("", "servertest-")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(out.Name()) }()
	defer out.Close()
	cmd := exec.Command(filepath.Join(root, "scripts", "servers", command[0]), command[1:]...)
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w\n%s", command[0], err, tail(out.Name(), 4000))
	}
	return nil
}

// tail returns the last n bytes of a file.
func tail(path string, n int) string {
	data, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	return string(data[max(0, len(data)-n):])
}

// freePort returns a port that nothing listens on. It is below the range that
// outgoing connections take theirs from, so that it stays free over a restart.
func freePort() (int, error) {
	var last error
	for range 100 {
		port := 10_000 + rand.IntN(6_000)
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			last = err
			continue
		}
		return port, l.Close()
	}
	return 0, fmt.Errorf("find a free port: %w", last)
}
