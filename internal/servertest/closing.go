package servertest

import (
	"net/http"
	"testing"
)

// Closing runs a package's tests and then closes the connections that are left of those requests
// which the tests made themselves, for goleak to find nothing but what was forgotten:
//
//	func TestMain(m *testing.M) { goleak.VerifyTestMain(servertest.Closing{M: m}) }
type Closing struct{ *testing.M }

// Run is what goleak calls. It returns the exit code of the tests.
func (c Closing) Run() int {
	code := c.M.Run()
	http.DefaultClient.CloseIdleConnections()
	return code
}
