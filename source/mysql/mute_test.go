package mysql

import (
	"net"
	"testing"
	"time"
)

// TestMuteServer: something accepts connections and never says a word. Connecting to it ends by
// itself, for reading rows as for the log.
func TestMuteServer(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0") // its queue of connections takes ours
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	cfg := Config{Addr: listener.Addr().String(), User: "u", DialTimeout: 300 * time.Millisecond,
		ReadTimeout: 300 * time.Millisecond, Heartbeat: 100 * time.Millisecond}
	if s, err := Open(t.Context(), cfg); err == nil {
		s.Close()
		t.Error("opened")
	}
	cfg = cfg.withDefaults()
	s := &Source{cfg: cfg, log: cfg.Logger, info: server{flavor: flavorMySQL}}
	set, err := parseGTIDSet("")
	if err != nil {
		t.Fatal(err)
	}
	if l, err := s.dialLog(t.Context(), dialing{at: position{kind: byGTID, set: set}, serverID: 7}); err == nil {
		l.close()
		t.Error("the log was opened")
	} else {
		t.Logf("the log: %v", err)
	}
}
