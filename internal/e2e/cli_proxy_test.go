package e2e

import (
	"net/url"
	"testing"

	"github.com/meepo-replicate/meepo/internal/faultproxy"
	"github.com/meepo-replicate/meepo/internal/servertest"
)

// inFront starts a proxy in front of a server of that URL and returns it with the URL to use instead.
func inFront(t *testing.T, server string) (*faultproxy.TCP, string) {
	t.Helper()
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	p := faultproxy.StartTCP(t, u.Host)
	u.Host = p.Addr
	return p, u.String()
}

// awaitHeld waits until the frozen proxy holds something back.
func awaitHeld(t *testing.T, p *faultproxy.TCP) {
	t.Helper()
	servertest.Eventually(t, longest, "a request in the frozen proxy", func() (bool, error) { return p.Held(), nil })
}
