package servertest

import (
	"fmt"
	"testing"
)

// PrivateElastic is an Elasticsearch of one test's own, which keeps its data and
// its port over Stop, Kill and Start. It is killed and removed when the test ends.
type PrivateElastic struct {
	URL    string // http://host:port, without a slash at the end
	server *server
}

// StartElastic starts an Elasticsearch with further settings, each as name=value.
func StartElastic(t testing.TB, settings ...string) *PrivateElastic {
	t.Helper()
	s := newServer(t, "Elasticsearch")
	s.start = func(more []string) []string {
		command := append([]string{"elastic/start.sh", s.dir, fmt.Sprint(s.port)}, settings...)
		return append(command, more...)
	}
	s.stop = []string{"elastic/stop.sh"}
	p := &PrivateElastic{URL: fmt.Sprintf("http://127.0.0.1:%d", s.port), server: s}
	s.run(t)
	return p
}

// Start starts the server again with its data, port and settings, and these more
// settings for this once. It returns when the server answers.
func (p *PrivateElastic) Start(t testing.TB, more ...string) {
	t.Helper()
	p.server.run(t, more...)
}

// Stop shuts the server down cleanly and returns when its process has ended.
func (p *PrivateElastic) Stop(t testing.TB) {
	t.Helper()
	p.server.end(t)
}

// Kill ends the server's process at once, as in a crash.
func (p *PrivateElastic) Kill(t testing.TB) {
	t.Helper()
	p.server.end(t, "-9")
}

// Open returns a random prefix for index names on the server, like OpenElastic.
// The indexes are not deleted: they go with the server.
func (p *PrivateElastic) Open() *Elastic {
	return &Elastic{URL: p.URL, Prefix: randomName("t") + "-"}
}
