package faultproxy_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/meepo-replicate/meepo/internal/faultproxy"
	"github.com/meepo-replicate/meepo/internal/servertest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// echo is a server that sends back every line.
func echo(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	t.Cleanup(func() { l.Close(); <-ended })
	go func() {
		defer close(ended)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { defer c.Close(); _, _ = io.Copy(c, c) }()
		}
	}()
	return l.Addr().String()
}

// line is a connection that says a line and hears one.
type line struct {
	net.Conn
	r *bufio.Reader
}

func dial(t *testing.T, address string) line {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return line{c, bufio.NewReader(c)}
}

func (l line) hears(t *testing.T, want string) {
	t.Helper()
	if got, err := l.r.ReadString('\n'); got != want {
		t.Errorf("heard %q, %v, want %q", got, err, want)
	}
}

func TestTCP(t *testing.T) {
	p := faultproxy.StartTCP(t, echo(t))
	c := dial(t, p.Addr)
	fmt.Fprintln(c, "before")
	c.hears(t, "before\n")

	p.Freeze()
	if p.Held() {
		t.Error("something is held back before anything came")
	}
	fmt.Fprintln(c, "frozen")
	servertest.Eventually(t, 10*time.Second, "something held back", func() (bool, error) { return p.Held(), nil })
	p.Thaw()
	c.hears(t, "frozen\n")

	p.Freeze()
	fmt.Fprintln(c, "lost")
	servertest.Eventually(t, 10*time.Second, "something held back", func() (bool, error) { return p.Held(), nil })
	if n := p.Cut(); n != 1 {
		t.Errorf("%d connections cut", n)
	}
	c.hears(t, "")
	p.Thaw()
	c = dial(t, p.Addr)
	fmt.Fprintln(c, "after")
	c.hears(t, "after\n")
}

// TestTCP_NobodyBehindIt: a client sees that its connection ends.
func TestTCP_NobodyBehindIt(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	p := faultproxy.StartTCP(t, l.Addr().String())
	dial(t, p.Addr).hears(t, "")
}

func TestHTTP(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %s %q %s", r.Method, r.URL.RequestURI(), r.Header.Get("Authorization"), body)
	}))
	t.Cleanup(server.Close)
	p := faultproxy.NewHTTP(t, server.URL)
	p.InterceptFunc = func(w http.ResponseWriter, r *faultproxy.Request) bool {
		switch {
		case r.Path == "/busy":
			return faultproxy.Refuse(w, http.StatusTooManyRequests, "3")
		case r.Path == "/cut" && r.Auth == "Bearer x":
			faultproxy.CutOff(w)
		}
		return false
	}
	p.AfterFunc = func(w http.ResponseWriter, r *faultproxy.Request, answer *http.Response) bool {
		if r.Path != "/after" {
			return false
		}
		fmt.Fprint(w, "instead of ", answer.StatusCode)
		return true
	}
	front := p.Start()
	client := server.Client()
	for path, want := range map[string]string{
		"/plain?a=b": `200 POST /plain?a=b "" body`,
		"/busy":      `429 {"error"`,
		"/cut":       "cut off",
		"/after":     "200 instead of 200",
	} {
		u, err := url.Parse(front + path)
		if err != nil {
			t.Fatal(err)
		}
		request := &http.Request{Method: http.MethodPost, URL: u, Header: http.Header{"Authorization": {"Bearer x"}}, Body: io.NopCloser(strings.NewReader("body"))}
		got := "cut off"
		if answer, err := client.Do(request); err == nil {
			text, _ := io.ReadAll(answer.Body)
			answer.Body.Close()
			got = fmt.Sprintf("%d %s", answer.StatusCode, text)
		}
		if !strings.HasPrefix(got, want) {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
}
