package mysql

import (
	"bytes"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/meepo-replicate/meepo/source"
)

// TestPreferred_KeepsThePasswordFromAFalseServer: somebody between says that the server has no TLS
// and asks for the password in clear text. He must not get it.
func TestPreferred_KeepsThePasswordFromAFalseServer(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	heard := make(chan []byte, 1)
	go func() {
		conn, err := listener.Accept()
		if err != nil {
			heard <- nil
			return
		}
		defer conn.Close()
		heard <- askForClearText(conn)
	}()
	_, err = Open(t.Context(), Config{Addr: listener.Addr().String(), User: "u", Password: password("hunter2"), TLS: source.TLSConfig{Mode: source.TLSPreferred}, DialTimeout: 5 * time.Second})
	listener.Close()
	got := <-heard
	if err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("open: %v", err)
	}
	if len(got) == 0 {
		t.Error("the false server was not even greeted")
	}
	if bytes.Contains(got, []byte("hunter2")) {
		t.Error("the false server got the password")
	}
}

// askForClearText plays a server without TLS up to the question and returns what the client said.
func askForClearText(conn net.Conn) []byte {
	_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
	const capabilities = 0x00000001 | 0x00000200 | 0x00008000 | 0x00080000 | 0x01000000 // no 0x800, SSL
	greeting := append([]byte{10}, "8.0.99\x00\x01\x00\x00\x0012345678\x00"...)
	greeting = append(greeting, capabilities&0xFF, capabilities>>8&0xFF, 45, 2, 0, capabilities>>16&0xFF, capabilities>>24&0xFF, 21)
	greeting = append(greeting, make([]byte, 10)...)
	greeting = append(greeting, "123456789012\x00caching_sha2_password\x00"...)
	packet := func(seq byte, payload []byte) []byte {
		return append([]byte{byte(len(payload)), byte(len(payload) >> 8), 0, seq}, payload...)
	}
	_, _ = conn.Write(packet(0, greeting))
	answer := make([]byte, 4096)
	n, _ := conn.Read(answer)
	_, _ = conn.Write(packet(2, []byte("\xfemysql_clear_password\x00")))
	rest, _ := io.ReadAll(conn)
	return append(answer[:n], rest...)
}
